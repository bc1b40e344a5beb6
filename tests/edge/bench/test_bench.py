"""`fer-edge bench` as a process, on the packaged clip; and the arithmetic of its figures."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.bench.report import lines
from edge.bench.run import extra_face_ms, spread
from edge.bench.scenes import played, resized, still
from edge.stage_timer import STAGES
from tests.conftest import ROOT, Mosquitto, Run, Subscriber, command, environment
from tests.support.service import CLIP

SPREAD = {"mean", "median", "p99", "max"}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Of 30 frames."""
    folder = tmp_path_factory.mktemp("bench")
    done = subprocess.run(
        command("bench", "--config", "/dev/null", "--frames", 30, "--json"),
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not list(folder.iterdir()), "the diary's and the state's folder are the user's"
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.slow
def test_the_report_has_what_scripts_read(report: dict[str, Any]) -> None:
    assert report["frames"] == 30
    assert set(report["cpu_ms"]) == SPREAD
    assert tuple(report["stages"]) == STAGES
    assert 0 < report["face_frames"] <= 30
    assert report["imports"]["rss_mb"] < report["rss_mb"] <= report["rss_peak_mb"]
    assert report["startup_cpu_s"] > 0
    assert report["imports"]["cpu_s"] > 0
    assert set(report["resolution_ms"]) == {"640x480", "1920x1080"}
    assert report["still_ms"] > 0
    assert report["extra_face_ms"] is None
    assert report["broker"] == ""


@pytest.mark.slow
def test_its_figures_agree_with_each_other(report: dict[str, Any]) -> None:
    stages, cost = report["stages"], report["cpu_ms"]
    assert sum(stages.values()) - stages["capture"] == pytest.approx(cost["mean"])
    assert 1000 / report["fps"] == pytest.approx(sum(stages.values()))
    assert cost["median"] <= cost["p99"] <= cost["max"]


@pytest.mark.slow
def test_the_loop_costs_less_than_what_it_replaces(report: dict[str, Any]) -> None:
    assert report["cpu_ms"]["mean"] < report["full_haar_ms"]


@pytest.mark.slow
def test_the_clip_is_seen_as_haar_sees_it(report: dict[str, Any]) -> None:
    quality = report["quality"]
    assert quality["recall"] >= 0.9
    assert quality["precision"] == 1.0
    assert (quality["tracks"], quality["false_tracks"], quality["id_changes"]) == (1, 0, 0)


@pytest.mark.slow
def test_a_person_can_read_it(report: dict[str, Any]) -> None:
    told = "\n".join(lines(report))
    assert "30 frames" in told
    assert "no broker" in told
    assert "our p99 is 1/" in told
    assert max(map(len, told.splitlines())) <= 110


@pytest.mark.parametrize("source", ["/no/such/video.mp4", "0", "rtsp://127.0.0.1/x"])
def test_what_cannot_be_played_twice_is_no_source(source: str, fer_edge: Run) -> None:
    done = fer_edge("bench", "--source", source)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"fer-edge: {source}: not a video")


def test_a_file_without_pictures_is_refused(fer_edge: Run, tmp_path: Path) -> None:
    path = tmp_path / "empty.mp4"
    path.write_bytes(b"")
    done = fer_edge("bench", "--source", path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"fer-edge: {path}: no picture can be read")
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_a_configured_broker_is_told_as_another_device(
    broker: Mosquitto, config: Callable[[str], Path], fer_edge: Run
) -> None:
    subscriber = Subscriber(broker, topic="fer-edge/bench/availability")
    path = config(f'device = "pi"\n[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n')
    done = fer_edge("bench", "--config", path, "--frames", 60)
    assert done.returncode == 0, done.stderr
    assert "publish: to 127.0.0.1 as fer-edge/bench" in done.stdout
    said = [text for _, _, text in subscriber.messages()]
    subscriber.stop()
    assert (said[0], said[-1]) == ("online", "offline")


def test_a_service_without_a_broker_loads_no_mqtt_client_and_no_database() -> None:
    script = "import sys, edge.__main__, edge.service.loop; print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "edge.diary.writer" in loaded
    assert not loaded & {"paho", "sqlite3", "edge.messaging.publisher", "edge.messaging.outbox"}


def test_how_costs_are_spread() -> None:
    cost = spread([1.0] * 98 + [2.0, 101.0])
    assert cost["mean"] == pytest.approx(2.01)
    assert (cost["median"], cost["max"]) == (1.0, 101.0)
    assert cost["p99"] == pytest.approx(2.99)


def test_what_one_more_face_costs_is_the_slope_over_frames_with_faces() -> None:
    faces = [1] * 50 + [2] * 30 + [4] * 20 + [0] * 40 + [5] * 3
    ms = np.array([1.0 + 0.5 * n if 0 < n < 5 else 99.0 for n in faces])
    assert extra_face_ms(ms, faces) == pytest.approx(0.5)
    assert extra_face_ms(ms[:50], faces[:50]) is None


def test_a_still_scene_is_still_and_a_noisy_one_is_not() -> None:
    first, second = (frame.gray.copy() for frame in still(2))
    assert first.shape == (480, 640)
    assert np.array_equal(first, second)
    first, second = (frame.gray.copy() for frame in still(2, noisy=True))
    assert 1 < float(np.std(first.astype(float) - second)) < 6


@pytest.mark.parametrize(("width", "height"), [(640, 480), (1920, 1080), (320, 240)])
def test_another_size_keeps_shape_and_time(width: int, height: int) -> None:
    source = list(resized(played(str(CLIP), 3), width, height))
    assert [frame.gray.shape for frame in source] == [(height, width)] * 3
    assert [frame.source_s for frame in source] == pytest.approx([0, 0.1, 0.2])
