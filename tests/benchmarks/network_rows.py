"""The rows of the table in docs/training.md: networks built, converted, scored."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from convert import process
from convert.loading.training_record import read_record
from convert.request import Progress, Request
from convert.scoring import predictions
from convert.scoring.metrics import score
from convert.scoring.predictions import EvaluationData
from convert.training import networks
from convert.training.style import Style
from edge.config.paths import model_path
from edge.errors import UsageError
from edge.expressions.model_card import read_card
from tests.benchmarks import network_results, tflite_counts
from tests.benchmarks.network_results import Result

SHIPPED = ("default", "tiny")


@dataclass(frozen=True)
class Row:
    """A row of the table; `path` is the `.tflite`. Accuracies from 0 to 1, None if unknown."""

    name: str
    path: Path
    parameters: int
    macs: int
    float_accuracy: float | None = None
    int8_accuracy: float | None = None

    def cells(self, time: str) -> list[str]:
        """Return the row's cells; `time` is relative to the reference."""
        accuracies = [
            "–" if share is None else f"{100 * share:.1f}"
            for share in (self.float_accuracy, self.int8_accuracy)
        ]
        size = self.path.stat().st_size / 1000
        counts = [f"{self.parameters:,}", f"{self.macs / 1e6:.1f}", f"{size:,.0f}"]
        return [self.name, *counts, time, *accuracies]


def by_name(options: argparse.Namespace, folder: Path, progress: Progress) -> Iterator[Row]:
    """Yield the networks that are not shipped: those just trained, others with random weights."""
    trained = dict(_trained(options.trained))
    recorded = network_results.read(options.results)
    for name in dict.fromkeys([*options.networks, *trained]):
        path = folder / f"{name}.tflite"
        if name in trained:
            recorded[name] = _result(name, trained[name], path, options, progress)
            network_results.write(recorded, options.results)
        else:
            source = folder / f"{name}.keras"
            networks.build(name).save(source)
            request = Request(str(source), str(path), labels="fer", min_agreement=0.0)
            _converted(request, options, progress)
        yield _row(name, path, recorded.get(name))


def _trained(pairs: list[str]) -> Iterator[tuple[str, Path]]:
    for pair in pairs:
        name, given, file = pair.partition("=")
        if not given or name not in networks.NETWORKS:
            known_names = ", ".join(networks.NETWORKS)
            raise UsageError(f"--trained {pair}: expected NAME=FILE; valid names: {known_names}")
        if not Path(file).exists():
            raise UsageError(f"--trained {pair}: no such file")
        yield name, Path(file)


def _result(
    name: str, file: Path, path: Path, options: argparse.Namespace, progress: Progress
) -> Result:
    """Convert the trained `file` to `path`; return what float and int8 reach on the data."""
    request = Request(str(file), str(path), evaluate=str(options.data))
    card = _converted(request, options, progress)
    wanted = networks.macs(networks.build(name, Style(classes=len(card["labels"]))))
    if (seen := tflite_counts.macs(path.read_bytes())) != wanted:
        raise UsageError(f"--trained {name}={file}: has {seen:,} MACs, but {name} has {wanted:,}")
    scores, facts = card["evaluation"], read_record(file) or {}
    command = f"--data {options.data.name} --trained {name}={file.name}"
    return Result(
        network=name,
        file=file.name,
        sha256=card["source_sha256"],
        trained_by=str(facts.get("trained_by", "")),
        data=options.data.name,
        faces=scores["float"]["faces"],
        float_accuracy=scores["float"]["accuracy"],
        int8_accuracy=scores["int8"]["accuracy"],
        command=f"python -m tests.benchmarks.network_table {command}",
    )


def _converted(request: Request, options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    asked = {"task": "convert", **asdict(request)}
    return process.run(asked, progress, options.verbose)


def shipped(options: argparse.Namespace, progress: Progress) -> Iterator[Row]:
    """Yield the files that come with `edge`; float accuracy is from their card."""
    data = EvaluationData(options.data, "", robustness=False)
    for path in filter(Path.exists, map(model_path, SHIPPED)):
        card, answers = predictions.tflite(path, data, progress)
        faces = data.faces.of_classes(answers.labels, options.data)
        found = score(answers.rows[""], faces.truth, answers.labels)
        same = card.more.get("compared", {}).get("on") == options.data.name
        exact = card.more.get("evaluation", {}).get("float", {}).get("accuracy")
        yield replace(
            _row(path.name, path, None),
            float_accuracy=exact if same else None,
            int8_accuracy=found["accuracy"],
        )


def _row(name: str, path: Path, reached: Result | None) -> Row:
    content, card = path.read_bytes(), read_card(path)
    parameters = card.more.get("parameters", tflite_counts.parameters(content))
    row = Row(name, path, parameters, tflite_counts.macs(content))
    if reached is None:
        return row
    return replace(row, float_accuracy=reached.float_accuracy, int8_accuracy=reached.int8_accuracy)
