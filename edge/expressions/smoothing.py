"""Probabilities to readings: smoothed per face, given at intervals, with quality flags."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np

from edge.config.schema import MoodConfig
from edge.expressions.classifier import crop, prepare
from edge.notes import Note
from edge.records import Box, ByteArray, Face, FloatArray, Frame, Reading

Classify: TypeAlias = Callable[[ByteArray, Box], FloatArray]

#: Time constant of the exponential smoothing: expressions that people notice last half a second
#: to four (Ekman 2003, "Emotions Revealed").
SMOOTHING_S = 0.5
#: A face that stays away longer starts afresh; the tracker keeps its number just as long.
FORGET_S = 5.0
#: FER2013 has 48x48 pixels: a smaller face holds less than what models learned from.
SMALL_PX = 48
#: Mean luma of 0..255; one in a hundred of FER2013's pictures is darker.
DARK = 50.0
#: Variance of the Laplacian of the face at 48x48 (Pech-Pacheco et al. 2000). All but one in a
#: hundred of FER2013's pictures have over 400, and under 100 once blurred by 1.5 pixels.
BLURRED = 100.0
#: Twice the calibration error of the shipped models. Where the two likeliest are closer, either is
#: right in a third of FER2013's pictures (docs/training.md).
UNDECIDED = 0.05


@dataclass(slots=True)
class _Smoothed:
    probabilities: FloatArray
    classified_s: float
    scene: int
    read_s: float = -math.inf


class Smoother:
    """The state of every face now in sight. `labels` name the classes that `classify` answers."""

    def __init__(self, config: MoodConfig, labels: tuple[str, ...], classify: Classify) -> None:
        self._config, self._labels, self._classify = config, labels, classify
        self._faces: dict[int, _Smoothed] = {}

    def read(self, frame: Frame, faces: Iterable[Face]) -> tuple[Reading, ...]:
        """Return a reading of each face whose interval is over; the first is due at once."""
        now = frame.source_s
        self._faces = {k: f for k, f in self._faces.items() if now - f.classified_s <= FORGET_S}
        readings = []
        for face in faces:
            known = self._classified(frame, face)
            if _due(now - known.read_s, self._config.reading_interval_s):
                known.read_s = now
                readings.append(self._reading(frame, face, known.probabilities))
        return tuple(readings)

    def _classified(self, frame: Frame, face: Face) -> _Smoothed:
        now = frame.source_s
        known = self._faces.get(face.track)
        if known is None or known.scene != face.scene:
            read_s = known.read_s if known else -math.inf
            fresh = _Smoothed(self._classify(frame.gray, face.box), now, face.scene, read_s)
            self._faces[face.track] = fresh
            return fresh
        passed = now - known.classified_s
        every = self._config.reading_interval_s == 0
        if every or _due(passed, 1 / self._config.rate_hz):
            share = -math.expm1(-passed / SMOOTHING_S)
            known.probabilities += share * (
                self._classify(frame.gray, face.box) - known.probabilities
            )
            known.classified_s = now
        return known

    def _reading(self, frame: Frame, face: Face, probabilities: FloatArray) -> Reading:
        best = int(probabilities.argmax())
        return Reading(
            time=frame.time,
            source_s=frame.source_s,
            face=face.track,
            emotion=self._labels[best],
            confidence=float(probabilities[best]),
            probabilities=tuple(map(float, probabilities)),
            box=face.box,
            notes=_notes(frame, face, probabilities),
        )


def _due(passed_s: float, interval_s: float) -> bool:
    """Return whether the interval is over, to the ms: media times add up fractions."""
    return passed_s >= interval_s - 0.001


def _notes(frame: Frame, face: Face, probabilities: FloatArray) -> tuple[Note, ...]:
    """Return the quality flags of a reading."""
    likeliest, second = sorted((*map(float, probabilities), 0.0), reverse=True)[:2]
    pixels = prepare(crop(frame.gray, face.box, 0.0), (1, 48, 48, 1))[0, :, :, 0]
    found = {
        Note.CLOCK: not frame.clock_ok,
        Note.SMALL: face.box.width < SMALL_PX,
        Note.DARK: float(pixels.mean()) < DARK,
        Note.BLURRED: float(np.var(cv2.Laplacian(pixels, cv2.CV_32F))) < BLURRED,
        Note.TURNED: face.turned,
        Note.UNDECIDED: likeliest - second < UNDECIDED,
    }
    return tuple(note for note, true in found.items() if true)
