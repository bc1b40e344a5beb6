"""`fer-convert` and `fer-evaluate` as processes: what a person types, sees and is left with."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from convert.cli import card_lines
from convert.faces.synthetic import clear_faces
from edge import __version__
from edge.config.paths import model_path
from edge.expressions.classifier import Classifier
from edge.expressions.model_card import read_card
from tests.conftest import ROOT
from tests.support.converting import keras, small_network, trained_network

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs `python -m convert` or another module in an empty folder."""

    def call(*words: object, module: str = "convert") -> subprocess.CompletedProcess[str]:
        # A user's own settings must not matter: this one asks Keras for another backend.
        environment = os.environ | {"PYTHONPATH": str(ROOT), "KERAS_BACKEND": "torch"}
        environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
        return subprocess.run(
            [sys.executable, "-m", module, *map(str, words)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return call


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that learned to read clear synthetic faces, in the range -1..1."""
    path = tmp_path_factory.mktemp("network") / "model.h5"
    pictures, classes = clear_faces(1400, seed=31)
    trained_network(pictures, classes, 1 / 127.5, -1).save(path)
    return path


@pytest.mark.parametrize("module", ["convert", "convert.cli.evaluate", "convert.cli.train"])
def test_help_says_where_it_runs_and_what_an_npz_holds(run: Run, module: str) -> None:
    shown = run("--help", module=module).stdout
    for word in ("on a PC, not on the Pi", "pip install '.[convert]'", "x (N, h, w) uint8, y (N,)"):
        assert word in shown


@pytest.mark.parametrize("module", ["convert", "convert.cli.evaluate"])
def test_help_fits_a_screen_and_version_is_ours(run: Run, module: str) -> None:
    shown = run("--help", module=module)
    assert shown.returncode == 0
    lines = shown.stdout.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert "example" in shown.stdout
    assert run("--version", module=module).stdout.endswith(f"{__version__}\n")


def test_converts_without_any_option(
    run: Run,
    network: Path,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    temporary = tmp_path_factory.mktemp("temporary")
    monkeypatch.setenv("TMPDIR", str(temporary))
    source = tmp_path / "model.h5"
    source.write_bytes(network.read_bytes())
    done = run(source, "--json")
    assert done.returncode == 0, done.stderr
    card = json.loads(done.stdout)
    assert len(done.stdout.splitlines()) == 1
    assert card["label_order"] == "fer"
    assert card["input_range"] == "-1..1"
    assert card["agreement"] >= 0.95
    assert card["input_shape"] == [1, 48, 48, 1]
    # Nothing of TensorFlow's chatter: stages, findings, one summary with both sizes.
    assert "MB) -> " in done.stderr
    chatter = ["oneDNN", "cuda", "INFO:", "I0000", "Traceback", "Warning"]
    assert not [word for word in chatter if word in done.stderr]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.h5", "model.tflite"]
    assert zipfile.ZipFile(tmp_path / "model.tflite").testzip() is None
    assert Classifier(tmp_path / "model.tflite").labels == tuple(card["labels"])

    assert not list(temporary.iterdir())  # TensorFlow leaves files there, and they pile up

    again = run(source)
    assert again.returncode == 2
    assert "--force" in again.stderr

    inspected = run("--inspect", tmp_path / "model.tflite", "--json")
    assert json.loads(inspected.stdout) == card


def test_evaluates_and_reports(run: Run, network: Path, tmp_path: Path) -> None:
    pictures, classes = clear_faces(140, seed=32)
    np.savez(tmp_path / "data.npz", x_public=pictures, y_public=classes)
    done = run(
        *(network, "-o", "m.tflite", "--evaluate", "data.npz", "--report", "report"),
        *("--labels", "alphabetical", "--input-range", "-1..1", "--json"),
    )
    assert done.returncode == 0, done.stderr
    card = json.loads(done.stdout)
    accuracies = [card["evaluation"][kind]["accuracy"] for kind in ("float", "int8")]
    summary = next(line for line in done.stderr.splitlines() if "MB) -> " in line)
    assert summary.endswith("accuracy: float {:.1%}, int8 {:.1%}".format(*accuracies))
    assert any("contradicts label order: fer" in line for line in card["warnings"])
    assert any("--labels angry,disgust,fear,happy,sad" in line for line in card["warnings"])
    assert card["accuracy"] == card["evaluation"]["int8"]["accuracy"]
    confusion = np.array(card["evaluation"]["float"]["confusion"])
    assert confusion.sum() == 140
    page = (tmp_path / "report/report.html").read_text()
    assert page.count("true \\ answer") == 2
    assert "Error of each layer" in page
    assert "@media print" in page
    assert not re.search(r"""(src|href)=["'](?!data:)|url\(|@import""", page)  # all is in the page
    assert json.loads((tmp_path / "report/report.json").read_text())["layers"]

    scored = run(
        *("m.tflite", "--keras", network, "--data", "data.npz", "--split", "public", "--json"),
        module="convert.cli.evaluate",
    )
    assert scored.returncode == 0, scored.stderr
    scores = json.loads(scored.stdout)
    assert scores["int8"]["accuracy"] == pytest.approx(card["accuracy"], abs=0.001)
    assert scores["float"]["accuracy"] == pytest.approx(
        card["evaluation"]["float"]["accuracy"], abs=0.001
    )
    shown = run("m.tflite", "--data", "data.npz", module="convert.cli.evaluate")
    assert "int8   accuracy" in shown.stdout
    assert shown.stderr == "int8\n"  # its stage, and nothing of what TFLite likes to say


def test_poor_agreement_leaves_no_file(run: Run, shared: Path, tmp_path: Path) -> None:
    source = shared / "models/oarriaga-mini-xception/fer2013_mini_XCEPTION.102-0.66.hdf5"
    done = run(source, "-o", "m.tflite", "--min-agreement", "100%", "--json")
    assert done.returncode == 1
    assert "loses most" in done.stderr
    findings = json.loads(done.stdout)
    assert findings["worst_layer"]["name"]
    assert findings["agreement"] < 1
    assert not list(tmp_path.iterdir())


def test_several_outputs_are_named_and_one_is_chosen(run: Run, tmp_path: Path) -> None:
    network = small_network()
    age = keras.layers.Dense(1, name="age")(network.layers[-2].output)
    keras.Model(network.inputs, [network.outputs[0], age]).save(tmp_path / "model.keras")
    emotion = network.layers[-1].name
    asked = run("model.keras")
    assert asked.returncode == 2
    assert f"{emotion} (7), age (1); give the emotions': --output NAME" in asked.stderr
    options = ("--labels", "fer", "--input-range", "0..1", "--min-agreement", "0")
    done = run("model.keras", "--output", emotion, *options)
    assert done.returncode == 0, done.stderr
    assert read_card(tmp_path / "model.tflite").more["output"] == emotion
    pictures, classes = clear_faces(28, seed=33)
    np.savez(tmp_path / "data.npz", x=pictures, y=classes)
    scored = run(
        *("model.tflite", "--keras", "model.keras", "--data", "data.npz", "--json"),
        module="convert.cli.evaluate",
    )
    assert scored.returncode == 0, scored.stderr
    assert json.loads(scored.stdout)["compared"]["faces"] == 28


def test_unclear_prints_findings_and_the_option_to_give(run: Run, tmp_path: Path) -> None:
    small_network().save(tmp_path / "model.keras")
    done = run("model.keras", "--json")
    assert done.returncode == 2
    findings = json.loads(done.stdout)
    assert findings["label_order"] == "unclear"
    assert findings["evidence"]["label_order"]
    assert "--labels" in done.stderr.splitlines()[-1]
    assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]


@pytest.mark.parametrize(
    ("content", "code", "word"),
    [
        (b"version https://git-lfs.github.com/spec/v1\n", 65, "git lfs pull"),
        (b"\x80\x04\x95", 65, "pickle"),
        (None, 2, "no such file"),
    ],
)
def test_refusals_are_one_line(
    content: bytes | None, code: int, word: str, run: Run, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "model.h5").write_bytes(content)
    done = run("model.h5")
    assert done.returncode == code
    last = [line for line in done.stderr.splitlines() if line.startswith("fer-convert:")]
    assert len(last) == 1
    assert word in last[0]
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "model.tflite").exists()


@pytest.mark.parametrize("name", ["default", "tiny"])
def test_inspect_is_one_screen_and_has_the_accuracies(run: Run, name: str) -> None:
    path = model_path(name)
    shown = run("--inspect", path)
    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    card = json.loads(run("--inspect", path, "--json").stdout)
    text = " ".join(shown.stdout.split())
    assert f"float {card['evaluation']['float']['accuracy']:.1%}" in text
    assert f"int8 {card['accuracy']:.1%}" in text
    assert ", ".join(card["labels"]) in text


def test_inspect_of_a_large_card_is_one_screen() -> None:
    card = read_card(model_path("default")).as_dict()
    card |= {"warnings": ["too long to be read " * 9] * 9, "operators": {"CONV_2D" * 20: 1}}
    lines = card_lines.screen(card | {"labels": ["an expression of many words"] * 20})
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80


def test_inspect_refuses_what_is_no_model(run: Run, tmp_path: Path) -> None:
    (tmp_path / "m.tflite").write_bytes(b"hello")
    done = run("--inspect", "m.tflite")
    assert done.returncode == 65
    assert "not a TFLite file" in done.stderr


def test_evaluate_without_classes(run: Run, network: Path, tmp_path: Path) -> None:
    run(network, "-o", "m.tflite")
    np.savez(tmp_path / "data.npz", x=clear_faces(7, 1)[0])
    done = run("m.tflite", "--data", "data.npz", module="convert.cli.evaluate")
    assert done.returncode == 2
    assert "has no classes" in done.stderr
