"""What is seen now: faces, their latest readings, alerts, and what is wrong with the picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from edge.config.alerts import AlertConfig
from edge.faces.detector import Detector
from edge.preview.advice import Advice, advise
from edge.records import Alert, Box, Face, Frame, Reading, Snapshot


class Counted(NamedTuple):
    """An alert on negative readings: how many are in its window, and how many raise it.

    `share` is the part that they are of the clear ones, 0 to 1, and `least` the one that it takes.
    """

    name: str
    negative: int
    limit: int
    window_s: float
    raised: bool
    share: float = 0.0
    least: float = 0.0

    def __str__(self) -> str:
        """Return `negative: 12 of 30 in 120 s, share 0.10 of 0.25`."""
        counted = f"{self.name}: {self.negative} of {self.limit} in {self.window_s:g} s"
        share = f", share {self.share:.2f} of {self.least:g}" if self.least else ""
        return counted + share + (", raised" if self.raised else "")


class Seen(NamedTuple):
    """A face in sight; `emotion` is empty until it has been read."""

    number: int
    box: Box
    emotion: str = ""
    probabilities: tuple[tuple[str, float], ...] = ()
    """Each label's, the most probable first."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scene:
    """All of it, at one frame."""

    size: tuple[int, int]
    """Width and height of the picture, pixels."""
    fps: float
    faces: tuple[Seen, ...]
    alerts: tuple[Counted, ...]
    advice: tuple[Advice, ...]


class Observer:
    """Listens to the loop, as the diary and the broker would, and keeps what is true now."""

    def __init__(self, labels: tuple[str, ...], alerts: Iterable[AlertConfig]) -> None:
        self._labels, self._alerts = labels, tuple(alerts)
        self._faces: tuple[Face, ...] = ()
        self._readings: dict[int, Reading] = {}
        self._negative: Mapping[str, int] = {}
        self._share: Mapping[str, float] = {}
        self._raised: Mapping[str, bool] = {}
        self._seen_s: float | None = None

    def tell(self, snapshot: Snapshot, _alerts: Iterable[Alert]) -> None:
        """Take over the counts; for the loop's `tell`."""
        self._negative, self._share = snapshot.negative, snapshot.share
        self._raised = snapshot.raised

    def listen(self, readings: Iterable[Reading]) -> None:
        """Take over readings; for the loop's `listener`."""
        self._readings |= {reading.face: reading for reading in readings}

    def faces(self, faces: tuple[Face, ...]) -> None:
        """Take over the faces in sight."""
        self._faces = faces
        in_sight = {face.track for face in faces}
        self._readings = {n: read for n, read in self._readings.items() if n in in_sight}

    def scene(self, frame: Frame, fps: float) -> Scene:
        """Return what is true at `frame`, once the loop is done with it."""
        height, width = frame.gray.shape
        if self._faces or self._seen_s is None:
            self._seen_s = frame.source_s
        seen = tuple(map(self._seen, self._faces))
        counted = (alert for alert in self._alerts if alert.name in self._negative)
        return Scene(
            (width, height),
            fps,
            seen,
            tuple(map(self._counted, counted)),
            advise(
                frame.gray,
                [(face.box, self._notes(face.track)) for face in self._faces],
                frame.source_s - self._seen_s,
            ),
        )

    def _notes(self, track: int) -> tuple[str, ...]:
        reading = self._readings.get(track)
        return tuple(map(str, reading.notes)) if reading else ()

    def _seen(self, face: Face) -> Seen:
        reading = self._readings.get(face.track)
        if reading is None:
            return Seen(face.track, face.box)
        pairs = zip(self._labels, reading.probabilities, strict=True)
        ordered = tuple(sorted(pairs, key=lambda pair: -pair[1]))
        return Seen(face.track, face.box, reading.emotion, ordered, self._notes(face.track))

    def _counted(self, alert: AlertConfig) -> Counted:
        name = alert.name
        negative, raised, share = self._negative[name], self._raised[name], self._share[name]
        return Counted(
            name, negative, alert.count, alert.window_s, raised, share, least=alert.share
        )


class ObservedDetector(Detector):
    """A detector that says to an observer what it finds."""

    observer: Observer

    def find(self, frame: Frame) -> tuple[Face, ...]:
        """Return the faces in sight (see `Detector.find`)."""
        faces = super().find(frame)
        self.observer.faces(faces)
        return faces
