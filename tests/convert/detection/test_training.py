"""Training the face detector: its loss, and the command with resume, export and bad data."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from convert.cli.evaluate import main as evaluate_command
from convert.cli.train import main as train_command
from convert.detection import recipe, scenes
from convert.detection.evaluate import main as evaluate
from convert.detection.looking import found_in
from convert.detection.targets import COLUMNS, LEVELS, targets
from edge.errors import RefusedFile, UsageError
from edge.faces.network import FaceNetwork
from edge.packaged import CLIP, FACES

ROOT = Path(__file__).resolve().parents[3]
HAAR_SEES = (0, 1, 2)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen pictures with a bright oval, eight without; every fourth is for validation."""
    folder = tmp_path_factory.mktemp("data")
    rng, jpegs, rows, haar = np.random.default_rng(0), [], [], []
    for number in range(24):
        gray = rng.integers(60, 90, (120, 160)).astype(np.uint8)
        if number < 16:
            cv2.ellipse(gray, (80, 60), (24, 30), 0, 0, 360, (220,), -1)
            rows.append((number, 56, 30, 48, 60, 0.9))
            haar.append((number, 56, 34, 48, 48))
        jpegs.append(cv2.imencode(".jpg", gray)[1])
    found, seen = np.array(rows, np.float32), np.array(haar, np.float32)
    np.savez(
        folder / scenes.SCENES,
        jpeg=np.concatenate(jpegs),
        offsets=np.cumsum([0, *map(len, jpegs)]),
        boxes=found[:, 1:],
        boxes_picture=found[:, 0].astype(int),
        ignore=found[:0, 1:],
        ignore_picture=found[:0, 0].astype(int),
        haar=seen[:, 1:],
        haar_picture=seen[:, 0].astype(int),
        haar_false=np.zeros(len(seen), bool),
        source=np.zeros(24, int),
        source_names=np.array(["own", "utk"]),
        split=(np.arange(24) % 4 == 3).astype(int),
    )
    np.savez(
        folder / scenes.NEGATIVES,
        crops=rng.integers(0, 255, (8, 48, 48)).astype(np.uint8),
        split=np.zeros(8, int),
    )
    return folder


def command(data: Path, out: Path, *more: str) -> subprocess.CompletedProcess[str]:
    arguments = ["--data", data, "--out", out, "--preset", "quick", "--batch", 2, "--steps", 2]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "convert.detection.command", *map(str, arguments), *more],
        capture_output=True,
        text=True,
        env=environment,
        cwd=ROOT,
        check=False,
    )


@pytest.mark.slow
def test_a_training_stopped_and_resumed_ends_as_one_that_was_not(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--precision", "float32", "--mine-every", "1", "--check-every", "1"]
    whole = command(data, tmp_path / "whole.tflite", "--epochs", "2", *options)
    assert whole.returncode == 0, whole.stderr
    assert "epoch 2" in whole.stdout
    # The rate falls towards the last epoch, so a stop is a kill in the middle: its state stays.
    halves = tmp_path / "halves.tflite"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [
            sys.executable,
            "-m",
            "convert.detection.command",
            "--data",
            data,
            "--out",
            halves,
            "--preset",
            "quick",
            "--batch",
            "2",
            "--steps",
            "2",
            "--epochs",
            "2",
            *options,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        assert "epoch 1" in process.stdout.readline()
        while not halves.with_suffix(".training").exists():
            time.sleep(0.02)
        process.kill()
    resumed = command(data, halves, "--epochs", "2", *options, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    one, other = (
        np.load((tmp_path / name).with_suffix(".training")) for name in ("whole", "halves")
    )
    for name in one.files:
        if name.startswith(("weights", "average")):
            assert np.array_equal(one[name], other[name]), name
    assert halves.read_bytes()[:150_000] == (tmp_path / "whole.tflite").read_bytes()[:150_000]
    _answers_at_several_sizes(halves)
    assert evaluate([str(halves), "--data", str(data)]) == 0
    printed = capsys.readouterr().out
    assert "6 pictures, 4 faces" in printed
    assert "too few faces found to compare" in printed


def _answers_at_several_sizes(path: Path) -> None:
    network = FaceNetwork(path)
    assert path.stat().st_size <= 210_000
    for height, width in ((192, 320), (320, 192), (96, 160), (50, 70)):
        faces = found_in(network, np.full((height, width), 90, np.uint8), 320, 0.011)
        assert (faces[:, 2:4] > 0).all()
        assert (faces[:, 4:] >= 0).all()
        assert (faces[:, 4:] <= 1).all()


def test_bad_data_and_bad_states_are_one_line(data: Path, tmp_path: Path) -> None:
    answer = command(tmp_path, tmp_path / "faces.tflite")
    assert (answer.returncode, len(answer.stderr.strip().splitlines())) == (65, 1)
    assert "faces_scenes.npz: cannot be read" in answer.stderr
    (tmp_path / scenes.SCENES).write_bytes((data / scenes.SCENES).read_bytes()[:5000])
    with pytest.raises(RefusedFile, match="cannot be read"):
        scenes.load(tmp_path, validation=False)
    np.savez(tmp_path / scenes.SCENES, something=np.zeros(3))
    (tmp_path / scenes.NEGATIVES).write_bytes((data / scenes.NEGATIVES).read_bytes())
    with pytest.raises(RefusedFile, match="not the face detector's pictures"):
        scenes.load(tmp_path, validation=False)
    path = tmp_path / "faces.training"
    with pytest.raises(UsageError, match="nothing to resume"):
        recipe.load(path, recipe.Recipe())
    path.write_bytes(b"hello")
    with pytest.raises(RefusedFile, match="not a training"):
        recipe.load(path, recipe.Recipe())
    recipe.State().save(path, recipe.Recipe())
    with pytest.raises(UsageError, match=r"was begun with rate 0\.002, not 0\.1"):
        recipe.load(path, recipe.Recipe(rate=0.1))
    assert recipe.load(path, recipe.Recipe(epochs=7)).history == ()


def test_the_commands_of_expressions_lead_to_those_of_faces(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = ["--task", "faces", "--data", str(tmp_path), "--out", str(tmp_path / "own.tflite")]
    assert train_command(missing) == 65
    assert "fer-train: " in capsys.readouterr().err
    assert evaluate_command(["--task", "faces", str(FACES), "--data", str(data)]) == 0
    printed = capsys.readouterr().out
    assert "6 pictures, 4 faces" in printed
    assert "too few clear faces found to compare" in printed


def test_one_in_twenty_faces_that_haar_sees_may_count_as_turned() -> None:
    pytest.importorskip("tensorflow")
    from convert.detection.finish import frontal_threshold

    network, pictures, chances = FaceNetwork(FACES), [], []
    video = cv2.VideoCapture(str(CLIP))
    for number in range(80):
        gray = np.asarray(cv2.cvtColor(video.read()[1], cv2.COLOR_BGR2GRAY), np.uint8)
        face = found_in(network, gray, 320)[:1]
        sees = np.array([number % 2], np.float32)
        pictures.append(
            scenes.Scene(gray, face[:, :4], face[:0, :4], sees, face[:0, :4], np.zeros(0), "")
        )
        chances += [face[0, 5]] * (number % 2)
    threshold = frontal_threshold(network, pictures, network.card.threshold)
    assert len(set(chances)) > 3
    assert 0 < (np.array(chances) < threshold).mean() <= 0.05


def test_pictures_whose_terms_forbid_it_teach_nothing(data: Path, tmp_path: Path) -> None:
    content = dict(np.load(data / scenes.SCENES))
    content["source"][:8] = 1
    np.savez(tmp_path / scenes.SCENES, **content)
    (tmp_path / scenes.NEGATIVES).write_bytes((data / scenes.NEGATIVES).read_bytes())
    assert len(scenes.load(data, validation=False).scenes) == 18
    assert len(scenes.load(tmp_path, validation=False).scenes) == 12


def test_the_loss_is_small_where_the_answer_is_right_only() -> None:
    tf = pytest.importorskip("tensorflow")
    from convert.detection.loss import flat, losses

    faces = np.array([(40, 40, 16, 16), (70, 20, 60, 60)], np.float32)
    unsure = np.array([(0, 70, 20, 20)], np.float32)
    wanted = targets(96, 160, faces, np.array([1.0, 0.0], np.float32), unsure)[None]
    assert wanted.shape[-1] == COLUMNS
    outputs = [
        np.zeros((1, 96 // level.stride, 160 // level.stride, channels), np.float32)
        for level in LEVELS
        for channels in (2, 4)
    ]
    zero = [tf.constant(output) for output in outputs]
    boxes = flat(zero)[1].numpy()[0]
    assert boxes[0].tolist() == [4, 4, 16, 16]
    assert boxes[20 * 12].tolist() == [8, 8, 44, 44]
    start = 0
    for score, box, level in zip(outputs[::2], outputs[1::2], LEVELS, strict=True):
        rows = wanted[0, start : start + score[0, ..., 0].size].reshape(*score.shape[1:3], -1)
        start += score[0, ..., 0].size
        score[0, ..., 0] = np.where(rows[..., 1] > 0, 9, -9)
        score[0, ..., 1] = np.where(rows[..., 6] > 0, 9, -9)
        score[0, -2, 0, 0] = 9  # lies on the unsure place, on the finest level
        y, x = np.mgrid[: rows.shape[0], : rows.shape[1]] + 0.5
        box[0, ..., 0] = rows[..., 2] / level.stride - x
        box[0, ..., 1] = rows[..., 3] / level.stride - y
        box[0, ..., 2:] = np.log(np.maximum(rows[..., 4:6], 1) / level.base_px)
        if level.stride > 8:
            score[0, -2, 0, 0] = -9
    right = [float(part) for part in losses([tf.constant(o) for o in outputs], wanted)]
    wrong = [float(part) for part in losses(zero, wanted)]
    assert right[0] < 0.01 < wrong[0]
    assert right[1] < 0.01 < wrong[1]
    assert right[2] < 0.01 < wrong[2]
