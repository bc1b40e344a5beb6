"""Another version over a running one, and the way out."""

from __future__ import annotations

from itertools import pairwise

from tests.conftest import Mosquitto
from tests.systems.conftest import Figure
from tests.systems.machine import CHECKOUT
from tests.systems.pi import LOGS, STATE, Pi, waited

NEXT = "/srv/next"


def test_an_upgrade_of_the_running_service(running: Pi, broker: Mosquitto, figure: Figure) -> None:
    waited(lambda: len(running.rows()) >= 10, "rows")
    process, before = running.pid(), running.rows()
    mine = running.folder("/etc/fer-edge/config.toml").read_text()
    parts = "pyproject.toml README.md LICENSE config.toml edge convert systemd"
    running.machine.run(f"mkdir {NEXT}; cd {CHECKOUT}; cp -r {parts} {NEXT}")
    running.machine.run(
        f"sed -i 's/^__version__ = .*/__version__ = \"9.9.9\"/' {NEXT}/edge/__init__.py"
    )
    said = running.machine.run(f"{NEXT}/systemd/install.sh 2>&1").stdout
    running.ready(process)
    waited(lambda: len(running.rows()) > len(before) + 10, "more rows")
    after = running.rows()
    assert running.machine.run("fer-edge --version").stdout == "fer-edge 9.9.9\n"
    assert said.endswith("install.sh: done; the service is running again\n")
    assert running.folder("/etc/fer-edge/config.toml").read_text() == mine
    assert after[: len(before)] == before
    times = [row.time.timestamp() for row in after]
    gap_s = max(b - a for a, b in pairwise(times))
    figure(f"{gap_s:.1f} s without readings, no row lost, configuration kept")


def test_it_can_be_removed_and_leaves_what_is_the_users(pi: Pi) -> None:
    for _ in range(2):  # twice does no harm
        said = pi.machine.run(f"{CHECKOUT}/systemd/install.sh --uninstall").stdout
        assert said.startswith("install.sh: program and service removed; kept: /etc/fer-edge")
    assert pi.machine.run("systemctl cat fer-edge; ls /opt/fer-edge", check=False).stdout == ""
    assert pi.machine.run("command -v fer-edge", check=False).returncode
    assert pi.rows()
    assert "config.toml" in pi.machine.run("ls /etc/fer-edge").stdout


def test_a_purge_leaves_nothing(pi: Pi) -> None:
    for _ in range(2):
        pi.machine.run(f"{CHECKOUT}/systemd/install.sh --purge")
    left = f"ls -d /etc/fer-edge /opt/fer-edge {LOGS} {STATE} /etc/systemd/system/fer-edge*"
    assert pi.machine.run(left, check=False).stdout == ""
    assert pi.machine.run("getent passwd fer-edge; getent group fer-edge", check=False).stdout == ""
