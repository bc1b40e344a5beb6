"""The unit's hardening, the password it passes on, and the shell scripts that go with it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from edge.config.schema import MqttConfig
from edge.errors import ConfigError
from edge.messaging.credentials import read_credentials
from tests.conftest import ROOT

UNIT = ROOT / "systemd" / "fer-edge.service"
#: What a stranger may at most do through us, on systemd's scale from 0 to 10.
EXPOSURE = 2.0
SCRIPTS = [
    path
    for path in [*ROOT.glob("systemd/**/*"), *ROOT.glob("tests/**/*"), ROOT / ".ci" / "run"]
    if path.is_file() and path.read_bytes().startswith((b"#!/usr/bin/env bash", b"#!/bin/sh"))
]


def exposure(unit: Path, threshold: float) -> subprocess.CompletedProcess[str]:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze on this machine: apt install systemd")
    limit = f"--threshold={round(threshold * 10)}"
    return subprocess.run(
        ["systemd-analyze", "security", "--offline=true", limit, unit],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_unit_is_hardened() -> None:
    done = exposure(UNIT, EXPOSURE)
    assert done.returncode == 0, done.stdout[-200:]
    print(done.stdout.strip().splitlines()[-1])


def test_the_threshold_would_tell(tmp_path: Path) -> None:
    (tmp_path / UNIT.name).write_text(UNIT.read_text().replace("NoNewPrivileges=yes", ""))
    assert exposure(tmp_path / UNIT.name, EXPOSURE - 0.2).returncode != 0


def test_the_cameras_are_allowed() -> None:
    allowed = [line for line in UNIT.read_text().splitlines() if line.startswith("DeviceAllow=")]
    assert allowed == [
        f"DeviceAllow=char-{kind} rw" for kind in ("video4linux", "media", "dma_heap")
    ]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_shellcheck_has_nothing_to_say(script: Path) -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("no shellcheck on this machine: apt install shellcheck")
    done = subprocess.run(["shellcheck", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


# The broker's password


def test_a_credential_that_systemd_passes_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mqtt-password").write_text("passed on\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    config = MqttConfig(host="x", username="pi", password_file=Path("/etc/fer-edge/mqtt-password"))
    assert read_credentials(config).password == "passed on"


@pytest.mark.parametrize("passed", ["", "\n", None])
def test_where_none_is_passed_the_file_itself_is_read(
    passed: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    if passed is not None:
        (credentials / "secret").write_text(passed)
    (tmp_path / "secret").write_text("own\nsecond line\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    config = MqttConfig(host="x", username="pi", password_file=tmp_path / "secret")
    assert read_credentials(config).password == "own"


def test_where_there_is_neither_the_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    config = MqttConfig(host="x", username="pi", password_file=Path("/nowhere/secret"))
    with pytest.raises(ConfigError, match=r"mqtt.password_file: /nowhere/secret: No such file"):
        read_credentials(config)
