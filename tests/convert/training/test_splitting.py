"""Nobody is in both training and validation, whatever the sources say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from convert.faces.synthetic import faces
from convert.training.dataset import Dataset, load
from tests.support.datasets import (
    FER,
    as_set,
    noted,
)

PICTURES, CLASSES = faces(70, 6)


@pytest.mark.parametrize("contempt", [False, True])
def test_ckplus_by_subject(contempt: bool, shared: Path) -> None:
    path = shared / "data/ckplus48.npz"
    found = load([path], 48, contempt)
    names = ("angry", "disgust", "fear", "happy", "sad", "surprise")
    assert found.classes == ((*names, "contempt") if contempt else names)
    with np.load(path) as content:
        subjects: dict[bytes, set[str]] = {}
        for picture, name in zip(content["x"], content["name"], strict=True):
            subjects.setdefault(picture.tobytes(), set()).add(str(name)[:4])
        total = int((content["y"] < 7).sum()) + contempt * int((content["y"] == 7).sum())
    sides = [
        set().union(*(subjects[pixels] for pixels in as_set(split.pixels)))
        for split in (found.train, found.validation)
    ]
    assert not sides[0] & sides[1]
    assert len(sides[0] | sides[1]) == (118 if contempt else 106)
    assert len(found.train.labels) + len(found.validation.labels) == total
    assert 0.07 < len(found.validation.labels) / total < 0.2
    assert f"{len(sides[0])} and {len(sides[1])} people" in noted(found, "hash of the subject")
    assert bool([note for note in found.notes if "dropped, contempt: 54" in note]) != (contempt)


def test_a_subject_on_both_sides_of_a_folder(tmp_path: Path) -> None:
    """A split by row position, as Kaggle's copies of CK+ have it, is not believed."""
    pictures, classes = faces(280, 5)
    for number, (picture, index) in enumerate(zip(pictures, classes, strict=True)):
        part = "validation" if number % 5 == 0 else "train"
        folder = tmp_path / "ck" / part / FER[index]
        folder.mkdir(parents=True, exist_ok=True)
        name = f"S{100 + number // 7:03d}_001_{number:08d}.png"  # all seven classes of each subject
        cv2.imwrite(str(folder / name), picture)
    found = load([tmp_path / "ck"], 48)
    whose = {picture.tobytes(): number // 7 for number, picture in enumerate(pictures)}
    sides = [
        {whose[pixels] for pixels in as_set(split.pixels)}
        for split in (found.train, found.validation)
    ]
    assert not sides[0] & sides[1]
    assert sides[0] | sides[1] == set(range(40))
    assert sides[1]
    assert noted(found, "its own splits share people")


def people(count: int, each: int, dtype: str = "U") -> dict[str, npt.NDArray[Any]]:
    """An npz's arrays: `count` people, named as in CK+, with `each` pictures."""
    pictures, classes = faces(count * each, 15)
    names = [f"S{100 + number // each:03d}_001_{number:08d}.png" for number in range(count * each)]
    return {"x": pictures, "y": classes, "name": np.array(names, dtype)}


def numbers(found: Dataset, arrays: dict[str, npt.NDArray[Any]], each: int) -> list[set[int]]:
    """Who is to train on, and who to validate on."""
    whose = {picture.tobytes(): at // each for at, picture in enumerate(arrays["x"])}
    return [
        {whose[pixels] for pixels in as_set(split.pixels) if pixels in whose}
        for split in (found.train, found.validation)
    ]


@pytest.mark.parametrize("dtype", ["U", "S"])
def test_people_are_known_by_names_of_text_and_of_bytes(dtype: str, tmp_path: Path) -> None:
    arrays = people(60, 7, dtype) | {"classes": np.array(FER, dtype)}
    np.savez(tmp_path / "ck.npz", **arrays)
    found = load([tmp_path / "ck.npz"], 48)
    learnt, chosen = numbers(found, arrays, 7)
    assert chosen
    assert learnt == set(range(60)) - chosen
    assert noted(found, "hash of the subject")


def test_who_is_in_one_sources_validation_is_in_no_others_training(tmp_path: Path) -> None:
    arrays = people(60, 7)
    np.savez(tmp_path / "ck.npz", **arrays)
    pictures, classes = faces(60 * 7, 16)  # other pictures of the same people, split by person
    for number, (picture, index) in enumerate(zip(pictures, classes, strict=True)):
        part = "validation" if number // 7 % 4 == 0 else "train"
        folder = tmp_path / "own" / part / FER[index]
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"S{100 + number // 7:03d}_002_{number:08d}.png"), picture)
    found = load([tmp_path / "own", tmp_path / "ck.npz"], 48)
    learnt, chosen = numbers(found, arrays, 7)
    assert chosen == set(range(0, 60, 4))
    assert learnt == set(range(60)) - chosen
    assert as_set(pictures) <= as_set(found.train.pixels) | as_set(found.validation.pixels)


def test_who_is_on_both_sides_by_the_parts_of_two_sources_is_not_trained_on(
    tmp_path: Path,
) -> None:
    for source, seed in (("a", 17), ("b", 18)):
        pictures, classes = faces(140, seed)
        for number, (picture, index) in enumerate(zip(pictures, classes, strict=True)):
            last = number // 7 >= 15  # of twenty people, the last five
            part = "validation" if last == (source == "a") else "train"
            folder = tmp_path / source / part / FER[index]
            folder.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / f"S{100 + number // 7:03d}_0{seed}_{number:08d}.png"), picture)
    path = tmp_path / "more.npz"
    np.savez(path, x_train=PICTURES, y_train=CLASSES)
    found = load([tmp_path / "a", tmp_path / "b", path], 48)
    assert noted(found, "left out of training, people in validation pictures: 140")
