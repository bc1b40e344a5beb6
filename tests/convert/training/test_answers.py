"""Teachers' answers in a file: what is written is read again, for the pictures it belongs to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.training import answers
from convert.training.dataset import Samples
from edge.errors import RefusedFile, UsageError
from edge.records import FloatArray

CLASSES = ("angry", "happy", "neutral")
RNG = np.random.default_rng(0)
PICTURES = Samples(
    RNG.integers(0, 256, (100, 48, 48), np.uint8),
    RNG.integers(0, 3, 100),
    np.zeros((100, 3), np.float32),
)


def teacher(pixels: FloatArray) -> FloatArray:
    """Sees the left half of a picture more than the right one, so a mirror image differs."""
    left, right = pixels[:, :, :24].mean((1, 2, 3)), pixels[:, :, 24:].mean((1, 2, 3))
    scores = np.stack([3 * left + right, left + 3 * right, left + right], axis=1)
    result: FloatArray = (scores / scores.sum(axis=1, keepdims=True)).astype(np.float32)
    return result


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The teacher's answers to all pictures; two files stand for its networks."""
    networks = [tmp_path / "one.keras", tmp_path / "two.tflite"]
    for number, network in enumerate(networks):
        network.write_bytes(bytes([number]))
    path = tmp_path / "answers.npz"
    names = [str(network) for network in networks]
    answers.write(path, teacher, names, PICTURES, CLASSES, lambda *_: None)
    return path


def test_they_are_the_mean_for_a_picture_and_its_mirror_image(file: Path) -> None:
    seen = PICTURES.pixels.astype(np.float32)[..., None]
    expected = (teacher(seen) + teacher(seen[:, :, ::-1])) / 2
    read, note = answers.read(file, PICTURES, CLASSES)
    np.testing.assert_allclose(read, expected, atol=1 / 255)
    np.testing.assert_allclose(read.sum(axis=1), 1, atol=1e-6)
    assert note == "answers.npz: answers 100 of 100 training pictures"
    assert not list(file.parent.glob(".*")), "no part is left behind"


def test_they_belong_to_pictures_in_any_order_and_company(file: Path) -> None:
    strange = RNG.integers(0, 256, (5, 48, 48), np.uint8)
    order = RNG.permutation(100)[:50]
    pixels = np.concatenate([strange, PICTURES.pixels[order]])
    mixed = Samples(pixels, np.zeros(55, np.int64), np.zeros((55, 3), np.float32))
    read, note = answers.read(file, mixed, CLASSES)
    whole, _ = answers.read(file, PICTURES, CLASSES)
    np.testing.assert_array_equal(read[5:], whole[order])
    assert not read[:5].any()
    assert note == "answers.npz: answers 50 of 55 training pictures"
    goals = np.tile(np.array([1, 0, 0], np.float32), (55, 1))
    blended = answers.blend(goals, read, 0.75)
    np.testing.assert_array_equal(blended[:5], goals[:5])
    np.testing.assert_allclose(blended[5:], 0.25 * goals[5:] + 0.75 * read[5:], atol=1e-6)


def test_it_says_who_answered(file: Path) -> None:
    with np.load(file) as content:
        one, two, program = content["provenance"]
    assert one.startswith("one.keras 6e340b9cffb37a98")  # the SHA-256 of a zero byte
    assert two.startswith("two.tflite 4bf5122f344554c5")
    assert program.startswith("fer-train ")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": np.array(["happy", "angry", "neutral"])}, "its classes are happy, angry, neu"),
        ({"pictures": np.arange(100, dtype=np.uint64)}, "answers none of the training pictures"),
        ({"answers": np.zeros((99, 3), np.uint8)}, "answers: must be uint8, a row for each pict"),
        ({"answers": np.zeros((100, 3), np.float32)}, "answers: must be uint8, a row for each"),
        ({"answers": None}, "not a file of answers"),
    ],
    ids=["classes", "others", "rows", "type", "missing"],
)
def test_a_wrong_file_is_refused_with_the_reason(
    file: Path, change: dict[str, Any], message: str
) -> None:
    with np.load(file) as content:
        arrays = {**content, **change}
    np.savez(file, **{name: array for name, array in arrays.items() if array is not None})
    with pytest.raises((UsageError, RefusedFile), match=rf"^--teacher .*answers\.npz: {message}"):
        answers.read(file, PICTURES, CLASSES)


def test_a_torn_file_is_refused(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-300])
    with pytest.raises(RefusedFile, match=r"^--teacher .*answers\.npz: damaged"):
        answers.read(file, PICTURES, CLASSES)
    with pytest.raises(UsageError, match="no such file"):
        answers.read(file.with_name("none.npz"), PICTURES, CLASSES)


def test_they_are_given_alone() -> None:
    assert answers.named(()) is None
    assert answers.named(("a.keras", "b.tflite")) is None
    assert answers.named(("a.npz",)) == Path("a.npz")
    with pytest.raises(UsageError, match=r"a\.npz: holds teachers' mean answers; give it alone"):
        answers.named(("a.npz", "b.tflite"))


def test_pictures_of_another_size_are_none_of_them(file: Path) -> None:
    larger = replace(PICTURES, pixels=np.zeros((100, 64, 64), np.uint8))
    with pytest.raises(UsageError, match="answers none of the training pictures"):
        answers.read(file, larger, CLASSES)
