"""What `fer-convert` does, from file to file. Runs in the worker; has no eye for screens."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from types import MappingProxyType
from typing import Any

from convert import report
from convert.finding.findings import Findings, find_out
from convert.float_model import FloatModel
from convert.judge import Judgement, judge
from convert.opening.load import load
from convert.opening.shapes import parse_size
from convert.opening.sources import Source, find
from convert.quantizing import attempts, quantize
from convert.quantizing.attempts import Attempt
from convert.quantizing.layers import LayerError, worst
from convert.request import Progress, Request
from convert.training.stamp import facts_of
from edge import __version__
from edge.errors import Problem
from edge.model_card import ModelCard, with_card


class PoorAgreement(Problem):
    """int8 departs too far from float; `findings` is the card that the file would have had."""

    def __init__(self, message: str, findings: dict[str, Any]) -> None:
        super().__init__(message)
        self.findings = findings


def convert(request: Request, progress: Progress) -> dict[str, Any]:
    """Write the model that `request` asks for to `request.out`; its card as a dictionary.

    Raises `Problem` of the kind that fits; `request.out` is not written then.
    """
    progress("loading", 0, 1)
    source = find(Path(request.source), Path(request.weights) if request.weights else None)
    model = load(source, parse_size(request.input_size))
    progress("loading", 1, 1)
    progress("probing", 0, 1)
    finding = find_out(model, request)
    progress("probing", 1, 1)
    best, made = attempts.quantized(model, finding.normalisation, request, progress)
    card = _card(source, model, finding, best, made)
    judgement = judge(model, finding, with_card(best.content, card), request, progress)
    agreement = judgement.found["compared"]["agreement"]
    errors: list[LayerError] = []
    if request.report or agreement < request.min_agreement:
        errors = attempts.layer_errors(best, model)
    card = _completed(card, judgement, worst(errors) if errors else None)
    if request.report:
        report.write(Path(request.report), card.as_dict(), judgement, errors)
    if agreement < request.min_agreement:
        raise PoorAgreement(_regret(request, card, len(made)), card.as_dict())
    Path(request.out).write_bytes(with_card(best.content, card))
    return card.as_dict()


def _card(
    source: Source, model: FloatModel, finding: Findings, best: Attempt, made: list[Attempt]
) -> ModelCard:
    more = {
        "source": source.path.name,
        "source_bytes": sum(file.stat().st_size for file in files(source)),
        "opened_by": model.opened_by,
        "head": str(model.head),
        "parameters": model.parameters,
        **finding.as_dict(),
        "calibration": best.calibration,
        "attempts": {attempt.calibration: attempt.agreement for attempt in made},
        "operators": quantize.operators(best.content),
        "minimum_runtime": ".".join(map(str, quantize.minimum_runtime(best.content))),
    }
    if trained := facts_of(source.path):
        more["training"] = trained
    return ModelCard(
        labels=finding.names,
        input_shape=model.input_shape,
        crop_margin=0.0,
        source_sha256=digest(source),
        converter_version=__version__,
        more=MappingProxyType(more),
    )


def _completed(card: ModelCard, judgement: Judgement, hurting: LayerError | None) -> ModelCard:
    """`card` with what the comparison found."""
    found = judgement.found
    evaluation = found.get("evaluation")
    more = {
        **card.more,
        **found,
        "warnings": [*card.more["warnings"], *found.get("warnings", [])],
    }
    if hurting is not None:
        more["worst_layer"] = {"name": hurting.layer, "error": round(hurting.error, 4)}
    return dataclasses.replace(
        card,
        agreement=found["compared"]["agreement"],
        accuracy=evaluation["int8"]["accuracy"] if evaluation else None,
        more=MappingProxyType(more),
    )


def _regret(request: Request, card: ModelCard, tries: int) -> str:
    layer = card.more.get("worst_layer", {"name": "?", "error": 0.0})
    compared = card.more["compared"]
    return (
        f"{request.source}: int8 agrees with float on {compared['agreement']:.1%} of"
        f" {compared['faces']} faces after {tries} calibrations, wanted"
        f" {request.min_agreement:.1%}; layer {layer['name']} loses most"
        f" ({layer['error']:.1%} error); try --calibrate with own faces, or --min-agreement"
    )


def files(source: Source) -> list[Path]:
    """The file that holds the weights; of a folder, its files by name."""
    if source.weights.is_dir():
        return sorted(file for file in source.weights.rglob("*") if file.is_file())
    return [source.weights]


def digest(source: Source) -> str:
    """SHA-256 of the file that holds the weights; of a folder, over its files by name."""
    total = hashlib.sha256()
    for file in files(source):
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                total.update(block)
    return total.hexdigest()
