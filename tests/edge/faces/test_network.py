"""The face network's file: what it answers, and which other files are refused."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge.config.schema import FacesConfig
from edge.errors import ModelError
from edge.faces.decode import Answer, decoded, deduplicate
from edge.faces.detector import Detector
from edge.faces.network import FaceNetwork, Size
from edge.faces.network_card import KIND, Level, NetworkCard, read_card, with_card
from edge.faces.shrink import shrunk
from edge.packaged import CLIP, FACES, MODELS
from edge.records import Box, ByteArray
from edge.tflite import append_card


@pytest.fixture(scope="module")
def picture() -> ByteArray:
    capture = cv2.VideoCapture(str(CLIP))
    picture = capture.read()[1]
    capture.release()
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)


def model() -> bytes:
    """The shipped network without its card."""
    content = FACES.read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return content[: min(entry.header_offset for entry in archive.infolist())]


def made(folder: Path, card: NetworkCard) -> Path:
    path = folder / "own.tflite"
    path.write_bytes(with_card(model(), card))
    return path


@pytest.mark.parametrize("side", [96, 160, 256, 384])
def test_the_same_face_is_seen_at_several_input_sizes(picture: ByteArray, side: int) -> None:
    whole = Box(0, 0, 640, 480)
    expected = FaceNetwork(FACES).detect(picture, whole, Size(320, 256), 0.0)[0].box
    seen = FaceNetwork(FACES).detect(picture, whole, Size(side, side), 0.0)
    assert len(seen) == 1
    assert seen[0].box.overlap(expected) > 0.7


def test_a_part_of_the_picture_gives_boxes_of_the_whole(picture: ByteArray) -> None:
    network = FaceNetwork(FACES)
    (expected,) = network.detect(picture, Box(0, 0, 640, 480), Size(320, 256), 0.0)
    (seen,) = network.detect(picture, expected.box.widened(0.5), Size(128, 128), 0.0)
    assert seen.box.overlap(expected.box) > 0.7


def test_a_users_own_network_is_used(picture: ByteArray, tmp_path: Path) -> None:
    card = read_card(FACES)
    wider = replace(card, to_haar=card.to_haar._replace(side=card.to_haar.side * 1.2))
    config = FacesConfig(detector="network", model=made(tmp_path, wider))
    network = FaceNetwork(config.model)
    (usual,) = FaceNetwork(FACES).detect(picture, Box(0, 0, 640, 480), Size(320, 256), 0.0)
    (own,) = network.detect(picture, Box(0, 0, 640, 480), Size(320, 256), 0.0)
    assert own.box.width == pytest.approx(1.2 * usual.box.width, abs=2)
    Detector(config)


def test_the_shipped_network_is_small_and_states_its_datas_terms() -> None:
    assert FACES.stat().st_size <= 200_000
    more = read_card(FACES).more
    assert any("WIDER FACE" in source for source in more["data"])
    assert "research" in more["terms"]


def test_an_expression_model_is_refused() -> None:
    with pytest.raises(ModelError, match=r"default\.tflite: not a face detector"):
        Detector(FacesConfig(model=MODELS / "default.tflite"))


def test_a_file_that_is_missing_or_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot read the model: No such file"):
        Detector(FacesConfig(model=tmp_path / "none.tflite"))
    (tmp_path / "text.tflite").write_text("not a model at all")
    with pytest.raises(ModelError, match="not a TFLite file"):
        Detector(FacesConfig(model=tmp_path / "text.tflite"))


def test_a_network_with_other_outputs_than_its_card_says_is_refused(tmp_path: Path) -> None:
    card = read_card(FACES)
    finer = made(tmp_path, replace(card, levels=(Level(4, 10.0), *card.levels)))
    with pytest.raises(ModelError, match=r"own\.tflite: the face detector cannot be used"):
        Detector(FacesConfig(model=finer))


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("levels", [], "a list of {stride, base_px}"),
        ("levels", [{"stride": 8}], "a list of {stride, base_px}"),
        ("levels", [{"stride": 8, "base_px": 0}], "a list of {stride, base_px}"),
        ("threshold", 1.0, "a number from 0.01 to 0.99"),
        ("threshold", True, "a number from 0.01 to 0.99"),
        ("frontal_threshold", None, "a number from 0.01 to 0.99"),
        ("to_haar", {"right": 0, "down": 0}, "{right, down, side}"),
        ("to_haar", {"right": 0, "down": 0, "side": 0}, "{right, down, side}"),
        ("multiple", 0, "a whole number from 1 to 256"),
        ("pad", 256, "a whole number from 0 to 255"),
    ],
)
def test_a_card_with_a_wrong_value_is_refused(
    tmp_path: Path, key: str, value: Any, wanted: str
) -> None:
    path = tmp_path / "own.tflite"
    path.write_bytes(append_card(model(), {**read_card(FACES).as_dict(), key: value}, {}))
    with pytest.raises(ModelError, match=f"own.tflite: card.json: {key}: must be {wanted}"):
        read_card(path)


def test_a_card_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    card = read_card(FACES)
    assert read_card(made(tmp_path, card)).as_dict() == card.as_dict()
    assert card.as_dict()["kind"] == KIND


def test_a_grids_numbers_become_boxes() -> None:
    scores, boxes = np.full((2, 3, 2), -128, np.int8), np.zeros((2, 3, 4), np.int8)
    scores[1, 2] = 20, -20
    boxes[1, 2] = 10, 0, 0, 20
    found = decoded(Level(8, 16.0), Answer(scores, 0.1), Answer(boxes, 0.05), 0.0)
    height = 16 * np.exp(1.0)
    assert found.shape == (1, 6)
    assert found[0] == pytest.approx([24 - 8, 12 - height / 2, 16, height, 2.0, -2.0])


def test_integers_are_decoded_with_their_scale_and_zero() -> None:
    scores, boxes = np.full((4, 4, 2), -120, np.int8), np.full((4, 4, 4), 5, np.int8)
    scores[1, 2] = 20, -10
    level, boxed = Level(8, 16.0), Answer(boxes, 0.05, 5)
    found = decoded(level, Answer(scores, 0.1), boxed, 2.0)
    assert found[0] == pytest.approx([20 - 8, 12 - 8, 16, 16, 2.0, -1.0])
    assert not len(decoded(level, Answer(scores, 0.1), boxed, 2.1))


def test_shrinking_skips_no_pixels() -> None:
    gray = np.zeros((960, 1280), np.uint8)
    gray[::2] = 200  # stripes that plain interpolation would turn into black or white
    assert set(np.unique(shrunk(gray, 320, 240))) == {100}


def test_of_boxes_on_one_face_the_best_is_kept() -> None:
    one = np.array([[0, 0, 20, 20, 1.0, 0], [2, 0, 20, 20, 2.0, 0], [50, 0, 20, 20, 0.5, 0]])
    other = np.array([[4, 4, 8, 8, 1.5, 0]])
    assert deduplicate([one, other])[:, 4].tolist() == [2.0, 0.5]
    assert len(deduplicate([np.zeros((0, 6))])) == 0
