"""What the service may do: `fer-edge check` by root runs with its rights and restrictions."""

from __future__ import annotations

import grp
import os
import pwd
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from edge.errors import FerEdgeError

USER, UNIT = "fer-edge", "fer-edge.service"
#: What systemd sets for the unit (`LogsDirectory`, `StateDirectory`).
DIRECTORIES = {"LOGS_DIRECTORY": "/var/log/fer-edge", "STATE_DIRECTORY": "/var/lib/fer-edge"}
#: Set for the process that checks, which may be root's too, by a drop-in.
_CHECKING = "FER_EDGE_CHECKING"
#: Of a unit, what says how it is kept running.
_RUNNING = re.compile(r"(Type|Exec|Restart|Watchdog|Timeout)")


class Transient(NamedTuple):
    """What `systemd-run` takes over from a unit."""

    program: str
    properties: tuple[str, ...]


def service_user() -> str | None:
    """Return the user who checks in our place: the service's for root, else None."""
    if os.geteuid() != 0 or _CHECKING in os.environ:
        return None
    try:
        return pwd.getpwnam(USER).pw_name
    except KeyError:  # not installed as a service
        return None


def run_as_service(user: str, arguments: list[str]) -> int:
    """Run `fer-edge` with `arguments` as the service would; return its exit code.

    Under systemd with all that the unit and its drop-ins say, else only as `user`.
    """
    sys.stdout.flush()
    unit = _unit()
    if unit is None:
        return _as_user(user, arguments)
    command = ["systemd-run", "--quiet", "--wait", "--pipe", "--collect"]
    command += [f"--setenv={_CHECKING}=1", *(f"--property={p}" for p in unit.properties)]
    return subprocess.run([*command, unit.program, *arguments], check=False).returncode


def _unit() -> Transient | None:
    if not Path("/run/systemd/system").is_dir():
        return None
    shown = subprocess.run(["systemctl", "cat", UNIT], capture_output=True, text=True, check=False)
    return transient(shown.stdout) if shown.returncode == 0 else None


def transient(text: str) -> Transient | None:
    """Return what `systemctl cat` says of a service, None where it has no program."""
    lines = list(_service_lines(text))
    programs = re.findall(r"^ExecStart=(\S+)", "\n".join(lines), re.MULTILINE)
    if not programs:
        return None
    return Transient(programs[-1], tuple(line for line in lines if not _RUNNING.match(line)))


def _service_lines(text: str) -> Iterator[str]:
    section = ""
    for line in text.splitlines():
        if line.startswith("["):
            section = line.strip()
        elif section == "[Service]" and re.match(r"[A-Z]\w*=", line):
            yield line


def _as_user(user: str, arguments: list[str]) -> int:
    account = pwd.getpwnam(user)
    groups = set(os.getgrouplist(user, account.pw_gid)) | set(_video())
    environment = _environment(os.environ, account.pw_dir)
    try:
        return subprocess.run(
            [sys.executable, "-m", "edge", *arguments],
            user=account.pw_uid,
            group=account.pw_gid,
            extra_groups=sorted(groups),
            umask=0o027,
            cwd="/",
            env=environment,
            check=False,
        ).returncode
    except PermissionError as error:
        raise FerEdgeError(
            f"{sys.executable}: the user {user} cannot run it; install with systemd/install.sh"
        ) from error


def _video() -> Iterator[int]:
    """Yield the group of cameras, as the unit's SupplementaryGroups."""
    try:
        yield grp.getgrnam("video").gr_gid
    except KeyError:
        return


def _environment(ours: Mapping[str, str], home: str) -> dict[str, str]:
    kept = {key: ours[key] for key in ("PATH", "LANG", "LC_ALL") if key in ours}
    path = os.pathsep.join(str(Path(place).absolute()) for place in sys.path)
    return DIRECTORIES | kept | {"HOME": home, "PYTHONPATH": path, _CHECKING: "1"}
