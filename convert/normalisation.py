"""How a model expects its pixels: `pixel * scale + offset`, pixel 0..255."""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.errors import RefusedFile, UsageError
from edge.records import FloatArray


@dataclass(frozen=True)
class Normalisation:
    """A linear scaling of pixels: `pixel * scale + offset`.

    Both are float32, in shapes that broadcast over `(h, w, c)`. `value` is the equivalent
    `--input-range`; for an `.npz` it is the file's name without its folder, its SHA-256, shape and
    means.
    """

    value: str
    scale: FloatArray
    offset: FloatArray

    def __call__(self, pixels: FloatArray) -> FloatArray:
        """Scale raw pixels 0..255, `(N, h, w, c)`, as the model expects them."""
        return pixels.astype(np.float32) * self.scale + self.offset

    def resembles(self, other: Normalisation) -> bool:
        """Return whether black and white map to nearly the same values as in `other`."""
        low, high = float(self.offset.mean()), float((255 * self.scale + self.offset).mean())
        others = float(other.offset.mean()), float((255 * other.scale + other.offset).mean())
        apart = abs(low - others[0]) + abs(high - others[1])
        return apart < 0.25 * (high - low)

    def fits(self, input_shape: tuple[int, int, int, int]) -> bool:
        """Return whether scaling keeps the shape of pixels of `input_shape`, NHWC."""
        shapes = input_shape[1:], self.scale.shape, self.offset.shape
        try:
            return np.broadcast_shapes(*shapes) == shapes[0]
        except ValueError:
            return False


def _linear(value: str, scale: float, offset: float) -> Normalisation:
    return Normalisation(value, np.array(scale, np.float32), np.array(offset, np.float32))


def standardised(mean: float, deviation: float) -> Normalisation:
    """Return `(pixel - mean) / deviation`."""
    return _linear(f"{mean:g},{deviation:g}", 1 / deviation, -mean / deviation)


#: Separates an `.npz`'s name from its digest.
_DIGEST = " sha256:"
#: By their names in `--input-range`.
NAMED = {
    "0..1": _linear("0..1", 1 / 255, 0),
    "-1..1": _linear("-1..1", 1 / 127.5, -1),
    "0..255": _linear("0..255", 1, 0),
}


def parse(text: str) -> Normalisation:
    """Parse `--input-range`: a name, `mean,std` in gray levels, or an `.npz` of both.

    Also accepts the `value` of any of these, as recorded in a card. Raises `UsageError` for
    anything else and for an `.npz` other than the card's, `RefusedFile` for a damaged `.npz`.
    """
    if text in NAMED:
        return NAMED[text]
    path, separator, digest = text.partition(_DIGEST)
    if path.endswith(".npz"):
        return _per_pixel(Path(path), digest.partition(" ")[0] if separator else None)
    try:
        mean, deviation = (float(part) for part in text.split(","))
    except ValueError:
        mean, deviation = 0.0, 0.0
    if not (deviation > 0 and np.isfinite(mean) and np.isfinite(deviation)):
        names = ", ".join(NAMED)
        raise UsageError(
            f"--input-range {text}: must be one of {names}; mean,std (such as 129,65); or an .npz"
            " with arrays mean and std"
        )
    return standardised(mean, deviation)


def _per_pixel(path: Path, expected: str | None) -> Normalisation:
    try:
        content = path.read_bytes()
        with np.load(io.BytesIO(content), allow_pickle=False) as data:
            mean, deviation = (np.asarray(data[name], np.float32) for name in ("mean", "std"))
    except FileNotFoundError as error:
        raise UsageError(f"--input-range {path}: no such file") from error
    except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise RefusedFile(f"{path}: not an .npz with arrays mean and std") from error
    digest = hashlib.sha256(content).hexdigest()
    if expected not in (None, digest):
        raise UsageError(f"--input-range {path}: not the file that the card names ({expected})")
    finite = mean.size and np.isfinite(mean).all() and np.isfinite(deviation).all()
    if not (finite and deviation.size and (deviation > 0).all()):
        raise RefusedFile(f"{path}: mean must be finite, std finite and above 0")
    shape = "x".join(map(str, mean.shape)) or "1"
    summary = f"{shape}, mean {mean.mean():.4g}, std {deviation.mean():.4g}"
    mean, deviation = _with_channel(mean), _with_channel(deviation)
    value = f"{path.name}{_DIGEST}{digest} ({summary})"
    return Normalisation(value, 1 / deviation, -mean / deviation)


def _with_channel(array: FloatArray) -> FloatArray:
    """Return `(h, w)` as `(h, w, 1)`; scalars and `(h, w, c)` unchanged."""
    return array[..., None] if array.ndim == 2 else array
