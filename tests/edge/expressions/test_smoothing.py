"""Readings: smoothed per face, at intervals of source time, with words of caution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.config.schema import MoodConfig
from edge.expressions.smoothing import FORGET_S, SMOOTHING_S, Smoother
from edge.notes import Note
from edge.records import Box, ByteArray, Face, FloatArray, Reading
from tests.support.samples import frame

LABELS = ("angry", "happy")
BOX = Box(0, 0, 64, 48)
FACE = Face(1, BOX)
NOISE = np.random.default_rng(3).integers(0, 256, (480, 640), np.uint8)


class Classifier:
    """Answers what the script says for each box, and counts how often it is asked."""

    def __init__(self, *happy: float) -> None:
        self.happy, self.asked = list(happy), 0

    def __call__(self, _gray: ByteArray, _box: Box) -> FloatArray:
        share = self.happy[min(self.asked, len(self.happy) - 1)]
        self.asked += 1
        return np.array([1 - share, share], np.float32)


def watched(
    mood: Smoother, times: Sequence[float], faces: Sequence[Face] = (FACE,)
) -> list[tuple[Reading, ...]]:
    return [mood.read(frame(at), faces) for at in times]


def at(fps: float, length_s: float) -> list[float]:
    return [n / fps for n in range(round(fps * length_s))]


def test_the_first_reading_comes_at_once_and_the_next_after_the_interval() -> None:
    mood = Smoother(MoodConfig(reading_interval_s=1.0), LABELS, Classifier(0.9))
    readings = watched(mood, at(25, 10))
    assert [n for n, found in enumerate(readings) if found] == list(range(0, 250, 25))


@pytest.mark.parametrize("fps", [7.5, 10, 24, 29.97, 30])
def test_fractions_of_media_time_cost_no_reading(fps: float) -> None:
    mood = Smoother(MoodConfig(reading_interval_s=1.0), LABELS, Classifier(0.9))
    count = sum(map(len, watched(mood, at(fps, 60))))
    assert 57 <= count <= 61


def test_interval_zero_classifies_and_reads_every_face_in_every_frame() -> None:
    classify = Classifier(0.9)
    mood = Smoother(MoodConfig(reading_interval_s=0, rate_hz=1), LABELS, classify)
    readings = watched(mood, at(25, 2), (FACE, Face(2, BOX)))
    assert all(len(found) == 2 for found in readings)
    assert classify.asked == 100


@pytest.mark.parametrize(("rate_hz", "asked"), [(1, 10), (5, 50), (240, 250)])
def test_a_face_is_classified_at_the_rate_in_source_time(rate_hz: float, asked: int) -> None:
    classify = Classifier(0.9)
    watched(Smoother(MoodConfig(rate_hz=rate_hz), LABELS, classify), at(25, 10))
    assert classify.asked == asked


def test_a_reading_is_what_the_frame_and_the_face_were() -> None:
    mood = Smoother(MoodConfig(), LABELS, Classifier(0.75))
    ((reading,),) = watched(mood, [3.5])
    assert (reading.emotion, reading.confidence) == ("happy", 0.75)
    assert reading.probabilities == (0.25, 0.75)
    assert (reading.time, reading.source_s) == (frame(3.5).time, 3.5)
    assert (reading.face, reading.box) == (1, BOX)


def test_one_odd_answer_does_not_change_the_emotion_and_a_lasting_one_does() -> None:
    happy = [1.0] * 10 + [0.0] + [1.0] * 10 + [0.0] * 10
    mood = Smoother(MoodConfig(reading_interval_s=0), LABELS, Classifier(*happy))
    emotions = [found[0].emotion for found in watched(mood, at(10, 3.1))]
    assert emotions[:21] == ["happy"] * 21
    assert emotions[-1] == "angry"


def test_smoothing_has_its_time_constant_whatever_the_frame_rate() -> None:
    for fps in (5, 50):
        mood = Smoother(MoodConfig(reading_interval_s=0), LABELS, Classifier(0.0, 1.0))
        *_, (last,) = watched(mood, [n / fps for n in range(round(SMOOTHING_S * fps * 2) + 1)])
        assert last.probabilities[1] == pytest.approx(1 - math.exp(-2), abs=1e-4)


def test_a_face_does_not_take_on_anothers_expression() -> None:
    def classify(_gray: ByteArray, box: Box) -> FloatArray:
        return np.array([1, 0] if box.x < 50 else [0, 1], np.float32)

    mood = Smoother(MoodConfig(reading_interval_s=0), LABELS, classify)
    faces = (Face(1, Box(0, 0, 48, 48)), Face(2, Box(60, 0, 48, 48)))
    for left, right in watched(mood, at(10, 2), faces):
        assert (left.emotion, right.emotion) == ("angry", "happy")
        assert left.confidence == right.confidence == 1.0


def test_a_face_seen_again_after_long_starts_afresh() -> None:
    mood = Smoother(MoodConfig(reading_interval_s=0), LABELS, Classifier(1.0, 0.0))
    ((first,), _, (again,)) = (
        mood.read(frame(0), [FACE]),
        mood.read(frame(FORGET_S + 1), []),
        mood.read(frame(FORGET_S + 2), [FACE]),
    )
    assert first.probabilities == (0.0, 1.0)
    assert again.probabilities == (1.0, 0.0)


def test_faces_that_left_are_forgotten() -> None:
    mood = Smoother(MoodConfig(), LABELS, Classifier(1.0))
    for n in range(1000):
        mood.read(frame(float(n)), [Face(n, BOX)])
    assert len(mood._faces) < 10


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0.01, 5))
def test_probabilities_always_sum_to_one(happy: list[float], step_s: float) -> None:
    mood = Smoother(MoodConfig(reading_interval_s=0), LABELS, Classifier(*happy))
    for found in watched(mood, [n * step_s for n in range(len(happy))]):
        assert sum(found[0].probabilities) == pytest.approx(1, abs=1e-4)
        assert found[0].confidence == max(found[0].probabilities)


# Words of caution


def notes(gray: ByteArray, box: Box, *, clock_ok: bool = True) -> tuple[str, ...]:
    mood = Smoother(MoodConfig(), LABELS, Classifier(1.0))
    (reading,) = mood.read(frame(0, gray, clock_ok=clock_ok), [Face(1, box)])
    return reading.notes


def test_a_good_face_has_no_note() -> None:
    assert notes(NOISE, Box(100, 100, 100, 100)) == ()


def test_each_doubt_has_its_word() -> None:
    big, small = Box(100, 100, 100, 100), Box(100, 100, 40, 40)
    assert notes(NOISE, small) == ("small",)
    assert notes(NOISE // np.uint8(8), big)[:1] == ("dark",)
    assert notes(np.full_like(NOISE, 128), big) == ("blurred",)
    assert notes(NOISE, big, clock_ok=False) == ("clock",)
    assert notes(np.zeros_like(NOISE), small, clock_ok=False) == (
        "clock",
        "small",
        "dark",
        "blurred",
    )


@pytest.mark.parametrize(
    ("happy", "undecided"), [(0.5, True), (0.524, True), (0.526, False), (0.474, False)]
)
def test_a_reading_whose_two_likeliest_expressions_are_close_is_undecided(
    happy: float, undecided: bool
) -> None:
    mood = Smoother(MoodConfig(), LABELS, Classifier(happy))
    (reading,) = mood.read(frame(0, NOISE), [FACE])
    assert reading.notes == (("undecided",) if undecided else ())


def test_undecided_is_the_smoothed_reading_and_not_the_latest_answer() -> None:
    mood = Smoother(MoodConfig(reading_interval_s=0), LABELS, Classifier(1.0, 1.0, 0.5))
    *_, (last,) = watched(mood, at(10, 0.5))
    assert last.notes.count(Note.UNDECIDED) == 0


def test_a_model_of_one_expression_is_never_undecided() -> None:
    mood = Smoother(MoodConfig(), ("sad",), lambda *_: np.ones(1, np.float32))
    (reading,) = mood.read(frame(0, NOISE), [FACE])
    assert reading.notes == ()


def test_a_cut_to_the_same_face_starts_smoothing_afresh_and_keeps_the_interval() -> None:
    mood = Smoother(MoodConfig(reading_interval_s=1.0), LABELS, Classifier(0.9, 0.1))
    (before,) = mood.read(frame(0), [FACE])
    after = replace(FACE, scene=1)
    assert mood.read(frame(0.1), [after]) == ()
    (reading,) = mood.read(frame(1.0), [after])
    assert (before.emotion, reading.emotion) == ("happy", "angry")
    assert reading.confidence == pytest.approx(0.9)


def test_a_reading_of_a_head_turned_away_says_so() -> None:
    mood = Smoother(MoodConfig(), LABELS, Classifier(0.9))
    (plain,) = mood.read(frame(0, NOISE), [FACE])
    (turned,) = mood.read(frame(1, NOISE), [replace(FACE, turned=True)])
    assert set(turned.notes) - set(plain.notes) == {"turned"}
