"""What flows along the line: Frame, Face, Reading, Alert. Frozen; field names carry the units."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

ByteArray: TypeAlias = npt.NDArray[np.uint8]
FloatArray: TypeAlias = npt.NDArray[np.float32]


class Box(NamedTuple):
    """A rectangle in frame pixels; `x`, `y` is the upper left corner."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture and the clocks' readings when it was taken.

    `gray` is uint8 `(height, width)`, luma 0..255. It may be a view of the camera's own buffer:
    it is valid until the next frame is asked for, and must not be written to.
    """

    gray: ByteArray
    time: datetime
    """For stamps: wall time with offset; of a file, local midnight plus `source_s`."""
    source_s: float
    """For windows and intervals: monotonic seconds of the camera, media seconds of a file."""
    monotonic_s: float
    """For what people wait for, such as MQTT intervals: the machine's monotonic clock."""
    clock_ok: bool = True
    """False while the wall clock has not been synchronised since boot."""
    skipped: int = 0
    """The camera's pictures since the frame before, which nobody looked at."""


@dataclass(frozen=True, slots=True)
class Face:
    """A face in one frame; `track` stays the same while it is followed from frame to frame."""

    track: int
    box: Box


@dataclass(frozen=True, slots=True)
class Reading:
    """What one face showed, smoothed over the time since it was first seen.

    `probabilities` are float, one for each label of the model card and in its order, and sum to 1.
    `notes` are the diary's words of caution: clock, small, dark, blurred.
    """

    time: datetime
    source_s: float
    face: int
    emotion: str
    confidence: float
    probabilities: tuple[float, ...]
    box: Box
    notes: tuple[str, ...] = ()


class AlertEvent(StrEnum):
    """What happened to an alert; the values are those of `event_type` in MQTT."""

    RAISED = "raised"
    CLEARED = "cleared"


@dataclass(frozen=True, slots=True)
class Alert:
    """The count of negative readings crossed an alert's threshold, or fell back.

    `id` is unique to this message, `episode` joins a raised alert with its cleared one. `face` is
    the track that raised it where the alert counts per face, else None.
    """

    id: str
    episode: str
    event_type: AlertEvent
    name: str
    face: int | None
    count: int
    window_s: float
    emotions: tuple[str, ...]
    time: datetime
