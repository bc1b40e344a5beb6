"""The installer, on a machine that had nothing of ours; the unit as it runs there."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable

import pytest

from tests.conftest import Mosquitto
from tests.support.mqtt import listening, texts
from tests.systems.machine import CHECKOUT
from tests.systems.pi import LOGS, NOT_READY, STATE, Pi, waited
from tests.systems.stream import Stream

INSTALLER = f"{CHECKOUT}/systemd/install.sh"


def stat(pi: Pi, path: str) -> str:
    return pi.machine.run(f"stat -c '%A %U %G' {path}").stdout.strip()


def test_it_installs_and_ends_with_a_check(pi: Pi) -> None:
    said = pi.transcript
    assert "\nok    model   /opt/fer-edge/lib/" in said
    assert f"\nok    diary   {LOGS}: " in said
    assert f"\nok    state   {STATE}: " in said
    assert "\nFAIL  camera  no camera found" in said
    assert "\n  Collecting numpy" in said, "it tells what it is waiting for"
    *_, last = said.splitlines()
    assert last.startswith("install.sh: installed, but not ready: fix what FAIL names above")
    assert last.endswith("sudo systemctl start fer-edge")
    assert said.count("\ninstall.sh: done") == 0
    assert pi.machine.run("systemctl is-enabled fer-edge").stdout == "enabled\n"


def test_everything_is_whose_it_should_be(pi: Pi) -> None:
    assert stat(pi, LOGS) == "drwxr-x--- fer-edge fer-edge"
    assert stat(pi, STATE) == "drwx------ fer-edge fer-edge"
    assert stat(pi, "/opt/fer-edge/bin/fer-edge") == "-rwxr-xr-x root root"
    assert pi.machine.run("runuser -u fer-edge -- /opt/fer-edge/bin/fer-edge --version").stdout
    assert pi.machine.run("id -nG fer-edge").stdout.split()[:2] == ["fer-edge", "video"]
    assert pi.machine.run("getent passwd fer-edge").stdout.endswith(f":{STATE}:/usr/sbin/nologin\n")
    found = "find / -xdev -user fer-edge -not -path '/proc/*' -not -path '/run/*'"
    for path in pi.machine.run(found).stdout.split():
        assert path.startswith((LOGS, STATE)), f"{path} is the service's to change"


def test_again_it_keeps_the_configuration_and_puts_the_new_beside(pi: Pi, camera: Stream) -> None:
    pi.fresh(camera.url, None)
    mine = pi.folder("/etc/fer-edge/config.toml").read_text()
    said = pi.install()
    assert "config.toml: kept; this version's defaults are in" in said
    assert "\ninstall.sh: done; to start it: sudo systemctl start fer-edge" in said
    assert pi.folder("/etc/fer-edge/config.toml").read_text() == mine
    new = pi.folder("/etc/fer-edge/config.toml.new").read_text()
    assert new == pi.machine.run(f"cat {CHECKOUT}/config.toml").stdout
    assert "\nok    camera  http://127.0.0.1:" in said


def test_the_check_sees_and_writes_what_the_service_does(pi: Pi, camera: Stream) -> None:
    """And no more: drop-ins count, root's view of the disk does not."""
    more = '[model]\npath = "/home/mine.tflite"\n[state]\ndirectory = "/srv/other"\n'
    pi.fresh(camera.url, None, more=more)
    text = pi.folder("/etc/fer-edge/config.toml").read_text()
    text = text.replace("[diary]\n", '[diary]\ndirectory = "/srv/usb"\n')
    pi.machine.put("/etc/fer-edge/config.toml", text)
    pi.machine.run(
        "install -d -o fer-edge /srv/usb /srv/other;"
        " cp /opt/fer-edge/lib/python3*/site-packages/edge/models/tiny.tflite /home/mine.tflite"
    )
    pi.drop_in("ReadWritePaths=/srv/usb")
    said = pi.install(NOT_READY)
    assert "\nFAIL  model   /home/mine.tflite: cannot read the model: " in said
    assert "\nok    camera  http://127.0.0.1:" in said
    assert "\nok    diary   /srv/usb: " in said
    assert "\nFAIL  state   state.directory: cannot write to /srv/other: Read-only" in said
    pi.machine.run("rm -r /home/mine.tflite /srv/usb /srv/other")


def test_a_dry_run_does_nothing(pi: Pi) -> None:
    listing = "find /etc /opt /usr/local /var/lib/fer-edge -printf '%p %T@ %i\\n' | sort | md5sum"
    before = pi.machine.run(listing).stdout
    for option in ("", "--uninstall", "--purge"):
        said = pi.machine.run(f"{INSTALLER} -n {option}").stdout
        assert said.startswith("install.sh: what would be done:\n")
        assert said.endswith("install.sh: nothing was done\n")
        assert "removed" not in said
    assert pi.machine.run(listing).stdout == before


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (f"runuser -u nobody -- {INSTALLER}", f"install.sh: must be root: sudo {INSTALLER}\n"),
        (f"PIP_RETRIES=0 unshare -n {INSTALLER}", "is the network there?\n"),
    ],
    ids=["not-root", "no-network"],
)
def test_what_is_in_the_way_is_said_in_a_line(pi: Pi, command: str, line: str) -> None:
    done = pi.machine.run(command, check=False)
    assert done.returncode == 1
    assert done.stderr.endswith(line)
    assert done.stderr.count("\n") == 1
    assert pi.machine.run("fer-edge --version").returncode == 0, "what was there still works"


def test_a_full_disk_is_not_called_a_network(pi: Pi) -> None:
    """pip's last line is about something else; the one that tells why is quoted."""
    full = "mount -t tmpfs -o size=1m tmpfs /srv/full && TMPDIR=/srv/full"
    script = f"mkdir -p /srv/full && {full} {INSTALLER}; code=$?; umount /srv/full; exit $code"
    done = pi.machine.run(f"unshare -m bash -c {shlex.quote(script)}", check=False)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "is the network there?" not in done.stderr


def test_the_unit_lets_the_clock_be_asked(pi: Pi, camera: Stream) -> None:
    """Else the diary's rows would never be marked while the clock is not synchronised."""
    pi.fresh(camera.url, None)
    ask = "raise SystemExit(ctypes.CDLL(None).adjtimex(ctypes.byref(_Timex(modes=0))) < 0)"
    pi.drop_in(
        "ExecStartPre=/opt/fer-edge/bin/python3 -c"
        f" 'import ctypes; from edge.clock import _Timex; {ask}'"
    )
    pi.start()
    assert pi.show("ActiveState") == "active"


def test_the_password_stays_with_root(
    pi: Pi, camera: Stream, new_broker: Callable[[str], Mosquitto]
) -> None:
    secret = "correct-horse-battery"
    broker = new_broker("allow_anonymous false\n")
    users = broker.directory / "users"
    subprocess.run(["mosquitto_passwd", "-b", "-c", users, "pi", secret], check=True)
    with (broker.directory / "mosquitto.conf").open("a") as lines:
        lines.write(f"password_file {users}\n")
    broker.start()
    pi.fresh(camera.url, broker)
    text = pi.folder("/etc/fer-edge/config.toml").read_text()
    own = 'username = "pi"\npassword_file = "/etc/fer-edge/mqtt-password"\n'
    pi.machine.put("/etc/fer-edge/config.toml", text.replace("[mqtt]\n", f"[mqtt]\n{own}"))
    pi.machine.put("/etc/fer-edge/mqtt-password", f"{secret}\n", 0o600)
    with listening(broker, "-u", "pi", "-P", secret) as subscriber:
        pi.start()
        waited(lambda: texts(subscriber, "state"), "a state from a service that knows the password")
        process = pi.pid()
        known = f"cat /proc/{process}/cmdline /proc/{process}/environ"
        assert secret not in pi.machine.run(known).stdout + pi.said()
        assert pi.machine.run(
            "runuser -u fer-edge -- cat /etc/fer-edge/mqtt-password", check=False
        ).returncode, "the service's user itself may not read it"
    pi.machine.run("rm /etc/fer-edge/mqtt-password; systemctl stop fer-edge")
