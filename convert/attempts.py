"""Calibrates until int8 agrees with float, or names the layer that keeps it from doing so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from convert import data, layers, quantize
from convert.compare import compare
from convert.float_model import FloatModel, prepared
from convert.normalisation import Normalisation
from convert.request import Progress, Request
from convert.synthetic_faces import clear_faces, faces, varied_faces
from edge.records import ByteArray

#: Different seeds: no face that set the ranges may choose among them, none of both may judge.
CALIBRATION_SEED, CHOOSING_SEED, JUDGING_SEED = 1, 2, 3
#: Enough agreement to stop trying.
GOOD = 0.98
#: Faces by the longer side of the input: the work grows with its square.
COUNTS = ((64, 504), (128, 210), (1024, 84))


@dataclass(frozen=True)
class Attempt:
    """An int8 file, what its ranges were taken from, and how well it does."""

    content: bytes
    calibration: str
    agreement: float


def face_count(model: FloatModel) -> int:
    """How many faces a model of this size is calibrated with, and judged by."""
    side = max(model.input_shape[1:3])
    return next(count for limit, count in COUNTS if side <= limit)


def quantized(
    model: FloatModel, scaling: Normalisation, request: Request, progress: Progress
) -> tuple[Attempt, list[Attempt], Any]:
    """The best attempt, all attempts in the order made, and the graph that they were made from."""
    graph = quantize.frozen(model, scaling)
    judges = prepared(varied_faces(face_count(model) // 2, CHOOSING_SEED)[0], model.input_shape)
    exact = model.probabilities(judges, scaling)
    made: list[Attempt] = []
    for name, pixels in _calibrations(model, request):
        content = quantize.int8(graph, pixels, progress)
        agreement = compare(exact, quantize.run(content, judges)).agreement
        made.append(Attempt(content, name, round(agreement, 4)))
        if agreement >= GOOD:
            break
    return max(made, key=lambda attempt: attempt.agreement), made, graph


def _calibrations(model: FloatModel, request: Request) -> Iterator[tuple[str, ByteArray]]:
    """Sets of faces to take ranges from, uint8 NHWC, the most promising first.

    A range wide enough for the wildest face makes coarse steps; a set of tamer faces clips it.
    """
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
    clear = prepared(clear_faces(count, CALIBRATION_SEED)[0], model.input_shape)
    yield "clear synthetic faces, clipping", clear


def layer_errors(graph: Any, attempt: Attempt, model: FloatModel) -> list[layers.LayerError]:
    """How far each layer of `attempt` is from float, on faces that judge."""
    pixels = prepared(varied_faces(layers.PICTURES, JUDGING_SEED)[0], model.input_shape)
    return layers.layer_errors(quantize.float32(graph), attempt.content, pixels)
