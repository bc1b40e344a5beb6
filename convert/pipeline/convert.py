"""The steps of `fer-convert`: load, inspect, quantize, verify, write."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import MappingProxyType
from typing import Any

from convert.agreement import agreement
from convert.inspection.findings import Findings, find_out
from convert.loading.float_model import FloatModel
from convert.loading.load import load
from convert.loading.model_files import ModelFiles, find
from convert.loading.shapes import parse_size
from convert.loading.training_record import read_record
from convert.pipeline import report
from convert.pipeline.verify import Verification, verify
from convert.quantizing import calibrate, mixed, quantize
from convert.quantizing.calibrate import Attempt
from convert.quantizing.layer_errors import LayerError, worst
from convert.request import Progress, Request
from edge import __version__
from edge.errors import FerEdgeError, RefusedFile
from edge.expressions.model_card import ModelCard, with_card


class PoorAgreement(FerEdgeError):
    """int8 differs too much from float; `findings` is the card it would have."""

    def __init__(self, message: str, findings: dict[str, Any]) -> None:
        super().__init__(message)
        self.findings = findings


def convert(request: Request, progress: Progress) -> dict[str, Any]:
    """Convert the model as `request` says; return its card.

    Raises the fitting kind of `FerEdgeError`, without writing `request.out`.
    """
    progress("loading", 0, 1)
    source = find(Path(request.source), Path(request.weights) if request.weights else None)
    model = load(source, parse_size(request.input_size), request.output)
    progress("loading", 1, 1)
    progress("probing", 0, 1)
    findings = find_out(model, request)
    progress("probing", 1, 1)
    try:
        best, attempts = calibrate.quantized(model, findings.normalisation, request, progress)
    except quantize.NoInt8Form as error:
        raise RefusedFile(f"{source.path}: {error}") from error

    def verified(attempt: Attempt) -> tuple[ModelCard, Verification]:
        card = _card(source, model, findings, request, attempts, attempt)
        return card, verify(model, findings, with_card(attempt.content, card), request, progress)

    card, verification = verified(best)
    if _poor(verification, request):
        better = mixed.attempt(best, model, findings.normalisation, request, progress)
        if better:
            best = better
            attempts.append(best)
            card, verification = verified(best)
    poor = _poor(verification, request)
    errors = calibrate.attempt_errors(best, model) if request.report or poor else []
    card = _completed(card, verification, worst(errors) if errors else None)
    if request.report:
        report.write(Path(request.report), card.as_dict(), verification, errors)
    if poor:
        raise PoorAgreement(_explanation(request, card, len(attempts)), card.as_dict())
    Path(request.out).write_bytes(with_card(best.content, card))
    return card.as_dict()


def _poor(verification: Verification, request: Request) -> bool:
    return verification.comparison.counted(request.min_agreement) < request.min_agreement


def _card(
    source: ModelFiles,
    model: FloatModel,
    findings: Findings,
    request: Request,
    attempts: list[Attempt],
    best: Attempt,
) -> ModelCard:
    more = {
        "source": source.path.name,
        "source_bytes": sum(file.stat().st_size for file in source.weight_files()),
        "opened_by": model.opened_by,
        "head": str(model.head),
        "parameters": model.parameters,
        **({"output": request.output} if request.output else {}),
        **findings.as_dict(),
        "calibration": best.calibration,
        "attempts": {attempt.calibration: attempt.agreement for attempt in attempts},
        "operators": quantize.operators(best.content),
        "minimum_runtime": ".".join(map(str, quantize.minimum_runtime(best.content))),
    }
    if floats := quantize.float_operators(best.content):
        more["mixed"] = floats
    if record := read_record(source.path):
        more["training"] = record
    return ModelCard(
        labels=findings.names,
        input_shape=model.input_shape,
        crop_margin=0.0,
        source_sha256=source.digest(),
        converter_version=__version__,
        more=MappingProxyType(more),
    )


def _completed(
    card: ModelCard, verification: Verification, worst_layer: LayerError | None
) -> ModelCard:
    """Return `card` with the results of the verification."""
    results = verification.results
    evaluation = results.get("evaluation")
    more = {
        **card.more,
        **results,
        "warnings": [*card.more["warnings"], *results.get("warnings", [])],
    }
    if worst_layer is not None:
        more["worst_layer"] = {"name": worst_layer.layer, "error": round(worst_layer.error, 4)}
    return dataclasses.replace(
        card,
        agreement=results["compared"]["agreement"],
        accuracy=evaluation["int8"]["accuracy"] if evaluation else None,
        more=MappingProxyType(more),
    )


def _explanation(request: Request, card: ModelCard, tries: int) -> str:
    layer = card.more.get("worst_layer", {"name": "?", "error": 0.0})
    compared = card.more["compared"]
    return (
        f"{request.source}: int8 {agreement(compared)} after {tries} attempts, required:"
        f" {request.min_agreement:.1%}; layer {layer['name']} loses most"
        f" ({layer['error']:.1%} error); try --calibrate with your own faces, or --min-agreement"
    )
