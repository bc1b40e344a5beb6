"""`fer-edge demo` as a stranger runs it."""

from __future__ import annotations

import importlib.util
import itertools
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import pytest

from edge.config.alerts import AlertConfig
from edge.packaged import CLIP, CLIP_STORY
from tests.conftest import ROOT, Run, command, environment, wait_for
from tests.support.diaries import parsed

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """One demo, which must have ended within thirty seconds."""
    if importlib.util.find_spec("amqtt") is None:
        pytest.skip("no amqtt in this environment: pip install '.[demo]'")
    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        command("demo"),
        env=environment(folder) | {"TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert not list(folder.iterdir()), "the demo leaves something behind"
    return done


Shown = subprocess.CompletedProcess[str]


def test_the_demo_ends_well_and_in_time(shown: Shown) -> None:
    assert shown.returncode == 0, shown.stderr
    assert "Traceback" not in shown.stderr


def test_the_demo_says_what_each_face_shows_beside_what_was_read(shown: Shown) -> None:
    line = r"^\d\d:\d\d  face 1  shows (\w+) +read (\w+) +\d+% █+$"
    readings = re.findall(line, shown.stdout, re.M)
    assert len(readings) >= 25
    assert {"happy", "surprise", "neutral"} <= {read for _, read in readings}
    order = [name for name, _ in itertools.groupby(face for face, _ in readings)]
    assert order == [name for name, _ in CLIP_STORY]
    # The model reads most of the faces as what they show: names and clip belong together.
    assert sum(face == read for face, read in readings) > len(readings) / 2


def test_the_clip_is_as_long_as_its_story() -> None:
    clip = cv2.VideoCapture(str(CLIP))
    frames, fps = clip.get(cv2.CAP_PROP_FRAME_COUNT), clip.get(cv2.CAP_PROP_FPS)
    assert frames / fps == pytest.approx(sum(seconds for _, seconds in CLIP_STORY))


def test_the_demo_says_what_its_alert_counts_and_what_the_default_is(shown: Shown) -> None:
    own, usual = (re.sub(r"\s+", " ", line) for line in shown.stdout.splitlines()[1:3])
    assert "angry, disgust, fear or sad: 4 readings of 30% or more within 4 s" in own
    count = f"{AlertConfig().count} readings of 50% or more within 120 s, one every 1 s"
    assert f"{count}, and {AlertConfig().share:.0%} of all clear ones" in usual


def test_the_demo_ends_with_the_next_step(shown: Shown) -> None:
    last = shown.stdout[shown.stdout.index("\nNext") :]
    assert "systemd/install.sh" in last
    assert (ROOT / "systemd" / "install.sh").is_file()
    assert len(last.splitlines()) <= 3


def messages(shown: Shown, topic: str) -> list[str]:
    return re.findall(rf"^ +MQTT  fer-edge/demo/{topic}  (.*)$", shown.stdout, re.M)


def test_the_demo_shows_an_alert_raised_then_cleared_over_mqtt(shown: Shown) -> None:
    first, second = (json.loads(text) for text in messages(shown, "alert"))
    assert (first["event_type"], second["event_type"]) == ("raised", "cleared")
    assert first["episode"] == second["episode"]
    assert messages(shown, "alert/negative") == ["OFF", "ON", "OFF"]
    assert messages(shown, "availability")[0] == "online"


def test_the_demo_shows_what_was_in_the_diary(shown: Shown) -> None:
    count, text = re.findall(
        r"^The diary had (\d+) readings, .*\n.*\n((?:.+\n){2})", shown.stdout, re.M
    )[0]
    assert int(count) == len(re.findall(r"^\d\d:\d\d  face", shown.stdout, re.M))
    (row,) = parsed(text.splitlines(keepends=True))
    assert (row.face, row.as_dict()["emotion"]) == (1, "neutral")


def test_without_its_broker_the_demo_says_what_to_install(tmp_path: Path) -> None:
    # An environment without amqtt, as far as this interpreter can tell.
    program = (
        "import sys; sys.modules['amqtt'] = None; sys.modules['amqtt.broker'] = None;"
        "from edge.cli.main import main; sys.exit(main(['demo']))"
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
    assert done.stderr == (
        "fer-edge: the demo's broker is missing; in a checkout of this project:"
        " pip install '.[demo]'\n"
    )
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
    assert "The diary had" in out.read_text()


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
        said = process.stderr.read().splitlines()
    assert not [line for line in said if not line.startswith("INFO: ")]
    assert process.wait(10) == 0


def test_the_demo_takes_another_model_from_the_configuration(fer_edge: Run, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[model]\npath = "/none.tflite"\n')
    done = fer_edge("demo", "--config", config)
    assert done.returncode == 78
    assert "/none.tflite" in done.stderr


def test_the_clip_is_part_of_the_package() -> None:
    assert CLIP.is_relative_to(ROOT / "edge")
    assert CLIP.stat().st_size < 1_000_000
