"""Faces in the files that people keep them in: FER2013's csv, FER+'s votes, class folders."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from convert.faces.synthetic import faces
from convert.labels import fer_order
from convert.training.dataset import Dataset

FER = fer_order()
CK = ("anger", "disgust", "fear", "happy", "sadness", "surprise", "neutral", "contempt")
FERPLUS = "neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
#: Which of FERPLUS's columns stands for each class of FER2013.
COLUMNS = [FERPLUS.split(",").index(name) for name in (*CK[:3], "happiness", *CK[4:7])]
Rows = list[tuple[int, npt.NDArray[np.uint8], str]]


def rows(train: int = 21, public: int = 14, private: int = 7, seed: int = 1) -> Rows:
    """Rows as in FER2013's csv: number of the class, picture, Usage."""
    pictures, classes = faces(train + public + private, seed)
    usages = ["Training"] * train + ["PublicTest"] * public + ["PrivateTest"] * private
    return list(zip(map(int, classes), pictures, usages, strict=True))


def write_csv(path: Path, content: Rows, header: str = "emotion,pixels,Usage") -> Path:
    """As Kaggle's fer2013.csv, or with the columns in the order of `header`."""
    columns = [name.strip().lower() for name in header.split(",")]
    with path.open("w", encoding="utf-8") as file:
        file.write(header + "\n")
        for label, picture, usage in content:
            pixels = " ".join(map(str, picture.ravel()))
            cells = {"emotion": str(label), "pixels": pixels, "usage": usage}
            file.write(",".join(cells[name] for name in columns) + "\n")
    return path


def write_votes(path: Path, content: Rows, votes: npt.NDArray[Any]) -> Path:
    """As FER+'s fer2013new.csv."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["Usage", "Image name", *FERPLUS.split(",")])
        for number, ((_, _, usage), counts) in enumerate(zip(content, votes, strict=True)):
            table.writerow([usage, f"fer{number:07d}.png", *counts])
    return path


def votes_like(content: Rows) -> npt.NDArray[np.int64]:
    """Eight of ten for the csv's own label, one unknown, one for contempt."""
    votes = np.zeros((len(content), 10), np.int64)
    votes[range(len(content)), [COLUMNS[label] for label, _, _ in content]] = 8
    votes[:, 7:9] = 1
    return votes


def write_folder(path: Path, pictures: Iterable[Any], names: Sequence[str]) -> Path:
    """Class folders with PNGs, numbered."""
    for number, (picture, name) in enumerate(zip(pictures, names, strict=True)):
        (path / name).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path / name / f"{number}.png"), picture)
    return path


def parted(path: Path, **counts: int) -> Path:
    """Folders of class folders: `parted(path, train=21, test=7)`."""
    for seed, (part, count) in enumerate(counts.items()):
        pictures, classes = faces(count, 40 + seed)
        write_folder(path / part, pictures, [FER[index].capitalize() for index in classes])
    return path


def as_set(pictures: npt.NDArray[np.uint8]) -> set[bytes]:
    return {picture.tobytes() for picture in pictures}


def noted(dataset: Dataset, words: str) -> str:
    """The one note that has `words` in it."""
    (found,) = [note for note in dataset.notes if words in note]
    return found
