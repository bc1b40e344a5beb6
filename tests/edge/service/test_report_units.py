"""The timer that writes the report every night: its units, and where they are installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

UNITS = ("fer-edge-report.service", "fer-edge-report.timer")
#: On systemd's scale from 0 to 10.
EXPOSURE = 1.5


def analyze(*words: object) -> subprocess.CompletedProcess[str]:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze on this machine: apt install systemd")
    return subprocess.run(
        ["systemd-analyze", *map(str, words)], capture_output=True, text=True, check=False
    )


def copied(folder: Path, *changes: tuple[str, str]) -> list[Path]:
    paths = []
    for name in UNITS:
        text = (ROOT / "systemd" / name).read_text()
        text = text.replace("/opt/fer-edge/bin/fer-edge", "/bin/true")
        for old, new in changes:
            text = text.replace(old, new)
        paths.append(folder / name)
        paths[-1].write_text(text)
    return paths


def test_systemd_accepts_them(tmp_path: Path) -> None:
    done = analyze("verify", *copied(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "fer-edge-report" not in done.stderr
    wrong = analyze("verify", *copied(tmp_path, ("Persistent=yes", "Persistant=yes")))
    assert "fer-edge-report.timer" in wrong.stderr


def test_the_report_has_few_rights_and_no_network() -> None:
    limit = f"--threshold={round(EXPOSURE * 10)}"
    unit = ROOT / "systemd" / UNITS[0]
    done = analyze("security", "--offline=true", limit, unit)
    assert done.returncode == 0, done.stdout[-300:]
    assert "PrivateNetwork=yes" in unit.read_text()


def test_it_is_installed_but_not_enabled() -> None:
    installer = (ROOT / "systemd" / "install.sh").read_text()
    for name in UNITS:
        assert name in installer
    assert "enable fer-edge-report" not in installer
    assert "enable fer-edge-report" not in (ROOT / "systemd" / "debian" / "postinst").read_text()
