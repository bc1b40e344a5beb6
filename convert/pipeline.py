"""What `fer-convert` does, from file to file. Runs in the worker; has no eye for screens."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from convert import labels, normalisation, quantize
from convert.compare import compare
from convert.data import read
from convert.float_model import FloatModel, prepared
from convert.load import load
from convert.request import Progress, Request
from convert.sources import Source, find
from convert.synthetic_faces import faces
from edge import __version__
from edge.classifier import Classifier
from edge.errors import Problem, UsageError
from edge.model_card import ModelCard, with_card
from edge.records import ByteArray, FloatArray

#: Different seeds: no face that set the ranges may also judge them.
CALIBRATION_SEED, JUDGING_SEED = 1, 2
#: Multiply-accumulates grow with the picture, so large pictures get fewer faces.
FACES, FEWER_FACES, LARGE_PX = 504, 154, 100


def convert(request: Request, progress: Progress) -> dict[str, Any]:
    """Write the model that `request` asks for to `request.out`; its card as a dictionary.

    Raises `Problem` of the kind that fits; no file is written then.
    """
    progress("loading", 0, 1)
    weights = Path(request.weights) if request.weights else None
    source = find(Path(request.source), weights)
    model = load(source)
    progress("loading", 1, 1)
    if request.labels is None or request.input_range is None:
        raise UsageError("give --labels and --input-range")
    names = labels.parse(request.labels, model.classes)
    scaling = normalisation.parse(request.input_range)
    count = FACES if max(model.input_shape[1:3]) < LARGE_PX else FEWER_FACES
    graph = quantize.frozen(model, scaling)
    content = quantize.int8(graph, _calibration(request, model, count), progress)
    judges = faces(count, JUDGING_SEED)[0]
    exact = model.probabilities(prepared(judges, model.input_shape), scaling)
    card = ModelCard(
        labels=names,
        input_shape=model.input_shape,
        crop_margin=0.0,
        source_sha256=digest(source),
        converter_version=__version__,
        more={
            "source": source.path.name,
            "opened_by": model.opened_by,
            "head": str(model.head),
            "input_range": "given",
            "input_range_value": scaling.value,
            "label_order": "given",
            "operators": quantize.operators(content),
        },
    )
    found = compare(exact, answers(with_card(content, card), judges, progress))
    if found.agreement < request.min_agreement:
        raise Problem(
            f"int8 and float agree on {found.agreement:.1%} of {found.faces} faces, wanted"
            f" {request.min_agreement:.1%}; calibrate with faces of your own (--calibrate PATH)"
        )
    card = ModelCard(
        **{**vars(card), "agreement": round(found.agreement, 4)}
        | {"more": {**card.more, "compared": found.as_dict()}}
    )
    Path(request.out).write_bytes(with_card(content, card))
    return card.as_dict()


def _calibration(request: Request, model: FloatModel, count: int) -> ByteArray:
    if request.calibrate is None:
        return prepared(faces(count, CALIBRATION_SEED)[0], model.input_shape)
    own = read(Path(request.calibrate)).some(count)
    return np.concatenate([prepared([face], model.input_shape) for face in own.pictures])


def answers(
    content: bytes, pictures: list[ByteArray] | ByteArray, progress: Progress
) -> FloatArray:
    """What the `.tflite` with its card answers on this machine, through the Pi's own classifier."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(content)
        classifier = Classifier(path)
        rows = []
        for done, picture in enumerate(pictures):
            rows.append(classifier.classify(picture))
            progress("comparing", done + 1, len(pictures))
    return np.stack(rows)


def digest(source: Source) -> str:
    """SHA-256 of the file that holds the weights; of a folder, over its files by name."""
    if source.weights.is_dir():
        files = sorted(file for file in source.weights.rglob("*") if file.is_file())
    else:
        files = [source.weights]
    total = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                total.update(block)
    return total.hexdigest()
