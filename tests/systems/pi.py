"""FER Edge installed in a container, as its tests see it: the service, its diary, its alerts."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge.diary import layout, schema
from tests.conftest import Mosquitto, wait_for
from tests.support.diaries import contents, parsed
from tests.support.service import HASTY_ALERT
from tests.systems.machine import CHECKOUT, Machine

LOGS, STATE = "/var/log/fer-edge", "/var/lib/fer-edge"
#: The installer's exit status where the service is installed, but `fer-edge check` failed.
NOT_READY = 3
DROP_IN = "/etc/systemd/system/fer-edge.service.d/test.conf"
LINES = (
    """device = "pi"
[camera]
source = "{source}"
[mood]
reading_interval_s = 0.2
rate_hz = 15.0
[diary]
fsync_s = 1.0
[mqtt]
host = "{host}"
port = {port}
"""
    + HASTY_ALERT
)


class Pi:
    """The service in `machine`. Times are this machine's, in seconds."""

    def __init__(self, machine: Machine, release: str) -> None:
        self.machine, self.release = machine, release
        self._since_s = 0.0
        self.transcript = ""

    def install(self, expected: int = 0) -> str:
        """Runs the installer of this checkout, as a root who keeps files private; what it said."""
        done = self.machine.run(f"umask 077; {CHECKOUT}/systemd/install.sh 2>&1", check=False)
        assert done.returncode == expected, done.stdout
        return done.stdout

    def fresh(self, source: str, broker: Mosquitto | None, *, more: str = "") -> None:
        """The service stopped, with no past, and newly configured."""
        self.machine.run(
            f"systemctl stop fer-edge; systemctl reset-failed fer-edge; umount {LOGS};"
            f" rm -rf {LOGS}/* {STATE}/* {DROP_IN} /etc/fer-edge/config.toml.new;"
            " systemctl daemon-reload",
            check=False,
        )
        self.configure(source, broker, more=more)
        self._since_s = time.time()

    def configure(self, source: str, broker: Mosquitto | None, *, more: str = "") -> None:
        port = broker.port if broker else 1883
        host = "127.0.0.1" if broker else ""
        lines = LINES.format(source=source, host=host, port=port)
        self.machine.put("/etc/fer-edge/config.toml", lines + more)

    def drop_in(self, lines: str) -> None:
        """Changes the unit for one test."""
        self.machine.put(DROP_IN, f"[Service]\n{lines}\n")
        self.machine.run("systemctl daemon-reload")

    def start(self, *, block: bool = True) -> None:
        self.machine.run(f"systemctl start {'' if block else '--no-block '}fer-edge")

    def stop(self) -> float:
        """How long it took."""
        began_s = time.monotonic()
        self.machine.run("systemctl stop fer-edge")
        return time.monotonic() - began_s

    def kill(self, signal: str) -> None:
        self.machine.run(f"systemctl kill --kill-who=main --signal={signal} fer-edge")

    def show(self, name: str) -> str:
        """A property of the unit."""
        return self.machine.run(f"systemctl show -p {name} --value fer-edge").stdout.strip()

    def pid(self) -> int:
        """The main process, 0 for none."""
        return int(self.show("MainPID"))

    def ready(self, after_pid: int = 0) -> float:
        """Waits until it is up, as another process than `after_pid`; how long that took."""
        return waited(
            lambda: self.show("ActiveState") == "active" and self.pid() not in {0, after_pid},
            "the service to be ready",
        )

    def said(self) -> str:
        """What the service, and systemd of it, wrote into the log since `fresh`."""
        since = f"@{self._since_s:.3f}"
        read = f"journalctl -u fer-edge -o cat --no-pager --since={since}"
        return self.machine.run(read).stdout

    def rows(self) -> list[schema.Row]:
        """All rows of the diary in order; fails where a byte on the disk is not a whole row."""
        found: list[schema.Row] = []
        for path in layout.files(self.folder(LOGS)):
            found += whole(path)
        return found

    def folder(self, path: str) -> Path:
        """Where this machine sees a directory of the container."""
        return self.machine.root / path.lstrip("/")


def whole(path: Path) -> list[schema.Row]:
    """The rows of one file, each of which must be whole."""
    lines = contents(path).decode().split("\n")
    assert lines.pop() == "", f"{path}: torn end"
    rows = parsed(line + "\n" for line in lines)
    assert len(rows) == max(len(lines) - 1, 0), f"{path}: torn row"
    return rows


def waited(true: Callable[[], object], what: str, timeout_s: float = 60) -> float:
    """Waits until `true()`; how long that took."""
    began_s = time.monotonic()
    wait_for(true, what, timeout_s)
    return time.monotonic() - began_s


def once_each(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a receiver that checks `id` makes of them."""
    return list({message["id"]: message for message in messages}.values())


def paired(messages: list[dict[str, Any]]) -> bool:
    """Whether raised and cleared take turns and each episode is cleared after it was raised."""
    kinds = [message["event_type"] for message in messages]
    pairs = zip(messages[::2], messages[1::2], strict=False)
    return kinds == (["raised", "cleared"] * len(kinds))[: len(kinds)] and all(
        first["episode"] == second["episode"] for first, second in pairs
    )
