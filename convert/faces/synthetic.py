"""Synthetic faces for probing and calibration, drawn from statistics.

`convert/assets/synthetic_faces.npz`, made by `tests.make_assets.face_statistics`, contains no
picture, only what thousands of them have in common:

- `labels`: the names of the classes in FER2013's order;
- `means`: the mean picture of each class, uint8 `(7, 48, 48)`;
- `components`: the first 96 principal components of the residuals, int8 `(96, 48, 48)`, each with
  its own `component_scale`, float32 `(96,)`;
- `deviations`: the standard deviation of each component's weight within each class, float16
  `(7, 96)`;
- `amplitude`: the square root of the mean power spectrum of what the components do not explain,
  float16 `(48, 48)` in the order of `numpy.fft.fft2`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from convert.labels import STATISTICS, fer_order
from edge.records import ByteArray, FloatArray

SIZE = 48
#: A larger gain would amplify the asset's noise above its faces.
MAX_GAIN = 4.0


class Statistics(NamedTuple):
    """The asset, decoded: float32 gray levels, shapes as in the module's docstring."""

    labels: tuple[str, ...]
    means: FloatArray
    components: FloatArray
    deviations: FloatArray
    amplitude: FloatArray


@functools.cache
def statistics() -> Statistics:
    """Return the bundled statistics."""
    with STATISTICS.open("rb") as file, np.load(file, allow_pickle=False) as data:
        scale = data["component_scale"][:, None, None]
        return Statistics(
            labels=fer_order(),
            means=data["means"].astype(np.float32),
            components=data["components"].astype(np.float32) * scale,
            deviations=data["deviations"].astype(np.float32),
            amplitude=data["amplitude"].astype(np.float32),
        )


def faces(
    count: int,
    seed: int,
    *,
    amplify: float = 1.0,
    noise: float = 1.0,
    texture: float = 1.0,
    sharpen: bool = False,
) -> tuple[ByteArray, npt.NDArray[np.intp]]:
    """Draw `count` faces, uint8 `(count, 48, 48)`, and their class indices.

    The classes alternate; the indices refer to `statistics().labels`. `amplify` stretches a class's
    difference from the mean of all classes, `noise` scales the random weights of the principal
    components, `texture` the fine structure that the components do not explain; `sharpen` amplifies
    the fine structure that is there instead. The same arguments give the same faces; different
    seeds give different ones.
    """
    known = statistics()
    rng = np.random.default_rng(seed)
    classes = np.arange(count) % len(known.labels)
    drawn = _smooth(classes, rng, amplify, noise)
    if sharpen:
        drawn = _sharpened(drawn)
    if texture:
        white = rng.standard_normal(drawn.shape, dtype=np.float32)
        drawn = drawn + texture * np.fft.ifft2(np.fft.fft2(white) * known.amplitude).real
    return np.clip(np.rint(drawn), 0, 255).astype(np.uint8), classes


def clear_faces(count: int, seed: int) -> tuple[ByteArray, npt.NDArray[np.intp]]:
    """Draw faces whose expression trained models recognise best.

    Seven of eight public models, each in its own input range, gave 42 to 57 % of these the intended
    answer; of plain `faces`, 14 to 25 %.
    """
    return faces(count, seed, amplify=2.0, noise=0.35, texture=0.0, sharpen=True)


def varied_faces(count: int, seed: int) -> tuple[ByteArray, npt.NDArray[np.intp]]:
    """Draw faces as sharp as `clear_faces` but more varied; models are less certain."""
    return faces(count, seed, amplify=1.5, noise=0.6, texture=0.0, sharpen=True)


def judging_faces(count: int, seed: int) -> tuple[ByteArray, npt.NDArray[np.intp]]:
    """Draw faces on which models are about as confident as on photographs.

    For six public models, int8 agreed with float on these within 1.4 points of the share on
    photographs (1008 of these, FER2013's public test pictures).
    """
    return faces(count, seed, amplify=3.0, noise=0.35, texture=0.0, sharpen=True)


def _smooth(
    classes: npt.NDArray[np.intp], rng: np.random.Generator, amplify: float, noise: float
) -> FloatArray:
    """Return class means plus weighted components, float32 `(N, 48, 48)`."""
    known = statistics()
    weights = rng.standard_normal((len(classes), len(known.components)), dtype=np.float32)
    weights *= noise * known.deviations[classes]
    middle = known.means.mean(axis=0)
    drawn = middle + amplify * (known.means[classes] - middle)
    return np.asarray(drawn + np.tensordot(weights, known.components, axes=1), np.float32)


def _sharpened(smooth: FloatArray) -> FloatArray:
    """Return `smooth` with the spatial power that photographs have.

    Means of many faces are blurred. Noise would restore the power but no edges; amplifying what is
    there makes eyes and mouths as sharp as networks are used to.
    """
    rings = _rings()

    def power(pictures: FloatArray) -> FloatArray:
        spectrum = (np.abs(np.fft.fft2(pictures)) ** 2).mean(axis=0)
        return np.asarray(np.bincount(rings.ravel(), spectrum.ravel()) / np.bincount(rings.ravel()))

    fine = np.bincount(rings.ravel(), SIZE**2 * statistics().amplitude.ravel() ** 2)
    gain = np.sqrt((_photographs(power) + fine / np.bincount(rings.ravel())) / power(smooth))
    gain = np.minimum(gain, MAX_GAIN)
    gain[0] = 1.0  # the brightness
    return np.asarray(np.fft.ifft2(np.fft.fft2(smooth) * gain[rings]).real, np.float32)


def _photographs(power: Callable[[FloatArray], FloatArray]) -> FloatArray:
    """Return the power per ring of faces as varied as the training split.

    Their fine structure is not included.
    """
    classes = np.arange(100 * len(statistics().labels)) % len(statistics().labels)
    return power(_smooth(classes, np.random.default_rng(0), 1.0, 1.0))


def _rings() -> npt.NDArray[np.intp]:
    """Return each frequency's distance from zero, in cycles per picture.

    The order is that of `numpy.fft.fft2`, the shape `(48, 48)`.
    """
    cycles = np.fft.fftfreq(SIZE) * SIZE
    return np.asarray(np.rint(np.hypot(cycles[:, None], cycles)), np.intp)
