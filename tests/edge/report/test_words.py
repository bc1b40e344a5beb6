"""The sentences of a report."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from edge.diary.hour import Hour
from edge.report import words
from edge.report.figures import Figures, collect
from tests.support.hours import LABELS, home

TODAY = date(2026, 11, 25)


def figures(hours: list[Hour], days: int = 30) -> Figures:
    return collect(hours, TODAY, days=days, device="pi", labels=LABELS, min_minutes=30)


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


def steady(days: int, share: float, last: float) -> list[Hour]:
    """One hour of faces a day, the last seven with the share `last`."""
    hours = []
    for back in range(days, 0, -1):
        day = TODAY - timedelta(days=back)
        now = last if back <= 7 else share + 0.01 * (back % 5 - 2)
        negative = round(3600 * now)
        counts = {"sad": negative, "neutral": 3600 - negative}
        start = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
        hours.append(Hour(start, watched_s=3600, face_s=3600, counts=counts))
    return hours


@pytest.mark.parametrize(
    ("hours", "sentence"),
    [
        ([], "Nothing was read in these 30 days."),
        (
            steady(90, 0.2, 0.31),
            "In the last 7 days 31 % of a day’s readings were negative: more than usual."
            " Usual here is 18 to 22 %.",
        ),
        (
            steady(90, 0.2, 0.2),
            "In the last 7 days 20 % of a day’s readings were negative: as usual."
            " Usual here is 18 to 22 %.",
        ),
        (
            steady(12, 0.2, 0.2),
            "In the last 7 days 20 % of a day’s readings were negative. What is usual here is not"
            " known yet: that takes 21 earlier days with 30 minutes of faces or more, and there"
            " are 5.",
        ),
        (
            steady(1, 0.2, 0.25),
            "25 % of the readings in these 30 days were negative. In the last 7 days too little was"
            " seen for a comparison: 1 day with 30 minutes of faces or more; 4 are needed.",
        ),
    ],
)
def test_headline(hours: list[Hour], sentence: str) -> None:
    assert plain(words.headline(figures(hours))) == sentence


def test_presence() -> None:
    assert plain(words.presence(figures([]))) == "Nothing was watched. No alerts."
    found = figures(steady(90, 0.2, 0.31))
    assert (
        plain(words.presence(found))
        == "Somebody was in view 1.0 h a day, on 29 of 30 days. No alerts."
    )
    start = datetime(2026, 11, 24, 9, tzinfo=UTC)
    alone = figures([Hour(start, watched_s=7200, raised={"blind": 1})])
    assert plain(words.presence(alone)) == "Watched for 2.0 h on 1 day. 1 alert."


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 min"),
        (1, "<1 min"),
        (30, "<1 min"),
        (90, "2 min"),
        (3600, "1.0 h"),
        (35820, "10 h"),
        (86400, "24 h"),
    ],
)
def test_hours(seconds: int, text: str) -> None:
    assert plain(words.hours(seconds)) == text


def test_every_picture_has_words_that_say_its_figures() -> None:
    found = figures(list(home(100, TODAY)))
    texts = {name: plain(text) for name, text in words.alternatives(found).items()}
    assert texts.keys() == {"negative", "raster", "expressions", "in-view"}
    counted = {day: span.negative or 0 for day, span in found.days.items() if found.counts(day)}
    highest = max(counted, key=lambda day: counted[day])
    assert f"highest {counted[highest]:.0%} on {highest.day} {highest:%B %Y}" in texts[
        "negative"
    ].replace(" %", "%")
    assert "Faces were seen between 7 h and 23 h" in texts["raster"]
    assert plain(words.presence(found)) in texts["in-view"]
    assert plain(words.percent(found.total.share("neutral"))) in texts["expressions"]


def test_title() -> None:
    assert plain(words.title(figures([]))) == "Expressions, 27 October to 25 November 2026"
    assert plain(words.title(figures([], 1))) == "Expressions on 25 November 2026"
    assert (
        plain(words.title(figures([], 400))) == "Expressions, 22 October 2025 to 25 November 2026"
    )


def test_no_word_of_mood_or_illness() -> None:
    for hours in ([], steady(90, 0.2, 0.31), steady(12, 0.2, 0.2)):
        found = figures(hours)
        text = " ".join(
            [words.headline(found), words.presence(found), *words.alternatives(found).values()]
        ).lower()
        for word in ("mood", "depress", "ill", "patient", "sick", "feel"):
            assert f" {word}" not in text
