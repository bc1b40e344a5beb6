"""`fer-evaluate`: a `.tflite`, a Keras file, both; what it prints, writes and refuses."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from convert.cli.evaluate import main
from convert.faces import degrade
from convert.faces.reader import Faces
from convert.faces.synthetic import clear_faces, statistics
from convert.loading.training_record import write_record
from convert.scoring import score_table
from convert.scoring.evaluation import scored
from convert.scoring.metrics import score
from convert.scoring.predictions import Predictions
from edge.config.paths import model_path
from tests.conftest import ROOT
from tests.support.converting import small_network, trained_network

NAMES = statistics().labels
Evaluate = Callable[..., tuple[int, str, str]]


@pytest.fixture
def evaluate(capsys: pytest.CaptureFixture[str]) -> Evaluate:
    """Its exit code, what it printed, what it said on standard error."""

    def run(*words: object) -> tuple[int, str, str]:
        code = main([str(word) for word in words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "faces.npz"
    pictures, classes = clear_faces(70, seed=41)
    np.savez(path, x_train=pictures[:1], y_train=classes[:1], x_public=pictures, y_public=classes)
    return path


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Reads clear synthetic faces in the range 0..1; says so of its labels alone."""
    path = tmp_path_factory.mktemp("network") / "network.keras"
    pictures, classes = clear_faces(1400, seed=42)
    trained_network(pictures, classes, 1 / 255, 0).save(path)
    write_record(path, {"labels": list(NAMES)})
    return path


def test_keras_file_by_itself(evaluate: Evaluate, network: Path, data: Path) -> None:
    code, out, err = evaluate(network, "--data", data, "--json", "--robustness")
    assert code == 0, err
    assert len(out.splitlines()) == 1
    found = json.loads(out)
    assert found["labels"] == list(NAMES)
    assert found["float"]["accuracy"] > 0.9
    assert np.array(found["float"]["confusion"]).sum() == 70
    assert set(found["float"]["degraded"]) == set(degrade.DEGRADED)
    assert found["float"]["degraded"]["dark (x 0.3)"]["accuracy"] < found["float"]["accuracy"]
    of_four = [found["float"]["degraded"][name] for name in degrade.CAMERA]
    for figure in ("accuracy", "calibration_error", "negative_kept"):
        mean = np.mean([of[figure] for of in of_four])
        assert found["float"]["mean_of_four"][figure] == pytest.approx(mean, abs=1e-4)
    assert any(
        "label order: fer" in note and "fer-train's record in the file" in note
        for note in found["notes"]
    )
    assert "int8" not in found


def test_fewer_readings_count_at_a_higher_confidence(evaluate: Evaluate, data: Path) -> None:
    model, kept = model_path("default"), []
    for least in ("0", "0.4", "0.7"):
        code, out, _ = evaluate(model, "--data", data, "--json", "--min-confidence", least)
        assert code == 0
        found = json.loads(out)
        assert found["min_confidence"] == float(least)
        kept.append(found["int8"]["negative_kept"])
    assert kept == sorted(kept, reverse=True)
    assert kept[0] > kept[2]


def test_what_is_said_of_a_keras_file_wins(evaluate: Evaluate, network: Path, data: Path) -> None:
    order = [*NAMES[1:], NAMES[0]]
    given = ("--labels", ",".join(order), "--input-range", "0..1")
    code, out, err = evaluate(network, "--data", data, "--json", *given)
    assert code == 0, err
    found = json.loads(out)
    assert found["labels"] == order
    assert found["float"]["accuracy"] < 0.2
    assert any("contradicts label order" in note for note in found["notes"])


def test_unclear_keras_file_says_what_to_give(
    evaluate: Evaluate, data: Path, tmp_path: Path
) -> None:
    small_network().save(tmp_path / "network.keras")
    code, out, err = evaluate(tmp_path / "network.keras", "--data", data, "--json")
    assert code == 2
    last = err.splitlines()[-1]
    assert last.startswith("fer-evaluate: give ")
    assert "--labels" in last
    assert json.loads(out)["label_order"] == "unclear"


def test_tflite_table_fits_80_columns(evaluate: Evaluate, data: Path) -> None:
    code, out, _ = evaluate(model_path("default"), "--data", data, "--robustness")
    assert code == 0
    lines = out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("int8   accuracy ")
    assert lines[0].endswith(" of 70 faces")
    for name in ("unchanged", *degrade.DEGRADED, "mean of the first four of these"):
        [row] = [line for line in lines if line.startswith(name)]
        assert re.search(r"(\d+\.\d\d)% +(0\.\d{4})( +\d+\.\d%){3}$", row)
    start = lines.index(next(line for line in lines if line.startswith("true \\ answer")))
    counts = {
        line.split()[0]: list(map(int, line.split()[1:])) for line in lines[start + 1 :] if line
    }
    assert tuple(counts) == NAMES
    assert [sum(row) for row in counts.values()] == [10] * 7
    classes = [line for line in lines if line.startswith(NAMES) and "%" in line]
    assert len(classes) == len(NAMES)


def test_table_of_many_and_long_names_fits_too() -> None:
    names = tuple(f"emotion_number_{number:02}" for number in range(15))
    answers = np.eye(15, dtype=np.float32)[np.arange(3000) % 15]
    found = score(answers, tuple(names[row % 15] for row in range(3000)), names)
    assert max(len(line) for line in score_table.lines("int8", found)) <= 80


def test_ckplus_by_person_over_the_labels_that_both_have(shared: Path, evaluate: Evaluate) -> None:
    code, out, _ = evaluate(model_path("default"), "--data", shared / "data/ckplus48.npz", "--json")
    assert code == 0
    found = json.loads(out)
    with np.load(shared / "data/ckplus48.npz") as content:
        kept = content["y"] != 7  # contempt
        people = {name[:4] for name in content["name"][kept]}
    assert found["left_out"] == (~kept).sum()
    assert found["int8"]["faces"] == kept.sum()
    assert found["int8"]["subjects"]["people"] == len(people)
    assert found["int8"]["accuracy_of_data_classes"] >= found["int8"]["accuracy"]
    assert found["int8"]["classes"]["neutral"]["faces"] == 0
    assert any("a model trained on it has seen these faces" in note for note in found["notes"])


def test_mean_over_people_and_the_datas_own_classes() -> None:
    labels = ("happy", "sad", "neutral")
    rows = np.array([[0.9, 0.1, 0], [0.9, 0.1, 0], [0.9, 0.1, 0], [0, 0.4, 0.6]], np.float32)
    truth = ("happy", "happy", "sad", "sad")
    first = ("S001_001_00000001.png", "S001_001_00000002.png", "S002_001_00000001.png")
    names = (*first, "folder/S002_002_00000009.png")
    faces = Faces([np.zeros((2, 2), np.uint8)] * 4, truth, names)
    found = scored(Predictions(labels, {"": rows}), faces)
    assert found["accuracy"] == 0.5
    assert found["subjects"] == {"people": 2, "accuracy": 0.5}
    assert found["accuracy_of_data_classes"] == 0.75
    faces = Faces(faces.pictures, truth, ("S001_001_00000001.png", *["x[1]", "x[2]", "x[3]"]))
    assert "subjects" not in scored(Predictions(labels, {"": rows}), faces)


def test_pictures(evaluate: Evaluate, data: Path, tmp_path: Path) -> None:
    pytest.importorskip("vl_convert")
    code, _, _ = evaluate(model_path("default"), "--data", data, "--pictures", tmp_path / "new/out")
    assert code == 0
    written = sorted((tmp_path / "new/out").iterdir())
    assert [path.name for path in written] == [
        "int8-confusion.png", "int8-reliability.png", "int8-roc.png"
    ]  # fmt: skip
    for path in written:
        picture = cv2.imread(str(path))
        assert picture is not None
        assert min(picture.shape[:2]) > 400
        assert picture.std() > 10
    (tmp_path / "file").write_text("")
    code, _, err = evaluate(model_path("default"), "--data", data, "--pictures", tmp_path / "file")
    assert code == 2
    assert "cannot write it" in err


def test_pictures_without_what_draws_them(data: Path, tmp_path: Path) -> None:
    hidden = "import sys; sys.modules['vl_convert'] = None; from convert.cli.evaluate import main; "
    words = [model_path("default"), "--data", data, "--pictures", tmp_path / "out"]
    done = subprocess.run(
        [sys.executable, "-c", hidden + "sys.exit(main(sys.argv[1:]))", *map(str, words)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "fer-evaluate: --pictures needs vl-convert-python, which is not installed and has no 32-bit"
        " version; in a checkout of this project: pip install '.[report]'"
    ]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("{model}", "--labels", "fer"), 2, "contains its own labels"),
        (("{keras}", "--keras", "x.h5"), 2, "--keras: requires a .tflite"),
        (("{model}", "--input-range", "0..1"), 2, "--input-range: only for a Keras model"),
        (("{model}", "--weights", "x.h5"), 2, "--weights: only for a Keras model"),
        (("{model}", "--input-size", "7x7"), 2, "--input-size: only for a Keras model"),
        (("{folder}/none.tflite",), 2, "no such file"),
        (("{folder}/" + 300 * "x",), 65, "File name too long"),
        (("/proc/self/mem",), 65, "cannot be read: Input/output error"),
        (("{folder}/text.tflite",), 65, "not a TFLite file"),
        (("{folder}/text.keras",), 65, "not a format that Keras writes"),
    ],
)
def test_refusals_are_one_line(
    words: tuple[str, ...],
    code: int,
    said: str,
    evaluate: Evaluate,
    network: Path,
    data: Path,
    tmp_path: Path,
) -> None:
    for ending in ("tflite", "keras"):
        (tmp_path / f"text.{ending}").write_text("hello")
    places: dict[str, Any] = {"model": model_path("default"), "keras": network, "folder": tmp_path}
    found, _, err = evaluate(*(word.format(**places) for word in words), "--data", data)
    assert found == code
    lines = [line for line in err.splitlines() if line.startswith("fer-evaluate:")]
    assert len(lines) == 1
    assert said in lines[0]


def test_data_whose_name_is_too_long_are_one_line(evaluate: Evaluate, tmp_path: Path) -> None:
    code, _, err = evaluate(model_path("default"), "--data", tmp_path / (300 * "x"))
    assert code == 65
    (line,) = [line for line in err.splitlines() if line.startswith("fer-evaluate:")]
    assert "File name too long" in line


def test_worse_faces() -> None:
    face = np.zeros((96, 96), np.uint8)
    face[:, 48:] = 200
    assert degrade.dark(face).max() == 60
    assert degrade.far(face).shape == (24, 24)
    edge = degrade.blurred(face, 2.0)[48]
    # A step under a Gaussian is the normal distribution's integral: sigma is 4 px of 96, and the
    # middle of pixel 44 is 3.5 px before the step.
    assert edge[44] == pytest.approx(200 * 0.1908, abs=3)
    assert degrade.blurred(face)[48][44] < edge[44]
    assert degrade.blurred(face[::2, ::2]).shape == (48, 48)
    noise = degrade.noisy(face).astype(float) - degrade.dark(face)
    assert noise[:, 48:].std() == pytest.approx(4, abs=0.2)
    assert noise[:, 48:].mean() == pytest.approx(0, abs=0.2)
    np.testing.assert_array_equal(degrade.noisy(face), degrade.noisy(face.copy()))
    grain = np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8)
    lost = [np.abs(degrade.compressed(grain, q).astype(float) - grain).mean() for q in (90, 30)]
    assert 0 < lost[0] < lost[1]
