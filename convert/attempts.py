"""Calibrates until int8 agrees with float, or names the layer that keeps it from doing so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from convert import data, layers, quantize
from convert.bias import corrected
from convert.clip import clipped
from convert.compare import compare
from convert.float_model import FloatModel, prepared
from convert.normalisation import Normalisation
from convert.request import Progress, Request
from convert.synthetic_faces import clear_faces, faces, varied_faces
from edge.records import ByteArray

#: Clear faces choose and judge: of three kinds their agreement came nearest to that on photographs.
#: Different seeds: no face that set the ranges may choose among them, none of both may judge.
CALIBRATION_SEED, CHOOSING_SEED, JUDGING_SEED = 1, 2, 3
#: Enough agreement to stop trying.
GOOD = 0.97
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
    judges = prepared(clear_faces(face_count(model), CHOOSING_SEED)[0], model.input_shape)
    exact = model.probabilities(judges, scaling)
    made: list[Attempt] = []
    for name, pixels in _calibrations(model, request):
        measured = quantize.calibrated(graph, pixels, progress)
        for how, ranges in (("", measured), (", clipped", clipped(measured, pixels))):
            progress("quantizing", len(made), len(made) + 1)
            content = corrected(quantize.int8(ranges), measured, pixels)
            agreement = compare(exact, quantize.run(content, judges)).agreement
            made.append(Attempt(content, measured, name + how, round(agreement, 4)))
            if agreement >= GOOD:
                return made[-1], made
    return max(made, key=lambda attempt: attempt.agreement), made


def _calibrations(model: FloatModel, request: Request) -> Iterator[tuple[str, ByteArray]]:
    """Sets of faces to take ranges from, uint8 NHWC, the most promising first."""
    count = face_count(model)
    if request.calibrate is not None:
        own = data.read(Path(request.calibrate))
        if request.calibrate == request.evaluate:
            own = data.Faces(own.pictures[::2])  # the other half judges
        yield "own faces", prepared(own.some(count).pictures, model.input_shape)
        yield "more own faces", prepared(own.some(3 * count).pictures, model.input_shape)
    half = count // 2
    mixed = [draw(half, CALIBRATION_SEED)[0] for draw in (faces, varied_faces)]
    yield "synthetic faces", prepared(np.concatenate(mixed), model.input_shape)
    mixed = [draw(3 * half, CALIBRATION_SEED)[0] for draw in (faces, varied_faces)]
    yield "more synthetic faces", prepared(np.concatenate(mixed), model.input_shape)


def layer_errors(attempt: Attempt, model: FloatModel) -> list[layers.LayerError]:
    """How far each layer of `attempt` is from float, on faces that judge."""
    pixels = prepared(clear_faces(layers.PICTURES, JUDGING_SEED)[0], model.input_shape)
    return layers.layer_errors(attempt.exact, attempt.content, pixels)
