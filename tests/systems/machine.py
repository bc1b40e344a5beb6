"""Debian in a container, booted with its own systemd: as near to a Pi as it gets without one."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
from pathlib import Path

from tests.conftest import ROOT, wait_for

ROOTS = Path(os.environ.get("FER_EDGE_ROOTS", "/var/cache/fer-edge-roots"))
BUILD = Path(__file__).with_name("build-root")
#: Where a container sees this checkout.
CHECKOUT = "/srv/fer-edge"
_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
# With the old cgroups (v1) a container that no service manager registers needs groups of its own,
# else MemoryMax= and DeviceAllow= are silently not enforced.
_IN_OWN_CGROUPS = """
for c in memory devices pids cpu cpuacct; do
  p=$(sed -n "s/^[0-9]*:$c://p" /proc/self/cgroup); [ -n "$p" ] || continue
  d=/sys/fs/cgroup/$c${p%/}/$1; mkdir -p "$d"; echo $$ > "$d/cgroup.procs"
done
shift; exec "$@"
"""
_WRITABLE_CGROUPS = """
for c in memory devices pids cpu cpuacct; do
  mount -o remount,bind,rw /sys/fs/cgroup/$c 2>/dev/null || true
done
"""


def lacking() -> str:
    """Why this machine cannot have such containers; empty when it can."""
    if os.geteuid() != 0:
        return "needs root: debootstrap, mount and systemd-nspawn do"
    for program, package in (
        ("debootstrap", "debootstrap"),
        ("systemd-nspawn", "systemd-container"),
    ):
        if shutil.which(program) is None and shutil.which(program, path="/usr/sbin") is None:
            return f"no {program} on this machine: apt install {package}"
    return ""


def root(name: str) -> tuple[Path | None, str]:
    """The cached root file system `name`, made when it is not there; else why not."""
    done = subprocess.run([BUILD, name], capture_output=True, text=True, check=False)
    return (None, done.stderr.strip()) if done.returncode else (ROOTS / name, "")


class Machine:
    """A container over the root file system `base`, which stays as it is; changes go to `folder`.

    The network, and with it a broker on the loopback, is this machine's.
    """

    def __init__(self, base: Path, folder: Path) -> None:
        self.root, self._folder = folder / "root", folder
        self.name = f"fer-edge-{folder.name}"[:60]
        self._process: subprocess.Popen[bytes] | None = None
        self._init = 0
        for part in ("upper", "work", "root"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        layers = f"lowerdir={base},upperdir={folder}/upper,workdir={folder}/work"
        subprocess.run(["mount", "-t", "overlay", "fer-edge", "-o", layers, self.root], check=True)

    def boot(self) -> None:
        """Returns when systemd says that it is up, or up in part."""
        cache = ROOTS / "pip"
        cache.mkdir(exist_ok=True)
        nspawn = ["systemd-nspawn", "-q", "-D", self.root, "--boot", f"--hostname={self.name}"]
        nspawn += [f"--bind-ro={ROOT}:{CHECKOUT}", f"--bind={cache}:/root/.cache/pip"]
        # Reading the clock's state, which a Pi allows and such a container usually does not.
        nspawn += ["--system-call-filter=adjtimex clock_adjtime"]
        if not Path("/run/systemd/system").is_dir():  # nobody to register with
            nspawn += ["--register=no", "--keep-unit"]
        with (self._folder / "console.txt").open("ab") as console:
            self._process = subprocess.Popen(
                ["bash", "-c", _IN_OWN_CGROUPS, "-", self.name, *map(str, nspawn)],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
            )
        wait_for(self._up, "systemd to come up", 60)
        self.run(_WRITABLE_CGROUPS, joined=False)
        self.run("systemctl daemon-reexec")

    def _up(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "console.txt").read_text()
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text()
        if not children:
            return False
        self._init = int(children.split()[0])
        state = self.run("systemctl is-system-running", check=False, joined=False).stdout.strip()
        return state in {"running", "degraded"}

    def run(
        self, script: str, *, check: bool = True, joined: bool = True, timeout_s: float = 400
    ) -> subprocess.CompletedProcess[str]:
        """Runs `script` with bash inside; `joined`: in the container's own cgroups."""
        spaces = ["-m", "-u", "-i", "-p", "-r", "-w", *(["-C"] if joined else [])]
        environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "LANG": "C.UTF-8",
            "PIP_CERT": _CERTIFICATES,
        }
        done = subprocess.run(
            ["nsenter", "-t", str(self._init), *spaces, "--", "bash", "-c", script],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"{script}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def put(self, path: str, text: str, mode: int = 0o644) -> None:
        """Writes a file inside."""
        self.run(f"mkdir -p {shlex.quote(str(Path(path).parent))}")
        inside = self.root / path.lstrip("/")
        inside.write_text(text)
        inside.chmod(mode)

    def halt(self) -> None:
        """Shuts down as one does."""
        self._end(signal.SIGRTMIN + 4)

    def power_cut(self) -> None:
        """Every process is gone at once. What the kernel had to write it still writes."""
        self._end(signal.SIGKILL)

    def _end(self, number: int) -> None:
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._init, number)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def close(self) -> None:
        """Halts it; its files, half a gigabyte, go."""
        self.halt()
        subprocess.run(["umount", "--lazy", self.root], check=True)
        for part in ("upper", "work"):
            subprocess.run(["rm", "-rf", "--one-file-system", self._folder / part], check=False)
