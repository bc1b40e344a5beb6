"""Rows without a face: what the diary notes beside readings."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from edge.config.schema import DiaryConfig
from edge.diary import layout, reader, retention
from edge.diary.schema import model_note, parse_model_note
from edge.diary.writer import DiaryWriter
from edge.notes import EventWord
from edge.records import Alert, AlertEvent, Event, diary_events
from tests.support.samples import LABELS, START, reading

MODEL = model_note("3fa9c2d41b7e", 1.0)


def diary(directory: Path, model: str = MODEL, **config: Any) -> DiaryWriter:
    config = {"keep_days": 36500} | config
    return DiaryWriter(DiaryConfig(**config), directory, LABELS, model)


def at(second: float, note: str, *, clock_ok: bool = True) -> Event:
    return Event(START + timedelta(seconds=second), note, clock_ok)


def notes(directory: Path) -> list[str]:
    """The note of every row, its face where it has one."""
    rows = reader.between(layout.files(directory))
    return [f"{row.face or ''}{row.values[-1]}" for row in rows]


def test_an_event_is_a_row_with_a_time_and_a_note_only(tmp_path: Path) -> None:
    with diary(tmp_path, "") as writer:
        writer.write(0, [at(1.5, EventWord.SNOOZED.of("negative"))])
        writer.write(1, [at(2, EventWord.PAUSED, clock_ok=False)])
    _, *rows = (tmp_path / layout.NAME).read_bytes().splitlines(keepends=True)
    assert rows == [
        b"2026-03-01T12:00:01.500+02:00,,,,,,,,,,,snoozed:negative\r\n",
        b"2026-03-01T12:00:02.000+02:00,,,,,,,,,,,paused clock\r\n",
    ]


def test_an_alert_is_noted_by_its_event_and_name() -> None:
    alert = Alert("1", "2", AlertEvent.RAISED, "long-face", 7, 30, 120.0, (), START)
    assert diary_events([alert], clock_ok=True) == [Event(START, "raised:long-face", True)]
    assert diary_events([replace(alert, test=True)], clock_ok=True) == []


def test_every_file_begins_with_the_model_that_made_its_rows(tmp_path: Path) -> None:
    with diary(tmp_path, max_bytes=4096) as writer:
        for second in range(60):
            writer.write(second, [reading(second, face=second)])
        writer.write(61, [reading(86400, face=61)])
    files = layout.files(tmp_path)
    assert len(files) > 2
    for path in files:
        head, after, *_ = reader.rows(path)
        assert (head.values[-1], head.face, head.time) == (MODEL, None, after.time)
    assert parse_model_note(MODEL) == ("3fa9c2d41b7e", 1.0)
    assert parse_model_note("paused") is parse_model_note("model") is parse_model_note("") is None


def test_another_start_with_the_same_model_goes_on_in_the_same_file(tmp_path: Path) -> None:
    for second in (1, 2):
        with diary(tmp_path) as writer:
            writer.write(second, [reading(second, face=second)])
    assert notes(tmp_path) == [MODEL, "1", "2"]


@pytest.mark.parametrize(
    "before", ["", model_note("000000000000", 1), model_note("3fa9c2d41b7e", 2)]
)
def test_another_model_or_interval_starts_a_new_file(tmp_path: Path, before: str) -> None:
    for second, model in ((1, before), (2, MODEL)):
        with diary(tmp_path, model) as writer:
            writer.write(second, [reading(second, face=second)])
    assert len(layout.files(tmp_path)) == 2
    assert notes(tmp_path) == [*filter(None, [before]), "1", MODEL, "2"]


def test_a_file_without_rows_goes_on_whatever_its_model(tmp_path: Path) -> None:
    diary(tmp_path, model_note("000000000000", 1)).close()
    with diary(tmp_path) as writer:
        writer.write(1, [reading(1, face=1)])
    assert len(layout.files(tmp_path)) == 1
    assert notes(tmp_path) == [MODEL, "1"]


def test_an_event_stays_where_it_is_among_rows_of_its_second(tmp_path: Path) -> None:
    with diary(tmp_path, "") as writer:
        writer.write(0, [reading(0, face=2), reading(0, face=1), at(0, "raised:x")])
        writer.write(0, [reading(0.5, face=4), reading(0.5, face=3)])
    assert notes(tmp_path) == ["1", "2", "raised:x", "3", "4"]


def test_events_give_no_face_number_and_start_the_file_of_their_day(tmp_path: Path) -> None:
    with diary(tmp_path) as writer:
        writer.write(0, [reading(0, face=5), at(1, "paused"), at(86400, "resumed")])
    (tmp_path / "last-face.txt").unlink()
    with diary(tmp_path) as writer:
        assert writer.last_face == 5
    assert [path.name[:22] for path in layout.files(tmp_path)] == [
        "expressions-2026-03-01",
        "expressions.csv",
    ]


@pytest.mark.parametrize(("note", "kept"), [("paused", True), ("raised:negative", False)])
def test_an_event_torn_by_a_power_cut_is_kept_only_if_it_must_be_whole(
    tmp_path: Path, note: str, kept: bool
) -> None:
    """`raised:neg` may be all there was of `raised:negative`."""
    with diary(tmp_path, "") as writer:
        writer.write(0, [reading(0, face=1), at(1, note)])
    path = tmp_path / layout.NAME
    os.truncate(path, path.stat().st_size - 2)
    with diary(tmp_path, "") as writer:
        writer.write(2, [reading(2, face=2)])
    assert notes(tmp_path) == ["1", *[note] * kept, "2"]


def test_an_event_before_the_clock_was_set_does_not_make_the_file_look_old(tmp_path: Path) -> None:
    with diary(tmp_path) as writer:
        writer.write(0, [at(0, "raised:negative", clock_ok=False)])
    with diary(tmp_path) as writer:
        writer.write(0, [reading(face=1, time=START + timedelta(days=200))])
    later = (START + timedelta(days=201)).date()
    retention.apply_retention(tmp_path, DiaryConfig(keep_days=100), later, clock_ok=True)
    assert len(layout.files(tmp_path)) == 2
