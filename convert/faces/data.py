"""Pictures of faces, with their classes where the source knows them: npz, csv, folders, a video."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from convert.faces import fer_csv, folders, npz
from convert.faces.parts import ALL_PARTS, Part, Picture, part_named, readable
from convert.labels import fer_order
from edge.errors import RefusedFile, UsageError
from edge.records import ByteArray

VIDEOS = (".mp4", ".avi", ".mkv", ".mov", ".webm")
#: Faces smaller than this are not looked for in videos, as on the Pi.
LEAST_FACE_PX = 48
FACES_OF_A_VIDEO = 500
CASCADE = Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_default.xml"


@dataclass(frozen=True)
class Faces:
    """Grey pictures, uint8 `(height, width)` each; `truth[i]` is the name of picture i's class.

    `truth` is empty where the source does not say. `names[i]` is picture i's place in its source.
    `unreadable` counts the damaged ones of the source, which are not among these.
    """

    pictures: list[ByteArray]
    truth: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    unreadable: int = 0

    def some(self, count: int) -> Faces:
        """At most `count` of them, spread evenly over all."""
        if len(self.pictures) <= count:
            return self
        return self._of(np.linspace(0, len(self.pictures) - 1, count).round().astype(int).tolist())

    def of_classes(self, labels: tuple[str, ...]) -> Faces:
        """Those whose class is one of `labels`."""
        return self._of([row for row, name in enumerate(self.truth) if name in labels])

    def _of(self, rows: list[int]) -> Faces:
        truth, names = (
            tuple(said[row] for row in rows) if said else () for said in (self.truth, self.names)
        )
        return Faces([self.pictures[row] for row in rows], truth, names, self.unreadable)


def read(path: Path, split: str = "") -> Faces:
    """The faces of `path`: of the part `split` (train, public, private), "" those to train on.

    An `.npz` has `x_<split>` and `y_<split>`, or `x` and `y`; its classes are numbered as `classes`
    says, else as FER2013. A `.csv` is FER2013's. In a folder, each sub-folder is a class; without
    sub-folders the classes are unknown; the classes may lie in parts (train, validation, test). In
    a video, faces are searched. A source without parts is all to train on. Raises `UsageError`
    where there is nothing at `path`, `RefusedFile` where it holds no faces or broken ones.
    """
    if not split:
        return _first(path, {Part.TRAIN}, ALL_PARTS)
    part = part_named(split)
    if part is None:
        raise UsageError(f"{split}: no such part; wanted train, public or private")
    return _first(path, {part}, named=split)


def read_test_split(path: Path) -> Faces:
    """The faces of `path` that were set aside from training; all, where none were."""
    return _first(path, {Part.VALIDATION}, {Part.TEST}, ALL_PARTS)


def is_whole(path: Path) -> bool:
    """Whether `path` sets no faces aside from training. Raises `RefusedFile` as `read` does."""
    with readable(path):
        return len(_parts(path)) < 2


def seen_in_training(path: Path) -> list[str]:
    """Words of caution about a score on all of `path`, where it sets no faces aside."""
    with readable(path):
        if _parts(path) != {Part.TRAIN}:
            return []
    return [f"{path}: sets no faces aside: a model that was trained on it has seen them"]


def _parts(path: Path) -> set[Part]:
    if path.is_dir():
        return folders.parts(path)
    reader = {".npz": npz.parts, ".csv": fer_csv.parts}.get(path.suffix.lower())
    return reader(path) if reader else {Part.TRAIN}


def _first(path: Path, *choices: Collection[Part], named: str = "") -> Faces:
    """The pictures of the first choice of which there are any."""
    with readable(path):
        if not path.exists():
            raise UsageError(f"{path}: no such file or folder")
    for wanted in choices:
        unreadable: list[Path] = []
        with readable(path):
            found = list(_pictures(path, wanted, unreadable))
        if found:
            pictures = [picture.pixels for picture in found]
            truth = tuple(picture.label for picture in found)
            names = tuple(picture.name for picture in found)
            return Faces(pictures, truth if all(truth) else (), names, len(unreadable))
    raise RefusedFile(f"{path}: no face found in it" + (f" for {named!r}" if named else ""))


def _pictures(path: Path, wanted: Collection[Part], unreadable: list[Path]) -> Iterator[Picture]:
    if path.is_dir():
        return folders.pictures(path, unreadable, wanted)
    ending = path.suffix.lower()
    if ending == ".npz":
        return npz.pictures(path, fer_order(), wanted)
    if ending == ".csv":
        return fer_csv.pictures(path, fer_order(), wanted)
    if ending in VIDEOS:
        return _video(path) if Part.TRAIN in wanted else iter(())
    expected = "an .npz, a FER2013 .csv, a folder, or a video"
    raise RefusedFile(f"{path}: wanted {expected} ({', '.join(VIDEOS)})")


def _video(path: Path) -> Iterator[Picture]:
    search = cv2.CascadeClassifier(str(CASCADE))
    film = cv2.VideoCapture(str(path))
    count = 0
    try:
        step = max(1, int(film.get(cv2.CAP_PROP_FRAME_COUNT)) // FACES_OF_A_VIDEO)
        number, told = 0, film.grab()
        while told and count < FACES_OF_A_VIDEO:
            if number % step == 0:
                _, frame = film.retrieve()
                gray = np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), np.uint8)
                for x, y, width, height in search.detectMultiScale(
                    gray, 1.1, 5, minSize=(LEAST_FACE_PX,) * 2
                ):
                    face = gray[y : y + height, x : x + width]
                    yield Picture(face, "", Part.TRAIN, f"frame {number}")
                    count += 1
            number, told = number + 1, film.grab()
    finally:
        film.release()
