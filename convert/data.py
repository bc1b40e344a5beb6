"""Pictures of faces, with their classes where the source knows them: npz, csv, folders, a video."""

from __future__ import annotations

import csv
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from convert.synthetic_faces import statistics
from edge.errors import RefusedFile, UsageError, first_line
from edge.model_card import canonical
from edge.records import ByteArray

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".pgm", ".webp")
VIDEOS = (".mp4", ".avi", ".mkv", ".mov", ".webm")
#: What FER2013's csv calls its splits.
USAGES = {"train": "Training", "public": "PublicTest", "private": "PrivateTest"}
#: Faces smaller than this are not looked for in videos, as on the Pi.
LEAST_FACE_PX = 48
FACES_OF_A_VIDEO = 500
CASCADE = Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_default.xml"


@dataclass(frozen=True)
class Faces:
    """Grey pictures, uint8 `(height, width)` each; `truth[i]` is the name of picture i's class.

    `truth` is empty where the source does not say.
    """

    pictures: list[ByteArray]
    truth: tuple[str, ...] = ()

    def some(self, count: int) -> Faces:
        """At most `count` of them, spread evenly over all."""
        if len(self.pictures) <= count:
            return self
        rows = np.linspace(0, len(self.pictures) - 1, count).round().astype(int)
        truth = tuple(self.truth[row] for row in rows) if self.truth else ()
        return Faces([self.pictures[row] for row in rows], truth)

    def of_classes(self, labels: tuple[str, ...]) -> Faces:
        """Those whose class is one of `labels`."""
        rows = [row for row, name in enumerate(self.truth) if name in labels]
        return Faces([self.pictures[row] for row in rows], tuple(self.truth[row] for row in rows))


def read(path: Path, split: str = "") -> Faces:
    """The faces of `path`; `split` picks one part of a FER2013 npz or csv, "" the training split.

    An `.npz` has `x_<split>` and `y_<split>`, or `x` and `y`; its classes are numbered as `classes`
    says, else as FER2013. A `.csv` is FER2013's. In a folder, each sub-folder is a class; without
    sub-folders the classes are unknown. In a video, faces are searched. Raises `UsageError` where
    there is nothing at `path`, `RefusedFile` where it holds no faces.
    """
    if not path.exists():
        raise UsageError(f"{path}: no such file or folder")
    try:
        found = _reader(path)(path, split)
    except (OSError, ValueError, KeyError, IndexError, EOFError, zipfile.BadZipFile) as error:
        raise RefusedFile(f"{path}: cannot be read as faces ({first_line(error)})") from error
    except csv.Error as error:
        raise RefusedFile(f"{path}: not a csv ({error})") from error
    if not found.pictures:
        raise RefusedFile(f"{path}: no face found in it")
    return found


def read_test_split(path: Path) -> Faces:
    """The faces of `path` that were set aside from training; all, where none were."""
    return read(path, next(iter(_test_splits(path)), ""))


def is_whole(path: Path) -> bool:
    """Whether `path` sets no faces aside from training."""
    return not _test_splits(path)


def _test_splits(path: Path) -> list[str]:
    """The parts of `path` that are not for training, the one to choose by first."""
    if path.is_dir():
        return [name for name in ("validation", "val", "test") if (path / name).is_dir()]
    if path.suffix.lower() == ".npz":
        try:
            with np.load(path, allow_pickle=False) as content:
                return [name for name in ("public", "test") if f"x_{name}" in content]
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            return []  # reading it will say what is wrong
    return ["public"] if path.suffix.lower() == ".csv" and _has_usage(path) else []


def _has_usage(path: Path) -> bool:
    with path.open("rb") as file:
        return b"PublicTest" in file.read() if path.stat().st_size else False


def _reader(path: Path) -> Callable[[Path, str], Faces]:
    if path.is_dir():
        return _folder
    by_ending = {".npz": _npz, ".csv": _csv} | dict.fromkeys(VIDEOS, _video)
    reader = by_ending.get(path.suffix.lower())
    if reader is None:
        wanted = "an .npz, a FER2013 .csv, a folder, or a video"
        raise RefusedFile(f"{path}: wanted {wanted} ({', '.join(VIDEOS)})")
    return reader


def _npz(path: Path, split: str) -> Faces:
    with np.load(path, allow_pickle=False) as data:
        suffix = f"_{split or 'train'}" if f"x_{split or 'train'}" in data else ""
        if split and not suffix:
            raise KeyError(f"no x_{split} in it")
        pictures, truth = data[f"x{suffix}"], data.get(f"y{suffix}")
        names = [canonical(str(name)) for name in data["classes"]] if "classes" in data else ()
    if pictures.dtype != np.uint8 or pictures.ndim not in (3, 4):
        raise ValueError(f"wanted uint8 (N, height, width), not {pictures.dtype} {pictures.shape}")
    if pictures.ndim == 4:
        pictures = pictures[..., 0]
    named = tuple(
        (names or statistics().labels)[label] for label in ([] if truth is None else truth)
    )
    return Faces(list(pictures), named)


def _csv(path: Path, split: str) -> Faces:
    csv.field_size_limit(sys.maxsize)
    pictures, truth = [], []
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row.get("Usage", "").strip() in ("", USAGES.get(split or "train", split)):
                pixels = np.array(row["pixels"].split(), np.int64)
                if not pixels.size or pixels.min() < 0 or pixels.max() > 255:
                    raise ValueError("pixels must be 0 to 255")
                side = round(np.sqrt(pixels.size))
                pictures.append(pixels.astype(np.uint8).reshape(side, side))
                truth.append(statistics().labels[int(row["emotion"])])
    return Faces(pictures, tuple(truth))


def _folder(path: Path, split: str) -> Faces:
    inside = path / split if split and (path / split).is_dir() else path
    classes = sorted(entry for entry in inside.iterdir() if entry.is_dir())
    if not classes:
        return Faces([picture for picture, _ in _pictures(inside)])
    pairs = [(pixels, canonical(name)) for folder in classes for pixels, name in _pictures(folder)]
    return Faces([pixels for pixels, _ in pairs], tuple(name for _, name in pairs))


def _pictures(folder: Path) -> Iterator[tuple[ByteArray, str]]:
    """Each readable picture of `folder`, with the folder's name."""
    for file in sorted(folder.iterdir()):
        if file.suffix.lower() in PICTURES:
            pixels = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
            if pixels is not None:
                yield np.asarray(pixels, np.uint8), folder.name


def _video(path: Path, _split: str) -> Faces:
    search = cv2.CascadeClassifier(str(CASCADE))
    film = cv2.VideoCapture(str(path))
    found: list[ByteArray] = []
    try:
        step = max(1, int(film.get(cv2.CAP_PROP_FRAME_COUNT)) // FACES_OF_A_VIDEO)
        number, told = 0, film.grab()
        while told and len(found) < FACES_OF_A_VIDEO:
            if number % step == 0:
                _, frame = film.retrieve()
                gray = np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), np.uint8)
                boxes = search.detectMultiScale(gray, 1.1, 5, minSize=(LEAST_FACE_PX,) * 2)
                found += [gray[y : y + height, x : x + width] for x, y, width, height in boxes]
            number, told = number + 1, film.grab()
    finally:
        film.release()
    return Faces(found)
