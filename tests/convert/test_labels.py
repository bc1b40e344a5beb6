"""Class labels as `--labels` takes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from convert import labels
from convert.labels import fer_order
from edge.errors import UsageError

FER = fer_order()


def test_labels_by_order_list_and_file(tmp_path: Path) -> None:
    assert labels.parse("fer", 7) == FER
    assert labels.parse("alphabetical", 8) == tuple(sorted((*FER, "contempt")))
    assert labels.parse("Anger, happiness,Very Sad", 3) == ("angry", "happy", "very_sad")
    file = tmp_path / "labels.txt"
    file.write_text("happy\nsad\n")
    assert labels.parse(str(file), 2) == ("happy", "sad")


@pytest.mark.parametrize(
    ("text", "classes", "reason"),
    [
        ("fer", 5, "stands for 7 or 8 classes, the model has 5"),
        ("happy,sad", 7, "2 labels, but the model has 7"),
        ("happy,happiness", 2, "duplicate label"),
    ],
)
def test_labels_that_do_not_fit(text: str, classes: int, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        labels.parse(text, classes)
