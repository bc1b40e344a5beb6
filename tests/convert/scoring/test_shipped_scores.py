"""The shipped models on FER2013's public test split: as it is, and as a cheap camera sees it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from convert.faces.degrade import DEGRADED
from convert.scoring.evaluation import EvaluationRequest, evaluate
from convert.scoring.predictions import EvaluationData
from edge.config.paths import model_path
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

#: Least accuracy, clean and on average over the four conditions, half a point below what was
#: measured; largest calibration error clean and in each of the four.
HELD = {"default": (0.669, 0.639, 0.03, 0.04), "tiny": (0.649, 0.597, 0.03, 0.04)}
NOTHING_GIVEN = dict.fromkeys(("weights", "labels", "input_range", "input_size", "output"))
MEAN = "mean of the four"


@pytest.fixture(scope="module", params=HELD)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def scores(name: str, shared: Path) -> dict[str, Any]:
    data = EvaluationData(shared / "data/fer2013_train_public.npz", "public", robustness=True)
    request = EvaluationRequest(model_path(name), data, None, NOTHING_GIVEN, verbose=False)
    found: dict[str, Any] = evaluate(request, lambda *_: None).scores["int8"]
    return found


def test_accuracy_and_calibration_are_held(name: str, scores: dict[str, Any]) -> None:
    clean, mean, clean_error, worst_error = HELD[name]
    assert scores["accuracy"] >= clean
    assert scores["mean_of_four"]["accuracy"] >= mean
    assert scores["calibration_error"] <= clean_error
    assert max(list_of_four(scores, "calibration_error")) <= worst_error


def list_of_four(scores: dict[str, Any], figure: str) -> list[float]:
    return [of[figure] for of in list(scores["degraded"].values())[:4]]


def test_the_page_states_them(name: str, scores: dict[str, Any]) -> None:
    page = (ROOT / "docs/training.md").read_text()
    column = {"default": 1, "tiny": 2}[name]
    rows = {"public test split": scores, **scores["degraded"], MEAN: scores["mean_of_four"]}
    assert len(rows) == len(DEGRADED) + 2
    for row, of in rows.items():
        found = re.search(rf"^\| {re.escape(row)} \|(.*)\|$", page, re.M)
        assert found, row
        accuracy, error = re.findall(r"[\d.]+", found[1].split("|")[column - 1])
        assert float(accuracy) == pytest.approx(100 * of["accuracy"], abs=0.06), row
        assert float(error) == pytest.approx(of["calibration_error"], abs=0.0006), row
