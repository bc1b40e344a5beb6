"""The report's page and its pictures, without a browser."""

from __future__ import annotations

import dataclasses
import re
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.diary.hour import Hour
from edge.expressions.model_card import ModelCard, read_card
from edge.packaged import MODELS
from edge.report import accuracy, charts, drawing, framing, page
from edge.report.colours import DARK, LIGHT
from edge.report.figures import Figures, collect
from tests.support.hours import LABELS, home

TODAY = date(2026, 11, 25)
WRITTEN = datetime(2026, 11, 25, 0, 10, tzinfo=UTC)
pytest.importorskip("vl_convert")


def figures(hours: list[Hour], days: int = 30, device: str = "pi") -> Figures:
    return collect(hours, TODAY, days=days, device=device, labels=LABELS, min_minutes=30)


def written(found: Figures, model: str = "model default.tflite") -> str:
    of_card = accuracy.of_card(read_card(MODELS / "default.tflite"))
    return page.page(found, of_card, model, WRITTEN)


class Text(HTMLParser):
    """Tags, headings and cells of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.cells: list[list[str]] = []
        self.labels: list[str] = []
        self._cell = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.labels += [str(value) for name, value in attrs if name == "aria-label"]
        if tag == "tr":
            self.cells.append([])
        if tag in {"td", "th"}:
            self._cell = True
            self.cells[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in {"td", "th"}:
            self._cell = False

    def handle_data(self, data: str) -> None:
        if self._cell:
            self.cells[-1][-1] += data.replace("\N{NO-BREAK SPACE}", " ")


@pytest.fixture(scope="module")
def month() -> str:
    return written(figures(list(home(100, TODAY))))


def test_it_has_no_script_and_asks_for_nothing(month: str) -> None:
    found = Text(month)
    assert not {"script", "link", "iframe", "img", "object", "embed"} & set(found.tags)
    assert not re.search(r"""(?:src|href)=|url\((?!#)|@import|\son\w+=""", month)
    assert "default-src 'none'" in month
    assert found.tags.count("h1") == 1


def test_every_picture_is_there_twice_and_in_words(month: str) -> None:
    found = Text(month)
    assert found.tags.count("svg") == 8
    assert sum(len(label) > 40 for label in found.labels) == 4


def test_its_colours_are_those_of_both_themes(month: str) -> None:
    assert LIGHT.keys() == DARK.keys()
    used = set(re.findall(r"var\(--([\w-]+)\)", month))
    assert used <= LIGHT.keys()
    ids = re.findall(r'\sid="([^"]+)"', month)
    assert len(ids) == len(set(ids))


def test_the_table_has_the_figures_of_the_hours(month: str) -> None:
    hours = list(home(100, TODAY))
    rows = {cells[0]: cells for cells in Text(month).cells}
    days = sorted({hour.start.date() for hour in hours if hour.good})[-5:]
    for day in days:
        of_day = [hour for hour in hours if hour.start.date() == day]
        cells = rows[day.isoformat()]
        readings = sum(hour.good for hour in of_day)
        negative = sum(hour.negative for hour in of_day)
        assert cells[1] == f"{100 * negative / readings:.0f} %"
        assert cells[2] == f"{readings:,}"
        assert cells[6] == str(sum(sum(hour.raised.values()) for hour in of_day))
        sad = sum(hour.counts.get("sad", 0) for hour in of_day)
        assert cells[7 + LABELS.index("sad")] == f"{100 * sad / readings:.0f} %"
    more = read_card(MODELS / "default.tflite").more
    sad = more["evaluation"]["int8"]["classes"]["sad"]
    of_card = [f"{sad['faces']}", f"{sad['recall']:.0%}", f"{sad['precision']:.0%}"]
    assert rows["sad"][1:] == [text.replace("%", " %") for text in of_card]


@pytest.mark.parametrize("days", [1, 30, 400])
def test_any_number_of_days(days: int) -> None:
    for hours in ([], [Hour(WRITTEN, watched_s=900, face_s=1, counts={"happy": 1})]):
        html = written(figures(hours, days))
        assert ("<svg" in html) is bool(hours)
        assert "What this is not" in html


def test_names_are_text_and_never_html() -> None:
    hours = [Hour(WRITTEN, watched_s=9, face_s=9, counts={"<b>x": 3}, models=("<i>",))]
    html = written(figures(hours, device="<script>1</script>"), "<u>model")
    assert "<script>" not in html
    assert "<u>" not in html
    assert "<b>x" not in html


def test_a_card_without_accuracy_is_said() -> None:
    card = ModelCard(LABELS, (1, 48, 48, 1), 0.0, "x", "0")
    odd: tuple[object, ...] = (3, {"int8": 4}, {"int8": {"classes": [1], "faces": "many"}})
    for evaluation in odd:
        strange = dataclasses.replace(card, more={"evaluation": evaluation})
        assert accuracy.of_card(strange) == accuracy.Accuracy(None, None, ())
    html = page.page(figures([]), accuracy.of_card(card), "model x", WRITTEN)
    assert "converted without test photographs" in html


def test_pictures_as_png(tmp_path: Path) -> None:
    for name, spec in charts.charts(figures(list(home(100, TODAY))), framing.BROAD_PX):
        decoded = cv2.imdecode(np.frombuffer(drawing.png(spec), np.uint8), cv2.IMREAD_COLOR)
        assert decoded is not None, name
        assert decoded.shape[1] >= 2 * framing.BROAD_PX
        assert decoded.std() > 10
        assert "var(--" in drawing.svg(spec, name)


def test_a_gap_is_not_bridged() -> None:
    hours = [
        Hour(datetime(2026, 11, day, 9, tzinfo=UTC), face_s=3600, counts={"sad": 10, "happy": 30})
        for day in (1, 2, 3, 7, 8, 9)
    ]
    drawn = drawing.svg(dict(charts.charts(figures(hours), 720))["negative"], "x")
    (line,) = re.findall(
        r'role-mark[^>]*><path[^>]* d="([^"]+)"[^>]*stroke="var\(--negative\)"', drawn
    )
    assert line.count("M") == 2, "two runs of days"
