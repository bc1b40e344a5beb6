"""`fer-edge status`: beside a service that runs, one that is paused, one that is not there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from edge.config.pause import own_files
from edge.config.schema import Config, StateConfig
from edge.records import Snapshot
from edge.service import status_file
from edge.service.status_file import StatusFile
from tests.conftest import Mosquitto, Run, wait_for
from tests.support.service import CLIP, HASTY_ALERT, Service, service

LINES = f'device = "pi"\n{{more}}\n{HASTY_ALERT}'
LOOPED = ("--source", CLIP, "--loop", 1000, "--realtime")


def asked(fer_edge: Run, running: Service, *options: str) -> tuple[int, str]:
    """Its exit code and what it says of `running`."""
    done = fer_edge("status", "--config", running.directory / "config.toml", *options)
    assert done.stderr == ""
    return done.returncode, done.stdout


def told(fer_edge: Run, running: Service) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(asked(fer_edge, running, "--json")[1])
    return found


@pytest.mark.slow
def test_five_lines_say_what_is_true_now(fer_edge: Run, tmp_path: Path, broker: Mosquitto) -> None:
    more = f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}'
    with service(tmp_path, LINES.format(more=more), *LOOPED) as running:
        wait_for(lambda: told(fer_edge, running)["running"], "the service's status")
        wait_for(lambda: told(fer_edge, running)["state"]["faces"], "a face")
        code, text = asked(fer_edge, running)
        watching, faces, alerts, connection, diary = text.splitlines()
        assert code == 0
        assert watching.startswith(f"watching: {CLIP}, ")
        assert faces.split()[0] == "faces:"
        assert "negative: " in alerts
        assert re.search(r" of 1 negative readings, share [01]\.\d\d of 0\.25", alerts)
        assert connection == "broker:   127.0.0.1: connected; messages waiting: 0"
        assert diary.startswith(f"diary:    {tmp_path / 'log'}: newest row ")

        config = running.directory / "config.toml"
        assert fer_edge("pause", "--config", config).returncode == 0
        wait_for(lambda: told(fer_edge, running)["state"]["paused"] == ["file"], "the pause")
        found = told(fer_edge, running)
        assert (found["running"], found["watching"]) == (True, False)
        assert "watching: paused: file (until: fer-edge resume)" in asked(fer_edge, running)[1]

        broker.stop()
        wait_for(
            lambda: not told(fer_edge, running)["broker"]["connected"], "the broken connection"
        )
        running.stop()
        code, text = asked(fer_edge, running)
        assert code == 1
        assert text.startswith("watching: no: the service is not running; start it: sudo systemctl")


@pytest.mark.slow
def test_a_service_that_was_killed_is_not_running(fer_edge: Run, tmp_path: Path) -> None:
    with service(tmp_path, LINES.format(more=""), *LOOPED) as running:
        wait_for(lambda: told(fer_edge, running)["running"], "the service's status")
        running.kill()
        found = told(fer_edge, running)
        assert (found["running"], found["state"], found["broker"]) == (False, None, None)
        assert found["diary"]["newest"]


def test_only_its_owner_may_read_who_is_in_sight(tmp_path: Path) -> None:
    file = StatusFile(Config(state=StateConfig(tmp_path / "state")))
    file.write(Snapshot(0.0, False, {}, {}, {"faces": 1}, {}))
    [path] = (tmp_path / "state").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    file.close()
    assert not path.exists()
    file.close()


def test_a_disk_that_refuses_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state").write_text("a file")
    file = StatusFile(Config(state=StateConfig(tmp_path / "state")))
    for number in range(3):
        file.write(Snapshot(0.0, False, {}, {}, {"faces": number}, {}))
    file.close()
    [record] = caplog.records
    assert record.getMessage().endswith("; fer-edge status has nothing to show")


def test_a_file_of_long_ago_is_not_believed(tmp_path: Path) -> None:
    config = Config(state=StateConfig(tmp_path))
    StatusFile(config).write(Snapshot(-60.0, False, {}, {}, {"faces": 1}, {}))
    kept = status_file.read(own_files(config))
    assert kept is not None
    assert not kept.running
