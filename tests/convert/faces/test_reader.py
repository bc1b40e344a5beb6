"""Faces to convert and to score with: which part of the data is read, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from convert.faces import reader
from convert.faces.synthetic import faces
from convert.labels import fer_order
from edge.errors import RefusedFile, UsageError
from tests.support.datasets import (
    parted,
    rows,
    votes_like,
    write_csv,
    write_folder,
    write_votes,
)

FER = fer_order()


def parts_of(path: Path) -> tuple[int, int, bool]:
    """How many pictures to train on, how many to score with, and whether they are the same."""
    train, test = reader.read(path), reader.read_test_split(path)
    assert len(train.truth) == len(train.pictures)
    return len(train.pictures), len(test.pictures), reader.is_undivided(path)


def test_the_parts_of_class_folders(tmp_path: Path) -> None:
    whole = parted(tmp_path / "all", train=28, validation=21, test=14)
    assert parts_of(whole) == (28, 21, False)
    assert len(reader.read(whole, "train").pictures) == 28
    assert len(reader.read(whole, "public").pictures) == 21
    assert len(reader.read(whole, "private").pictures) == 14
    assert parts_of(parted(tmp_path / "two", train=28, test=14)) == (28, 14, False)
    for name in ("train", "validation", "test"):
        count = len(reader.read(whole / name).pictures)
        assert parts_of(whole / name) == (count, count, True)


def test_the_parts_of_a_csv(tmp_path: Path) -> None:
    content = rows()
    assert parts_of(write_csv(tmp_path / "fer2013.csv", content)) == (21, 14, False)
    assert len(reader.read(tmp_path / "fer2013.csv", "private").pictures) == 7
    without = write_csv(tmp_path / "train.csv", content, "emotion,pixels")
    assert parts_of(without) == (42, 42, True)
    np.testing.assert_array_equal(reader.read(without).pictures, [row[1] for row in content])


def test_the_parts_of_an_npz(tmp_path: Path) -> None:
    x, y = faces(21, 1)
    np.savez(tmp_path / "both.npz", x_train=x, y_train=y, x_public=x[:14], y_public=y[:14])
    assert parts_of(tmp_path / "both.npz") == (21, 14, False)
    np.savez(tmp_path / "test.npz", x_train=x, y_train=y, x_test=x[:7], y_test=y[:7])
    assert parts_of(tmp_path / "test.npz") == (21, 7, False)
    np.savez(tmp_path / "whole.npz", x=x, y=y, classes=np.array(["mad", *FER[1:]]))
    assert parts_of(tmp_path / "whole.npz") == (21, 21, True)
    assert reader.read(tmp_path / "whole.npz").truth == tuple(FER[index] for index in y)


def test_faces_without_classes(tmp_path: Path) -> None:
    write_folder(tmp_path, faces(5, 1)[0], ["all"] * 5)
    found = reader.read(tmp_path / "all")
    assert len(found.pictures) == 5
    assert found.truth == ()


def test_a_part_that_is_not_there(tmp_path: Path) -> None:
    write_folder(tmp_path / "faces", faces(14, 1)[0], ["happy"] * 14)
    with pytest.raises(RefusedFile, match="faces: no faces found for 'public'"):
        reader.read(tmp_path / "faces", "public")
    with pytest.raises(UsageError, match="expected train, public or private"):
        reader.read(tmp_path / "faces", "holiday")


def test_damage_is_refused_with_its_place(tmp_path: Path) -> None:
    folder = parted(tmp_path / "faces", train=28, validation=14)
    broken = sorted((folder / "train").rglob("*.png"))[3]
    broken.write_bytes(broken.read_bytes()[:100])
    with pytest.raises(RefusedFile, match=f"1 of 28 pictures cannot be read.*first {broken}"):
        reader.read(folder)
    assert len(reader.read_test_split(folder).pictures) == 14
    (folder / "validation" / "Hapless").mkdir()
    with pytest.raises(RefusedFile, match="validation/Hapless: empty class folder"):
        reader.read_test_split(folder)
    content = rows()
    content[5] = (content[5][0], content[5][1][1:], content[5][2])
    with pytest.raises(RefusedFile, match=r"fer.csv: row 6 \(line 7\): 2256 pixels"):
        reader.read(write_csv(tmp_path / "fer.csv", content))
    votes = write_votes(tmp_path / "fer2013new.csv", content, votes_like(content))
    with pytest.raises(RefusedFile, match=r"new.csv: holds only FER\+'s votes.*in fer2013.csv"):
        reader.read(votes)


def test_a_few_damaged_pictures_are_counted(tmp_path: Path) -> None:
    folder = parted(tmp_path / "faces", train=140, validation=210)
    broken = sorted((folder / "validation").rglob("*.png"))[3]
    broken.write_bytes(broken.read_bytes()[:100])
    found = reader.read_test_split(folder)
    assert (len(found.pictures), found.unreadable) == (209, 1)
    assert found.of_classes(("happy",), folder).unreadable == 1
    assert reader.read(folder).unreadable == 0
