"""Faces from folders, CSV, npz and video."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from convert.faces import reader
from convert.faces.synthetic import faces
from convert.labels import fer_order
from edge.errors import RefusedFile, UsageError

FER = fer_order()


def test_faces_from_folders_csv_and_npz(tmp_path: Path) -> None:
    pictures, classes = faces(14, 9)
    for row, (picture, index) in enumerate(zip(pictures, classes, strict=True)):
        place = tmp_path / "folders" / f"{FER[index].capitalize()}"
        place.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(place / f"{row}.png"), picture)
    with (tmp_path / "fer.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["emotion", "pixels", "Usage"])
        for picture, index in zip(pictures, classes, strict=True):
            usage = "PublicTest" if index else "Training"
            rows.writerow([index, " ".join(map(str, picture.ravel())), usage])
    np.savez(tmp_path / "fer.npz", x_train=pictures, y_train=classes)
    assert sorted(reader.read(tmp_path / "folders").truth) == sorted(FER * 2)
    assert reader.read(tmp_path / "fer.csv").truth == ("angry", "angry")
    assert len(reader.read_test_split(tmp_path / "fer.csv").pictures) == 12
    npz = reader.read(tmp_path / "fer.npz")
    np.testing.assert_array_equal(npz.pictures, pictures)
    assert npz.truth == FER * 2
    assert len(npz.sample(5).pictures) == 5


@pytest.mark.slow
def test_faces_from_a_video(shared: Path) -> None:
    found = reader.read(shared / "videos/pyfeat_single_face.mp4")
    assert len(found.pictures) > 20
    assert all(picture.shape[0] == picture.shape[1] >= 48 for picture in found.pictures)


@pytest.mark.parametrize("name", ["none.npz", "broken.npz", "broken.csv", "empty", "notes.txt"])
def test_faces_that_are_none(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if name == "empty":
        path.mkdir()
    elif name != "none.npz":
        path.write_text("emotion,pixels,Usage\n1,2 x,Training\n")
    with pytest.raises((RefusedFile, UsageError), match=name):
        reader.read(path)
