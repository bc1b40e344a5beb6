"""`fer-edge pause` and `resume`, with and without a service."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from edge.config import pause
from edge.config.loader import SYSTEM_CONFIG
from edge.config.schema import Config, StateConfig
from tests.conftest import Mosquitto, Run, command, environment, wait_for
from tests.support.mqtt import listening, retained, texts
from tests.support.service import CLIP, service

LINES = 'device = "pi"\n'


def test_pause_and_resume_say_what_they_did(fer_edge: Run, tmp_path: Path) -> None:
    file = tmp_path / "state" / "paused"
    done = fer_edge("pause")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"paused ({file})" in done.stdout
    assert file.exists()
    assert "already paused" in fer_edge("pause").stdout
    assert fer_edge("resume").stdout == "watching again\n"
    assert not file.exists()
    assert fer_edge("resume").stdout == "it was not paused\n"


def test_resume_says_which_other_reasons_still_hold(fer_edge: Run, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(LINES + '[watching]\nquiet = ["00:00-24:00"]\n')
    (tmp_path / "state").mkdir()
    over_mqtt = tmp_path / "state" / "paused-over-mqtt"
    over_mqtt.touch()
    fer_edge("pause", "--config", config)
    said = fer_edge("resume", "--config", config).stdout.splitlines()
    assert len(said) == 2
    assert "fer-edge/pi/watching/set" in said[0]
    assert "watching.quiet" in said[1]
    said = fer_edge("resume", "--all", "--config", config).stdout.splitlines()
    assert [("quiet" in line) for line in said] == [True]
    assert not over_mqtt.exists()


def test_who_may_not_is_told_how(tmp_path: Path) -> None:
    env = environment(tmp_path) | {"STATE_DIRECTORY": "/sys/fer-edge"}  # closed to root, too
    line = command("pause", "--config", os.devnull)
    done = subprocess.run(line, env=env, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("fer-edge: /sys/fer-edge")
    assert "try: sudo fer-edge pause" in done.stderr


def test_a_state_directory_that_cannot_be_one_is_one_clear_line(
    fer_edge: Run, tmp_path: Path
) -> None:
    (tmp_path / "state").write_text("")
    done = fer_edge("pause")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"fer-edge: state.directory: {tmp_path / 'state'} is a file")
    assert "sudo" not in line


def test_the_runtime_directory_of_systemd_is_used_where_there_is_one(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    env = environment(tmp_path) | {"RUNTIME_DIRECTORY": str(run)}
    line = command("pause", "--config", os.devnull)
    subprocess.run(line, env=env, check=True, capture_output=True)
    assert (run / "paused").exists()


def test_a_command_means_the_installed_service_unless_another_configuration_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run, state = tmp_path / "run", tmp_path / "state"
    run.mkdir()
    monkeypatch.setattr(pause, "SERVICE_RUNTIME", run)
    monkeypatch.setattr(pause, "SERVICE_STATE", state)
    for variable in ("RUNTIME_DIRECTORY", "STATE_DIRECTORY"):
        monkeypatch.delenv(variable, raising=False)
    assert pause.files_of(Config(), None) == (run, state, True)
    assert pause.files_of(Config(), SYSTEM_CONFIG).written == run / "paused"
    ssd = Config(state=StateConfig(tmp_path / "ssd"))
    assert pause.files_of(ssd, None) == (run, tmp_path / "ssd", True)
    assert pause.files_of(ssd, tmp_path / "other.toml").written == tmp_path / "ssd" / "paused"


@pytest.mark.slow
def test_a_pause_is_told_survives_a_restart_and_ends(
    broker: Mosquitto, tmp_path: Path, fer_edge: Run
) -> None:
    lines = f'{LINES}[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n'
    arguments = ("--source", CLIP, "--realtime", "--loop", 9)
    here = {"LOGS_DIRECTORY": str(tmp_path / "log"), "STATE_DIRECTORY": str(tmp_path / "state")}
    with listening(broker) as subscriber:
        with service(tmp_path, lines, *arguments, **here) as running:
            wait_for(lambda: texts(subscriber, "watching") == ["ON"], "watching")
            wait_for(lambda: len(running.diary()) > 1, "rows")
            fer_edge("pause", "--config", tmp_path / "config.toml")
            wait_for(lambda: texts(subscriber, "watching")[-1] == "OFF", "the pause")
            rows = len(running.diary())
            said = json.loads(retained(broker)["state"])
            assert (said["paused"], said["emotion"], said["faces"]) == (["file"], "none", 0)
            assert said["fps"] == 0
            assert len(running.diary()) == rows
            assert running.stop()[0] == 0
        with service(tmp_path, lines, *arguments, **here) as running:
            wait_for(lambda: "paused: file" in running.said(), "the pause to be known again")
            wait_for(lambda: retained(broker).get("availability") == "online", "online")
            assert retained(broker)["watching"] == "OFF"
            assert "watching " not in running.said(), "the source was never opened"
            fer_edge("resume", "--config", tmp_path / "config.toml")
            wait_for(lambda: len(running.diary()) > rows + 2, "rows again")
            wait_for(lambda: texts(subscriber, "watching")[-1] == "ON", "watching")
            assert json.loads(retained(broker)["state"])["paused"] == []
    words = [word for row in running.diary() for word in row.rpartition(",")[2].split()]
    found = [word for word in words if word in {"paused", "resumed"}]
    assert found == ["paused", "paused", "resumed"], "a start within a pause notes it again"
