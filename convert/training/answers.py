"""Teachers' answers in a file of their own: a pupil learns from it without the teachers.

An `.npz` with `answers` (uint8 `(N, classes)`, 255 times the teachers' mean probability of each
class for a picture and its mirror image), `pictures` (uint64 `(N,)`, the picture it belongs to: see
`_keys`), `classes`, and `provenance`, a line for each teacher and one for the program.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt

from convert.request import Progress
from convert.training.batches import Teacher, as_input
from convert.training.dataset import Samples
from edge import __version__
from edge.errors import RefusedFile, UsageError, first_line
from edge.records import ByteArray, FloatArray

ENDING = ".npz"
_AT_ONCE = 64
_KEYS = ("answers", "pictures", "classes", "provenance")
_READ_ERRORS = (zipfile.BadZipFile, OSError, ValueError, EOFError)


def named(teachers: Sequence[str]) -> Path | None:
    """Return the file of answers among `teachers`, None if these are networks.

    Raises `UsageError` for a mixture: answers are the mean of all teachers already.
    """
    kept = [Path(name) for name in teachers if name.endswith(ENDING)]
    if kept and len(teachers) > 1:
        raise UsageError(f"--teacher {kept[0]}: holds teachers' mean answers; give it alone")
    return kept[0] if kept else None


def write(
    path: Path,
    teacher: Teacher,
    files: Sequence[str],
    pictures: Samples,
    classes: tuple[str, ...],
    progress: Progress,
) -> None:
    """Write the answers of `teacher`, with networks in `files`, to all `pictures`."""
    total, answers = len(pictures.labels), []
    for start in range(0, total, _AT_ONCE):
        progress("answering", start, total)
        seen = pictures.pixels[start : start + _AT_ONCE].astype(np.float32)
        both = [teacher(as_input(side, 1)) for side in (seen, seen[:, :, ::-1])]
        answers.append(np.rint(255 * np.mean(both, axis=0)).astype(np.uint8))
    digests = [hashlib.sha256(Path(file).read_bytes()).hexdigest() for file in files]
    by = [f"{Path(file).name} {digest}" for file, digest in zip(files, digests, strict=True)]
    part = path.with_name(f".{path.stem}.part{ENDING}")
    np.savez_compressed(
        part,
        answers=np.concatenate(answers),
        pictures=_keys(pictures.pixels),
        classes=np.array(classes),
        provenance=np.array([*by, f"fer-train {__version__}, keras {keras.version()}"]),
    )
    part.replace(path)


def read(path: Path, pictures: Samples, classes: tuple[str, ...]) -> tuple[FloatArray, str]:
    """Return answers to `pictures`, float32 `(N, classes)`, and a note on the file.

    Rows sum to 1, and are zeros for pictures that are not in the file. Raises `UsageError` for a
    missing file, other classes, and answers to none of the pictures; `RefusedFile` for others.
    """
    if not path.is_file():
        raise UsageError(f"--teacher {path}: no such file")
    try:
        with np.load(path, allow_pickle=False) as file:
            answers, keys, theirs, _ = (file[name] for name in _KEYS)
    except KeyError as error:
        raise RefusedFile(f"--teacher {path}: not a file of answers (no {error})") from error
    except _READ_ERRORS as error:
        raise RefusedFile(f"--teacher {path}: damaged ({first_line(error):.100})") from error
    if tuple(theirs) != classes:
        own, ours = ", ".join(map(str, theirs)), ", ".join(classes)
        raise UsageError(f"--teacher {path}: its classes are {own}; the data's are {ours}")
    if answers.shape != (len(keys), len(classes)) or answers.dtype != np.uint8:
        raise RefusedFile(f"--teacher {path}: answers: must be uint8, a row for each picture")
    rows = {int(key): row for key, row in zip(keys, answers, strict=True)}
    nothing = np.zeros(len(classes), np.uint8)
    found = np.stack([rows.get(int(key), nothing) for key in _keys(pictures.pixels)])
    total = found.sum(axis=1, dtype=np.float32, keepdims=True)
    if not total.any():
        raise UsageError(f"--teacher {path}: answers none of the training pictures")
    note = f"{path.name}: answers {np.count_nonzero(total)} of {len(total)} training pictures"
    return np.divide(found, total, out=np.zeros_like(found, np.float32), where=total > 0), note


def blend(targets: FloatArray, answers: FloatArray, share: float) -> FloatArray:
    """Return `targets` with this share of `answers`, where there are any.

    All are `(N, classes)`.
    """
    shares = share * answers.any(axis=1, keepdims=True)
    result: FloatArray = ((1 - shares) * targets + shares * answers).astype(np.float32)
    return result


def _keys(pixels: ByteArray) -> npt.NDArray[np.uint64]:
    """Return the SHA-256's first 8 bytes of each picture, uint8 `(N, side, side)`."""
    digests = [hashlib.sha256(picture.tobytes()).digest()[:8] for picture in pixels]
    return np.array([int.from_bytes(digest, "big") for digest in digests], np.uint64)
