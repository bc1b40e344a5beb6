"""What flows through the loop: Frame, Face, Reading, Alert. Frozen; field names carry the units."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from edge.notes import EventWord, Note

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    ByteArray: TypeAlias = npt.NDArray[np.uint8]
    FloatArray: TypeAlias = npt.NDArray[np.float32]
else:  # annotations are not evaluated, and whoever reads the diary needs no numpy
    ByteArray = FloatArray = object
#: Stands for an expression where there is none.
NO_EMOTION = "none"


class Box(NamedTuple):
    """A rectangle in frame pixels; `x`, `y` is the upper left corner."""

    x: int
    y: int
    width: int
    height: int

    def overlap(self, other: Box) -> float:
        """Return intersection over union, 0 to 1."""
        common = self._common(other)
        return common / (self.width * self.height + other.width * other.height - common)

    def containment(self, other: Box) -> float:
        """Return the intersection as a share of the smaller box, 0 to 1."""
        smaller = min(self.width * self.height, other.width * other.height)
        return self._common(other) / smaller

    def widened(self, share: float) -> Box:
        """Return the box grown by `share` of its width per side; may exceed the frame."""
        edge = round(self.width * share)
        return Box(self.x - edge, self.y - edge, self.width + 2 * edge, self.height + 2 * edge)

    def _common(self, other: Box) -> int:
        width = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        height = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        return width * height if width > 0 and height > 0 else 0


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture and the clocks' readings when it was taken.

    `gray` is uint8 `(height, width)`, luma 0..255. It may be a view of the camera's own buffer:
    it is valid until the next frame is asked for, and must not be written to.
    """

    gray: ByteArray
    time: datetime
    """For stamps: wall time with offset; see `edge.clock` for that of a file."""
    source_s: float
    """For windows and intervals: monotonic seconds of the camera, media seconds of a file."""
    monotonic_s: float
    """For what people wait for, such as MQTT intervals: the machine's monotonic clock."""
    clock_ok: bool = True
    """False while the wall clock has not been synchronised since boot."""
    skipped: int = 0
    """The camera's pictures since the previous frame that were not processed."""
    still: bool = False
    """True for an unrelated still image, such as one of a folder."""


@dataclass(frozen=True, slots=True)
class Face:
    """A face in one frame; `track` stays the same while it is followed from frame to frame."""

    track: int
    box: Box
    turned: bool = False
    """Whether the head is turned away, so that its expression can hardly be read."""
    scene: int = 0
    """Counts the cuts in the video; what was seen before one says nothing about now."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one face showed, smoothed with a time constant of half a second.

    `probabilities` are float, one for each label of the model card and in its order, and sum to 1.
    `notes` say what makes it doubtful.
    """

    time: datetime
    source_s: float
    face: int
    emotion: str
    confidence: float
    probabilities: tuple[float, ...]
    box: Box
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """Something that the diary notes beside readings: `note` as `edge.notes.EventWord` has it."""

    time: datetime
    note: str
    clock_ok: bool = True
    """False while the wall clock has not been synchronised since boot."""


class AlertEvent(StrEnum):
    """What happened to an alert; the values are those of `event_type` in MQTT."""

    RAISED = "raised"
    CLEARED = "cleared"


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert was raised, or is over.

    `id` is unique to this message, `episode` joins a raised alert with its cleared one. `face` is
    the track that raised it where the alert counts per face, else None. `count` is the number of
    negative readings within `window_s`, where the alert counts any. `emotion` is the expression of
    the latest of them, "none" where none is known. `reason` is for people. `test` marks one that
    somebody asked for to see what follows: nothing was counted.
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
    reason: str = ""
    emotion: str = NO_EMOTION
    test: bool = False

    def __str__(self) -> str:
        """Return one line for the log."""
        face = "" if self.face is None else f" for face {self.face}"
        return f"alert '{self.name}' {self.event_type}{face}: {self.reason}"


def diary_events(alerts: Iterable[Alert], *, clock_ok: bool) -> list[Event]:
    """Return what the diary notes of `alerts`; nothing of a test."""
    real = [alert for alert in alerts if not alert.test]
    return [Event(a.time, EventWord(a.event_type).of(a.name), clock_ok) for a in real]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is true now, after a frame or while there is none.

    `state` and `stats` are what the topics of these names hold. They are renewed at their own
    intervals and stay the same objects in between, so that only what changed has to be compared.
    """

    monotonic_s: float
    camera_silent: bool
    """True while the camera gives no pictures."""
    raised: Mapping[str, bool]
    """For every alert, whether it is raised for any face."""
    negative: Mapping[str, int]
    """For every alert, the number of negative readings in its window."""
    state: Mapping[str, object]
    stats: Mapping[str, object]
    paused: tuple[str, ...] = ()
    """Why nobody is watched now; empty while somebody may be."""
    share: Mapping[str, float] = field(default_factory=dict)
    """For each of the alerts in `negative`, the part that these are of the clear readings."""
