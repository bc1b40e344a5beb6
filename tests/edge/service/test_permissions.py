"""What `fer-edge check` tries when root asks: the service's rights, not root's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.service import permissions
from tests.conftest import ROOT

UNIT = (ROOT / "systemd" / "fer-edge.service").read_text()
#: Any user but root does: this machine has no service installed.
NOBODY = "from edge.service import permissions; permissions.USER = 'nobody'"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that others may enter, unlike pytest's own."""
    if os.geteuid() != 0:
        pytest.skip("only root can become the service's user")
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def check(folder: Path, lines: str, *options: str) -> subprocess.CompletedProcess[str]:
    config = folder / "config.toml"
    config.write_text(f'[camera]\nsource = "{ROOT}/edge/assets/average-faces.mp4"\n{lines}')
    words = ["check", "--config", str(config), *options]
    program = f"{NOBODY}; import sys; from edge.cli.main import main; sys.exit(main({words!r}))"
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def directories(folder: Path) -> str:
    return f'[diary]\ndirectory = "{folder}/log"\n[state]\ndirectory = "{folder}/state"\n'


def test_what_only_root_may_use_fails_for_the_service(folder: Path) -> None:
    for name in ("log", "state"):
        (folder / name).mkdir(mode=0o700)
    (folder / "word").write_text("secret")
    (folder / "word").chmod(0o600)
    lines = directories(folder) + (
        f'[mqtt]\nhost = "127.0.0.1"\nusername = "u"\npassword_file = "{folder}/word"\n'
    )
    done = check(folder, lines)
    assert done.returncode == 1, done.stderr
    assert done.stderr == "fer-edge: checking as the service's user nobody\n"
    assert f"FAIL  diary   diary.directory: cannot write to {folder}/log: Permission denied" in (
        done.stdout
    )
    assert f"FAIL  state   state.directory: cannot write to {folder}/state" in done.stdout
    assert f"FAIL  broker  mqtt.password_file: {folder}/word: Permission denied" in done.stdout
    assert "ok    camera" in done.stdout


def test_what_the_service_may_use_is_ok_and_stays_as_it_was(folder: Path) -> None:
    for name in ("log", "state"):
        (folder / name).mkdir()
        (folder / name).chmod(0o777)
    done = check(folder, directories(folder), "--json")
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)["ok"] is True
    assert sorted(path.name for path in folder.rglob("*")) == ["config.toml", "log", "state"]


def test_a_python_that_the_service_may_not_run_is_said(folder: Path) -> None:
    private = folder / "private"
    private.mkdir(mode=0o700)
    (private / "python").symlink_to(sys.executable)
    program = (
        f"{NOBODY}; import sys; sys.executable = '{private}/python';"
        " from edge.cli.main import main; sys.exit(main(['check', '--config', '/dev/null']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"fer-edge: {private}/python: the user nobody cannot run it;"
        " install with systemd/install.sh"
    )


def test_a_configuration_that_the_service_may_not_read_is_said(folder: Path) -> None:
    (folder / "config.toml").touch(mode=0o600)
    done = check(folder, "")
    assert done.returncode == 78
    assert done.stderr.splitlines()[-1] == (
        f"fer-edge: {folder}/config.toml: cannot read the configuration: Permission denied"
    )


def test_whoever_is_not_root_or_has_no_service_checks_for_themselves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(permissions, "USER", "no-such-user")
    assert permissions.service_user() is None
    monkeypatch.setattr(permissions, "USER", "nobody")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert permissions.service_user() is None


def test_the_service_itself_does_not_ask_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permissions, "USER", "nobody")
    monkeypatch.setenv("FER_EDGE_CHECKING", "1")
    assert permissions.service_user() is None


def test_of_the_unit_and_its_drop_ins_all_counts_but_how_it_is_kept_running() -> None:
    drop_in = "# /etc/systemd/x.conf\n[Service]\nReadWritePaths=/mnt/usb\nRestartSec=9\n"
    found = permissions.transient(f"# /etc/systemd/system/fer-edge.service\n{UNIT}\n{drop_in}")
    assert found is not None
    assert found.program == "/opt/fer-edge/bin/fer-edge"
    assert {"User=fer-edge", "ProtectHome=yes", "ReadWritePaths=/mnt/usb"} <= set(found.properties)
    assert "LoadCredential=mqtt-password:/etc/fer-edge/mqtt-password" in found.properties
    kept_running = (
        "Type",
        "Exec",
        "Restart",
        "Watchdog",
        "Timeout",
        "Description",
        "WantedBy",
        "#",
    )
    assert not [line for line in found.properties if line.startswith(kept_running)]


def test_a_unit_without_a_program_is_none() -> None:
    assert permissions.transient("") is None
