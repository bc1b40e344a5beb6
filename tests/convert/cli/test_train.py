"""`fer-train` as a user runs it: on a slice of data, stopped, gone on with, and asked wrongly."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from convert.faces.synthetic import judging_faces
from edge.config.paths import model_path

pytestmark = pytest.mark.slow

CLASSES = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """500 synthetic faces of strong expression to train on and 70 others, in an npz."""
    path = tmp_path_factory.mktemp("data") / "faces.npz"
    x, y = judging_faces(500, 11)
    x_public, y_public = judging_faces(70, 12)
    np.savez(path, x_train=x, y_train=y, x_public=x_public, y_public=y_public)
    return path


#: On several threads sums come in another order each time.
ONE_THREAD = {**os.environ, "TF_NUM_INTRAOP_THREADS": "1", "OMP_NUM_THREADS": "1"}


def fer_train(
    *words: object, cwd: Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    line = command(*words)
    return subprocess.run(
        line, capture_output=True, text=True, cwd=cwd, timeout=400, check=False, env=env
    )


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "convert.cli.train", *map(str, words)]


def history(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def timeless(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


@pytest.mark.parametrize("network", ["compact", "mini-xception", "small-cnn", "deep-cnn"])
def test_an_epoch_on_a_slice(network: str, data: Path, tmp_path: Path) -> None:
    words = ["--network", network, "--data", data, "--epochs", 1, "--json"]
    done = fer_train(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["labels"] == CLASSES
    assert facts["pictures"] == {"train": 500, "validation": 70}
    [row] = history(tmp_path / f"{network}.csv")
    assert 0 < float(row["loss"]) < 10
    assert float(row["validation_accuracy"]) == facts["accuracy"]
    assert (tmp_path / f"{network}.png").read_bytes().startswith(b"\x89PNG")
    names = {f"{network}.{ending}" for ending in ("keras", "csv", "png")}
    assert {path.name for path in tmp_path.iterdir()} == names


def test_it_learns_and_its_file_converts(data: Path, tmp_path: Path) -> None:
    words = ["--network", "tiny", "--data", data, "--epochs", 16, "--batch", 10, "--json"]
    done = fer_train(*words, "--augment", "none", "--mixup", 0, "--ema", 0, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["accuracy"] > 0.9  # of seven classes, on faces it has not seen
    assert facts["recipe"]["seed"] == 1
    assert facts["calibration_error"]["after"] <= facts["calibration_error"]["before"]

    convert = [sys.executable, "-m", "convert", "tiny.keras", "--json", "--min-agreement", "80"]
    made = subprocess.run(
        convert, capture_output=True, text=True, cwd=tmp_path, timeout=300, check=False
    )
    assert made.returncode == 0, made.stderr
    card = json.loads(made.stdout)
    assert card["labels"] == CLASSES
    assert card["input_range"] == "0..255"
    assert card["training"]["recipe"] == facts["recipe"]
    assert card["training"]["accuracy"] == facts["accuracy"]


def test_a_kill_costs_an_epoch_at_most_and_changes_nothing(data: Path, tmp_path: Path) -> None:
    words = ["--network", "tiny", "--data", data, "--epochs", 3, "--batch", 8, "--out", "t.keras"]
    (tmp_path / "whole").mkdir()
    whole = fer_train(*words, cwd=tmp_path / "whole", env=ONE_THREAD)
    assert whole.returncode == 0, whole.stderr
    unfinished = tmp_path / "t.training"
    running = subprocess.Popen(
        command(*words), cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=ONE_THREAD
    )
    assert running.stderr is not None
    assert any(line.startswith("epoch 2/3") for line in running.stderr)
    [before] = history(tmp_path / "t.csv")
    running.kill()
    running.wait()
    running.stderr.close()
    assert not (tmp_path / "t.keras").exists()

    refused = fer_train(*words, cwd=tmp_path)
    assert refused.returncode == 2
    assert "continue with --resume" in refused.stderr.splitlines()[-1]
    other = fer_train(*words, "--resume", "--rate", "0.1", cwd=tmp_path)
    assert other.returncode == 2
    assert "rate: 0.002, not 0.1" in other.stderr.splitlines()[-1]

    gone_on = fer_train(*words, "--resume", cwd=tmp_path, env=ONE_THREAD)
    assert gone_on.returncode == 0, gone_on.stderr
    rows = history(tmp_path / "t.csv")
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert rows[0] == before
    assert timeless(rows) == timeless(history(tmp_path / "whole" / "t.csv"))
    assert not unfinished.exists()
    again = fer_train(*words, "--resume", "--force", cwd=tmp_path)
    assert again.returncode == 2
    assert "no such checkpoint" in again.stderr


def test_a_hinge_head_ends_in_scores_and_converts_to_probabilities(
    data: Path, tmp_path: Path
) -> None:
    words = ["--network", "tiny", "--data", data, "--epochs", 1, "--loss", "hinge"]
    done = fer_train(*words, "--class-weights", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    convert = [sys.executable, "-m", "convert", "tiny.keras", "--json", "--min-agreement", "0"]
    made = subprocess.run(
        convert, capture_output=True, text=True, cwd=tmp_path, timeout=300, check=False
    )
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["head"] == "logits"


def test_a_pupil_learns_what_its_teacher_says(data: Path, tmp_path: Path) -> None:
    words = ["--network", "tiny", "--data", data, "--epochs", 1]
    teacher = fer_train(*words, "--out", "teacher.keras", cwd=tmp_path)
    assert teacher.returncode == 0, teacher.stderr
    pupil = fer_train(*words, "--teacher", "teacher.keras", "--json", cwd=tmp_path)
    assert pupil.returncode == 0, pupil.stderr
    assert json.loads(pupil.stdout)["recipe"]["teachers"] == ["teacher.keras"]
    with zipfile.ZipFile(tmp_path / "teacher.keras") as whole:
        entries = {name: whole.read(name) for name in whole.namelist()}
    with zipfile.ZipFile(tmp_path / "cut.keras", "w") as cut:
        for name, content in entries.items():
            cut.writestr(name, content[:2000] if name.endswith(".h5") else content)
    damaged = fer_train(*words, "--teacher", "cut.keras", "--force", cwd=tmp_path)
    assert damaged.returncode == 65
    assert "fer-train: --teacher cut.keras: damaged" in damaged.stderr.splitlines()[-1]
    unknown = fer_train(*words, "--teacher", "no.keras", "--force", cwd=tmp_path)
    assert unknown.returncode == 2
    assert unknown.stderr.splitlines()[-1] == "fer-train: --teacher no.keras: no such file"


def test_it_goes_on_from_a_tflite_taught_by_it_on_degraded_pictures(
    data: Path, tmp_path: Path
) -> None:
    shipped = model_path("tiny")
    words = ["--network", "tiny", "--data", data, "--epochs", 1, "--json", "--rate", "1e-6"]
    words += ["--start", shipped, "--teacher", shipped, "--augment", "robust"]
    done = fer_train(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "start: tiny.tflite, whose answers the network gives to" in done.stderr
    facts = json.loads(done.stdout)
    assert facts["recipe"]["starts"] == ["tiny.tflite"]
    assert facts["teachers"] == facts["starts"]
    assert facts["recipe"]["augmentation"]["dark"] == 0.2
    assert facts["accuracy"] > 0.3  # of seven classes: it has not started over
    [row] = history(tmp_path / "tiny.csv")
    assert float(row["degraded_accuracy"]) == facts["degraded_accuracy"]
    words = ["--network", "tiny", "--data", data, "--epochs", 0, "--json", "--out", "mean.keras"]
    mean = fer_train(*words, "--start", shipped, "--start", "tiny.keras", cwd=tmp_path)
    assert mean.returncode == 0, mean.stderr
    facts = json.loads(mean.stdout)
    assert facts["epoch"] == 0
    assert facts["recipe"]["starts"] == ["tiny.tflite", "tiny.keras"]
    assert facts["accuracy"] > 0.3
    missing = fer_train("--data", data, "--start", "no.keras", cwd=tmp_path)
    assert missing.returncode == 2
    assert missing.stderr.splitlines()[-1] == "fer-train: --start no.keras: no such file"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "--data: no faces to train on: download fer2013.csv"),
        (["--network", "deepcnn"], "--network deepcnn: did you mean 'deep-cnn'?"),
        (["--data", "no.csv"], "no.csv: no such file"),
        (["--data", "x.npz", "--out", "m.h5"], "--out m.h5: must be the name of a .keras file"),
        (
            ["--data", "x.npz", "--augment", "twist=3"],
            "twist=3: unknown 'twist=3'; valid:",
        ),
        (
            ["--data", "x.npz", "--augment", "zoom=1"],
            "--augment zoom=1: zoom=1: must be from 0 to 0.9",
        ),
        (["--data", "x.npz", "--epochs", "-1"], "argument --epochs: -1: must be 0 or more"),
        (["--data", "x.npz", "--epochs", "0"], "--epochs 0: nothing to keep without --start"),
        (["--data", "x.npz", "--seed", "-1"], "argument --seed: -1: must be 0 to 4294967295"),
        (["--data", "x.npz", "--ema", "1"], "argument --ema: 1: must be at least 0 and below 1"),
        (
            ["--data", "x.npz", "--teacher-share", "0.5"],
            "no effect without --teacher",
        ),
        (
            ["--network", "tiny", "--mixed-batches", "0.5"],
            "no effect without --mixup",
        ),
        (["--data", "no.npz", "--data", "no.csv"], "no.npz: no such file"),
    ],
)
def test_wrong_options_are_one_line(words: list[str], says: str, tmp_path: Path) -> None:
    done = fer_train(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    (tmp_path / "compact.keras").write_text("mine")
    done = fer_train("--data", "x.npz", cwd=tmp_path)
    assert done.returncode == 2
    assert "compact.keras: already exists; overwrite it with --force" in done.stderr
    assert (tmp_path / "compact.keras").read_text() == "mine"


@pytest.mark.parametrize("ending", ["csv", "png"])
def test_nor_is_what_lies_beside_it(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"compact.{ending}"
    path.write_text("mine")
    done = fer_train("--data", "x.npz", cwd=tmp_path)
    assert done.returncode == 2
    assert f"{path.name}: already exists; overwrite it with --force" in done.stderr
    path.unlink()
    path.mkdir()
    done = fer_train("--data", "x.npz", "--force", cwd=tmp_path)
    assert done.returncode == 2
    assert f"{path.name}: is a folder" in done.stderr


def test_the_data_are_not_overwritten_by_force_either(tmp_path: Path) -> None:
    (tmp_path / "faces.csv").write_text("mine")
    done = fer_train("--data", "faces.csv", "--out", "faces.keras", "--force", cwd=tmp_path)
    assert done.returncode == 2
    assert "faces.csv: would be overwritten by --out faces.keras" in done.stderr
    assert (tmp_path / "faces.csv").read_text() == "mine"


def test_a_loss_that_is_no_number_ends_it(data: Path, tmp_path: Path) -> None:
    words = ["--network", "small-cnn", "--data", data, "--epochs", 2, "--augment", "none"]
    done = fer_train(*words, "--rate", "1e25", "--schedule", "constant", "--json", cwd=tmp_path)
    assert done.returncode == 1
    assert "epoch 1: the loss is NaN; try a lower --rate" in done.stderr.splitlines()[-1]
    assert "NaN" in json.loads(done.stdout)["error"]
    assert list(tmp_path.iterdir()) == []


def test_force_gives_up_the_training_that_was_stopped(data: Path, tmp_path: Path) -> None:
    words = ["--network", "tiny", "--data", data, "--epochs", 50, "--force"]
    (tmp_path / "tiny.training").write_text("of before")
    running = subprocess.Popen(command(*words), cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    assert running.stderr is not None
    assert any(line.startswith("epoch 1/50") for line in running.stderr)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "--resume" not in said
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_training_is_not_resumed(data: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.training").write_bytes(b"PK\x03\x04 not really")
    done = fer_train("--network", "tiny", "--data", data, "--resume", cwd=tmp_path)
    assert done.returncode == 65
    assert "tiny.training: not a training checkpoint" in done.stderr.splitlines()[-1]


def test_a_pupil_learns_from_answers_without_the_teacher(data: Path, tmp_path: Path) -> None:
    words = ["--data", data, "--teacher", model_path("tiny")]
    done = fer_train(*words, "--answers", "answers.npz", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("answers.npz: answers to 500 training pictures\n")
    again = fer_train(*words, "--answers", "answers.npz", cwd=tmp_path)
    assert again.returncode == 2
    assert "answers.npz: already exists; overwrite it with --force" in again.stderr
    words = ["--network", "tiny", "--data", data, "--teacher", "answers.npz", "--epochs", 1]
    done = fer_train(*words, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["recipe"]["teachers"] == ["answers.npz"]
    assert "answers.npz: answers 500 of 500 training pictures" in facts["notes"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "--answers: no --teacher to answer"),
        (["--teacher", "a.keras"], "--answers answers.txt: must be the name of an .npz file"),
    ],
)
def test_answers_that_cannot_be_written(
    words: list[str], message: str, data: Path, tmp_path: Path
) -> None:
    done = fer_train("--data", data, "--answers", "answers.txt", *words, cwd=tmp_path)
    assert (done.returncode, done.stderr.strip()) == (2, f"fer-train: {message}")
    assert not list(tmp_path.iterdir())
