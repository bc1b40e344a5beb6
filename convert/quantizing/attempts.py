"""Calibrates until int8 agrees with float, or names the layer that keeps it from doing so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from convert.compare import compare
from convert.faces import data
from convert.faces.synthetic_faces import faces, judging_faces, varied_faces
from convert.float_model import FloatModel, prepared
from convert.normalisation import Normalisation
from convert.quantizing import layers, quantize
from convert.quantizing.bias import corrected
from convert.quantizing.rounding import rounded
from convert.quantizing.steps import aligned, spared
from convert.request import Progress, Request
from edge.records import ByteArray

#: Different seeds: no face that set the ranges may choose among them, none of both may judge.
CALIBRATION_SEED, CHOOSING_SEED, JUDGING_SEED = 1, 2, 3
#: Ranges are wider than synthetic faces ask for: photographs go beyond. On FER2013's public test
#: split the largest loss of six public models fell from 0.97 points of accuracy to 0.41 (0.86 with
#: 1.1); agreement of int8 with float rose for three and fell for three, by 0.35 points at most.
SPARE_RANGE = 1.2
#: Trying stops at so much more than is wanted: the faces that judge are others.
SPARE = 0.015
#: Faces up to a longer side of the input and a number of weights: work grows with both.
COUNTS = ((64, 3e6, 504), (128, 1e7, 210), (1024, np.inf, 84))


@dataclass(frozen=True)
class Attempt:
    """An int8 file, the float file it came from, what set its ranges, and how well it does."""

    content: bytes
    exact: bytes
    calibration: str
    agreement: float


def face_count(model: FloatModel) -> int:
    """How many faces a model of this size is calibrated with, and judged by."""
    side = max(model.input_shape[1:3])
    size = model.parameters
    return next(count for most, weights, count in COUNTS if side <= most and size <= weights)


def quantized(
    model: FloatModel, scaling: Normalisation, request: Request, progress: Progress
) -> tuple[Attempt, list[Attempt]]:
    """The best attempt, and all attempts in the order made."""
    graph = quantize.frozen(model, scaling)
    choosers = prepared(judging_faces(face_count(model), CHOOSING_SEED)[0], model.input_shape)
    exact = model.probabilities(choosers, scaling)
    made: list[Attempt] = []
    for name, measured, pixels in _calibrations(model, graph, request, progress):
        progress("quantizing", len(made), len(made) + 1)
        content = corrected(rounded(quantize.int8(measured), measured, pixels), measured, pixels)
        agreement = compare(exact, quantize.run(content, choosers)).agreement
        made.append(Attempt(content, measured, name, round(agreement, 4)))
        progress("quantizing", len(made), len(made))
        if agreement >= request.min_agreement + SPARE:
            break
    return max(made, key=lambda attempt: attempt.agreement), made


def _calibrations(
    model: FloatModel, graph: Any, request: Request, progress: Progress
) -> Iterator[tuple[str, bytes, ByteArray]]:
    """`(name, calibrated file, faces)`, the most promising first; each made when it is asked for.

    Own faces show how far values go; synthetic ones leave it open, and deep networks of small
    steps have no room to spare.
    """
    shares = {"synthetic faces": 1}
    if request.calibrate is not None:
        shares = {"own faces": 1, "more own faces": 3}
    for name, share in shares.items():
        pixels = prepared(_pictures(request, share * face_count(model)), model.input_shape)
        measured = quantize.calibrated(graph, pixels, progress)
        if request.calibrate is None:
            yield f"{name}, room to spare", aligned(spared(measured, SPARE_RANGE)), pixels
        yield name, aligned(measured), pixels


def _pictures(request: Request, count: int) -> list[ByteArray]:
    """About `count` faces to calibrate with: the user's own, else plain and sharp ones."""
    if request.calibrate is None:
        mixed = [draw(count // 2, CALIBRATION_SEED)[0] for draw in (faces, varied_faces)]
        return list(np.concatenate(mixed))
    path = Path(request.calibrate)
    own = data.read(path)
    if request.calibrate == request.evaluate and data.is_whole(path):
        own = data.Faces(own.pictures[::2])  # the other half judges
    return own.some(count).pictures


def layer_errors(attempt: Attempt, model: FloatModel) -> list[layers.LayerError]:
    """How far each layer of `attempt` is from float, on faces that judge."""
    pixels = prepared(judging_faces(layers.PICTURES, JUDGING_SEED)[0], model.input_shape)
    return layers.layer_errors(attempt.exact, attempt.content, pixels)
