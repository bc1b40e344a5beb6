"""How a model wants its pixels: `pixel * scale + offset`, with the pixel raw, 0..255."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.errors import RefusedFile, UsageError
from edge.records import FloatArray


@dataclass(frozen=True)
class Normalisation:
    """`pixel * scale + offset`; both float32 and of a shape that spreads over `(h, w, c)`.

    `value` is what `--input-range` takes to say the same.
    """

    value: str
    scale: FloatArray
    offset: FloatArray

    def __call__(self, pixels: FloatArray) -> FloatArray:
        """Raw pixels 0..255, `(N, h, w, c)`, as the model wants them."""
        return pixels.astype(np.float32) * self.scale + self.offset

    def resembles(self, other: Normalisation) -> bool:
        """Whether black and white end up near where `other` puts them."""
        low, high = float(self.offset.mean()), float((255 * self.scale + self.offset).mean())
        others = float(other.offset.mean()), float((255 * other.scale + other.offset).mean())
        apart = abs(low - others[0]) + abs(high - others[1])
        return apart < 0.25 * (high - low)


def _linear(value: str, scale: float, offset: float) -> Normalisation:
    return Normalisation(value, np.array(scale, np.float32), np.array(offset, np.float32))


def standardised(mean: float, deviation: float) -> Normalisation:
    """`(pixel - mean) / deviation`."""
    return _linear(f"{mean:g},{deviation:g}", 1 / deviation, -mean / deviation)


#: By the name that `--input-range` takes.
NAMED = {
    "0..1": _linear("0..1", 1 / 255, 0),
    "-1..1": _linear("-1..1", 1 / 127.5, -1),
    "0..255": _linear("0..255", 1, 0),
}


def parse(text: str) -> Normalisation:
    """What `--input-range` says: a name, `mean,std` in grey levels, or an `.npz` of them.

    Raises `UsageError` where it is none of these, `RefusedFile` where the `.npz` is damaged.
    """
    if text in NAMED:
        return NAMED[text]
    if text.endswith(".npz"):
        return _per_pixel(Path(text))
    try:
        mean, deviation = (float(part) for part in text.split(","))
    except ValueError:
        mean, deviation = 0.0, 0.0
    if not (deviation > 0 and np.isfinite(mean) and np.isfinite(deviation)):
        names = ", ".join(NAMED)
        raise UsageError(
            f"--input-range {text}: must be one of {names}; mean,std (as 129,65); or an .npz with"
            " arrays mean and std"
        )
    return standardised(mean, deviation)


def _per_pixel(path: Path) -> Normalisation:
    try:
        with np.load(path, allow_pickle=False) as data:
            mean, deviation = (np.asarray(data[name], np.float32) for name in ("mean", "std"))
    except FileNotFoundError as error:
        raise UsageError(f"--input-range {path}: no such file") from error
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise RefusedFile(f"{path}: not an .npz with arrays mean and std") from error
    if not (np.isfinite(mean).all() and np.isfinite(deviation).all() and (deviation > 0).all()):
        raise RefusedFile(f"{path}: mean must be finite, std finite and above 0")
    shaped = [_with_channel(array) for array in (mean, deviation)]
    return Normalisation(str(path), 1 / shaped[1], -shaped[0] / shaped[1])


def _with_channel(array: FloatArray) -> FloatArray:
    """`(h, w)` becomes `(h, w, 1)`; single numbers and `(h, w, c)` stay."""
    return array[..., None] if array.ndim == 2 else array
