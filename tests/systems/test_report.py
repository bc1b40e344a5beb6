"""The report every night: its timer, and its unit with all restrictions, in a booted system."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from edge.diary import layout, schema
from tests.conftest import ROOT
from tests.support.samples import LABELS, reading
from tests.systems.conftest import Figure
from tests.systems.pi import LOGS, Pi, waited

TIMER, SERVICE = "fer-edge-report.timer", "fer-edge-report.service"
READINGS = 120
#: What the unit's process must not be able to do, said by that process.
RESTRICTED = """[Service]
ExecStartPost=/opt/fer-edge/bin/python3 /srv/restricted.py
"""
RESTRICTED_PY = """
import os, pwd, socket

def refused(act, *words):
    try:
        act(*words)
    except OSError:
        return True
    return False

assert pwd.getpwuid(os.getuid()).pw_name == "fer-edge"
assert refused(socket.socket)
assert refused(open, "/etc/fer-edge/new", "w") and refused(open, "/var/lib/fer-edge/new", "w")
assert not os.path.exists("/dev/mem") and not os.listdir("/tmp")
print("restricted", flush=True)
"""
#: A night that was missed is made up for, here at once.
MISSED = f"""
touch -d '2 days ago' /var/lib/systemd/timers/stamp-{TIMER}
systemctl restart {TIMER}
"""


def commands() -> tuple[str, str]:
    """Those of the page, for root: the first, where install.sh was used, and the last."""
    text = (ROOT / "docs" / "report.md").read_text()
    section = re.search(r"^### Every night\n(.*?)^## ", text, re.M | re.S)
    assert section
    blocks = re.findall(r"^```sh\n(.*?)\n```", section[1], re.M | re.S)
    return blocks[0].removeprefix("sudo "), blocks[-1].removeprefix("sudo ")


def show(pi: Pi, unit: str, name: str) -> str:
    return pi.machine.run(f"systemctl show -p {name} --value {unit}").stdout.strip()


def diary() -> str:
    """Two minutes of yesterday's noon."""
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    times = (noon + timedelta(days=-1, seconds=second) for second in range(READINGS))
    rows = (schema.format_row(reading(face=1, time=time)).decode() for time in times)
    return schema.header(LABELS) + "\r\n" + "".join(rows)


def test_the_timer_is_enabled_as_the_page_says_and_writes_the_report(
    pi: Pi, figure: Figure
) -> None:
    pi.fresh("/nowhere", None)
    install, enable = commands()
    pi.machine.run(install)
    pi.machine.run(enable)
    assert show(pi, TIMER, "UnitFileState") == "enabled"
    assert show(pi, TIMER, "ActiveState") == "active"
    due = re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d", show(pi, TIMER, "NextElapseUSecRealtime"))
    assert due
    assert "00:20" <= due[0][-5:] <= "00:30"

    pi.machine.put(f"{LOGS}/{layout.NAME}", diary())
    pi.machine.run(f"chown fer-edge: {LOGS}/*")
    pi.machine.put("/srv/restricted.py", RESTRICTED_PY)
    pi.machine.put(f"/etc/systemd/system/{SERVICE}.d/test.conf", RESTRICTED)
    pi.machine.put(f"/etc/systemd/system/{TIMER}.d/test.conf", "[Timer]\nRandomizedDelaySec=0\n")
    pi.machine.run(f"systemctl daemon-reload; {MISSED}")
    page = pi.folder(f"{LOGS}/report.html")
    seconds = waited(
        lambda: page.exists() and show(pi, SERVICE, "ActiveState") in {"inactive", "failed"},
        "the timer's report",
        300,
    )
    said = pi.machine.run(f"journalctl -u {SERVICE} -o cat --no-pager").stdout
    assert show(pi, SERVICE, "Result") == "success", said
    assert {f"{LOGS}/report.html", "restricted"} <= {*said.splitlines()}
    stat = pi.machine.run(f"stat -c '%A %U %G' {LOGS}/report.html").stdout
    assert stat == "-rw-r----- fer-edge fer-edge\n"
    text = page.read_text()
    assert f"{READINGS} readings used" in text
    assert "<svg" in text
    figure(f"written after {seconds:.0f} s")
    pi.machine.run(
        f"systemctl disable --now {TIMER}; rm -r /etc/systemd/system/fer-edge-report.*.d;"
        " systemctl daemon-reload"
    )
