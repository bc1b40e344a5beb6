"""`fer-edge demo` as a stranger runs it."""

from __future__ import annotations

import importlib.util
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edge import diary
from tests.conftest import ROOT, Run, command, environment, wait_for


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """One demo, which must have ended within thirty seconds."""
    if importlib.util.find_spec("amqtt") is None:
        pytest.skip("no amqtt in this environment: pip install 'fer-edge[demo]'")
    return subprocess.run(
        command("demo"),
        env=environment(tmp_path_factory.mktemp("demo")),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


Shown = subprocess.CompletedProcess[str]


def test_the_demo_ends_well_and_in_time(shown: Shown) -> None:
    assert shown.returncode == 0, shown.stderr
    assert "Traceback" not in shown.stderr


def test_the_demo_prints_readings(shown: Shown) -> None:
    readings = re.findall(r"^\d\d:\d\d  face 1  (\w+) +\d+% █+$", shown.stdout, re.M)
    assert len(readings) >= 25
    assert {"happy", "surprise", "neutral"} <= set(readings)


def messages(shown: Shown, topic: str) -> list[str]:
    return re.findall(rf"^ +MQTT  fer-edge/demo/{topic}  (.*)$", shown.stdout, re.M)


def test_the_demo_shows_an_alert_raised_then_cleared_over_mqtt(shown: Shown) -> None:
    first, second = (json.loads(text) for text in messages(shown, "alert"))
    assert (first["event_type"], second["event_type"]) == ("raised", "cleared")
    assert first["episode"] == second["episode"]
    assert messages(shown, "alert/negative") == ["OFF", "ON", "OFF"]
    assert messages(shown, "availability")[0] == "online"


def test_the_demo_says_where_the_diary_is_and_it_is_there(shown: Shown) -> None:
    count, name = re.findall(r"^The diary has (\d+) rows: (.*)$", shown.stdout, re.M)[-1]
    rows = list(diary.rows(Path(name)))
    assert len(rows) == int(count) >= 25
    assert {"happy", "surprise", "neutral"} <= {row.as_dict()["emotion"] for row in rows}
    assert shown.stdout.rstrip().endswith(name)


def test_without_its_broker_the_demo_says_what_to_install(tmp_path: Path) -> None:
    # An environment without amqtt, as far as this interpreter can tell.
    program = (
        "import sys; sys.modules['amqtt'] = None; sys.modules['amqtt.broker'] = None;"
        "from edge.__main__ import main; sys.exit(main(['demo']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(tmp_path) | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == ("fer-edge: the demo's broker is missing: pip install 'fer-edge[demo]'\n")
    assert not done.stdout
    assert not list(tmp_path.glob("fer-edge-demo-*"))


def test_the_demo_can_be_interrupted(tmp_path: Path) -> None:
    pytest.importorskip("amqtt")
    out = tmp_path / "out.txt"
    with out.open("wb") as file:
        process = subprocess.Popen(
            command("demo"), env=environment(tmp_path), stdout=file, stderr=subprocess.STDOUT
        )
    try:
        wait_for(lambda: "face 1" in out.read_text(), "the first reading")
        began_s = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        assert time.monotonic() - began_s < 5
    finally:
        process.kill()
        process.wait(10)
    assert "Traceback" not in out.read_text()
    assert "The diary has" in out.read_text()


def test_an_output_that_takes_no_more_is_one_line(tmp_path: Path) -> None:
    pytest.importorskip("amqtt")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command("demo"),
            env=environment(tmp_path),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "fer-edge: cannot write to standard output: No space left on device\n"


def test_a_reader_that_goes_ends_the_demo(tmp_path: Path) -> None:
    pytest.importorskip("amqtt")
    process = subprocess.Popen(
        command("demo"),
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout:
        assert process.stdout.readline().startswith("A clip of average faces")
    with process.stderr:
        assert not process.stderr.read()
    assert process.wait(10) == 0


def test_the_demo_takes_another_model_from_the_configuration(fer_edge: Run, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[model]\npath = "/none.tflite"\n')
    done = fer_edge("demo", "--config", config)
    assert done.returncode == 78
    assert "/none.tflite" in done.stderr


def test_the_clip_is_part_of_the_package() -> None:
    from edge.demo import CLIP

    assert CLIP.is_relative_to(ROOT / "edge")
    assert CLIP.stat().st_size < 1_000_000
