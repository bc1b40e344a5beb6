"""One face in, probabilities out: crops, sizes, and models that are not what their card says."""

from __future__ import annotations

import dataclasses
import sys
import types
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.config.paths import model_path
from edge.errors import FerEdgeError, ModelError
from edge.expressions.classifier import Classifier, crop, prepare
from edge.expressions.model_card import read_card, with_card
from edge.records import Box, ByteArray
from edge.tflite import RUNTIMES
from tests.conftest import ROOT

RAMP = (np.arange(40)[:, None] * 5 + np.arange(60)[None, :]).astype(np.uint8)


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier(model_path("default"))


@pytest.fixture(scope="module")
def face() -> ByteArray:
    """The first picture of the bundled clip: an average face."""
    capture = cv2.VideoCapture(str(ROOT / "edge" / "assets" / "average-faces.mp4"))
    picture = capture.read()[1]
    capture.release()
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)


def remade(tmp_path: Path, **changes: Any) -> Path:
    """The default model with another card."""
    content = model_path("default").read_bytes()
    card = read_card(model_path("default"))
    more = {key: value for key, value in card.more.items() if key != "tflite_sha256"}
    path = tmp_path / "remade.tflite"
    path.write_bytes(
        with_card(
            content[: content.rindex(b"PK\3\4", 0, content.rindex(b"PK\3\4"))],
            dataclasses.replace(card, more=more, **changes),
        )
    )
    return path


# Cropping


def test_a_crop_is_the_rows_and_columns_of_its_box() -> None:
    assert (crop(RAMP, Box(7, 3, 20, 10), 0.0) == RAMP[3:13, 7:27]).all()


def test_a_margin_widens_every_side_by_its_share() -> None:
    assert (crop(RAMP, Box(20, 10, 20, 10), 0.1) == RAMP[9:21, 18:42]).all()


@given(
    st.integers(0, 59), st.integers(0, 39), st.integers(1, 60), st.integers(1, 40), st.floats(0, 1)
)
@settings(deadline=None)
def test_what_lies_outside_the_frame_repeats_its_edge(
    x: int, y: int, width: int, height: int, margin: float
) -> None:
    got = crop(RAMP, Box(x, y, width, height), margin)
    dx, dy = round(width * margin), round(height * margin)
    rows = np.clip(np.arange(y - dy, y + height + dy), 0, 39)
    columns = np.clip(np.arange(x - dx, x + width + dx), 0, 59)
    assert (got == RAMP[np.ix_(rows, columns)]).all()


@given(st.integers(1, 90), st.integers(1, 90), st.sampled_from([1, 3]))
@settings(deadline=None)
def test_any_picture_becomes_the_models_input(height: int, width: int, channels: int) -> None:
    pixels = np.full((height, width), 77, np.uint8)
    pixels[:, : width // 2] = 200
    made = prepare(pixels, (1, 48, 64, channels))
    assert made.shape == (1, 48, 64, channels)
    assert made.dtype == np.uint8
    assert made.min() >= 77
    assert made.max() <= 200
    assert (made == made[..., :1]).all()


def test_a_picture_of_the_right_size_is_not_touched() -> None:
    assert (prepare(RAMP, (1, 40, 60, 1))[0, :, :, 0] == RAMP).all()


# Answers


def test_a_smile_is_happy_wherever_it_stands_in_the_frame(
    classifier: Classifier, shared: Path
) -> None:
    with np.load(shared / "data" / "fer2013_train_public.npz") as data:
        smile = data["x_train"][data["y_train"] == 3].mean(axis=0).astype(np.uint8)
    answers = []
    for x, y in ((0, 0), (100, 20), (592, 432)):
        frame = np.full((480, 640), 90, np.uint8)
        frame[y : y + 48, x : x + 48] = smile
        answers.append(classifier.classify(crop(frame, Box(x, y, 48, 48), 0.0)))
    assert [classifier.labels[int(a.argmax())] for a in answers] == ["happy"] * 3
    assert (answers[0] == answers[1]).all()
    assert (answers[0] == answers[2]).all()


def test_the_call_crops_with_the_cards_margin(tmp_path: Path, face: ByteArray) -> None:
    wide = Classifier(remade(tmp_path, crop_margin=0.25))
    box = Box(200, 100, 160, 160)
    expected = wide.classify(face[60:300, 160:400])
    assert (wide(face, box) == expected).all()
    assert (wide(face, box) != wide.classify(face[100:260, 200:360])).any()


def test_answers_are_the_callers_to_keep(classifier: Classifier, face: ByteArray) -> None:
    first = classifier(face, Box(220, 140, 200, 200))
    kept = first.copy()
    classifier(face, Box(0, 0, 60, 60))
    assert (first == kept).all()
    assert first.dtype == np.float32


# Models that are not what they seem


def test_a_card_of_another_size_or_another_number_of_classes_is_refused(tmp_path: Path) -> None:
    shape = read_card(model_path("default")).input_shape
    with pytest.raises(ModelError, match=r"its card says uint8 \[1, 99, 99, 1\]; convert it again"):
        Classifier(remade(tmp_path, input_shape=(1, 99, 99, 1)))
    assert Classifier(remade(tmp_path, input_shape=shape)).card.input_shape == shape
    with pytest.raises(ModelError, match=r"answers 7 classes, its card names\s+2"):
        Classifier(remade(tmp_path, labels=("no", "yes")))


def test_a_file_that_no_runtime_can_load_is_refused_with_the_runtimes_reasons(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "broken.tflite"
    card = dataclasses.replace(read_card(model_path("default")), more={})
    path.write_bytes(with_card(b"\x1c\0\0\0TFL3" + b"\x55" * 500, card))
    with pytest.raises(ModelError, match="no TFLite runtime can load it") as refused:
        Classifier(path)
    assert all(name.partition(".")[0] in str(refused.value) for name in RUNTIMES)
    assert "\n" not in str(refused.value)
    assert capfd.readouterr().err == ""


def test_building_says_nothing_and_leaves_standard_error_as_it_was(
    capfd: pytest.CaptureFixture[str],
) -> None:
    Classifier(model_path("default"))
    assert capfd.readouterr().err == ""
    print("still here", file=sys.stderr)
    assert capfd.readouterr().err == "still here\n"


def test_a_runtime_that_imports_but_cannot_build_is_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As tflite-runtime 2.14 under numpy 2."""
    broken = types.ModuleType("broken_runtime")

    def refuse(**_: object) -> None:
        raise RuntimeError("_ARRAY_API not found")

    broken.Interpreter = refuse  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "broken_runtime", broken)
    made = Classifier(model_path("default"), ("no_such_runtime", "broken_runtime", *RUNTIMES))
    assert made.runtime in {"ai_edge_litert", "tflite_runtime"}
    with pytest.raises(ModelError, match="broken_runtime: _ARRAY_API not found"):
        Classifier(model_path("default"), ("broken_runtime",))


def test_a_shortage_of_memory_is_not_the_models_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the service would not be started again (exit code 78): seen with a limit of 262 MB."""
    reason = "libpywrap.so: failed to map segment from shared object"
    (tmp_path / "short_of_memory.py").write_text(f"raise ImportError({reason!r})\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(FerEdgeError, match=r"^not enough memory: free some") as raised:
        Classifier(model_path("default"), ("short_of_memory", *RUNTIMES))
    assert raised.value.code == 1
