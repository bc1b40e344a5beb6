"""What is going on right now: for the `state` topic, for systemctl status, for a person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from edge.records import Face, Frame, Reading
from edge.stats import Stats
from edge.stopwatch import Stopwatch

_FPS_WINDOW_S = 5.0


class Status:
    """The latest of everything, renewed with every frame. `silent` while the camera gives none."""

    def __init__(self, stats: Stats | None = None) -> None:
        self.fps = 0.0
        self.silent = False
        self._stats = stats or Stats(Stopwatch())
        self.faces: Sequence[Face] = ()
        self._readings: dict[int, Reading] = {}
        self._frame: Frame | None = None
        self._frames, self._counted_from_s = 0, 0.0

    def update(self, frame: Frame, faces: Sequence[Face], readings: Iterable[Reading]) -> None:
        """Takes over what this frame brought."""
        self._stats.count(frame)
        if self._frame is None or self.silent:
            self._frames, self._counted_from_s = 0, frame.monotonic_s
            self.silent = False
        self._frame, self.faces = frame, faces
        visible = {face.track for face in faces}
        self._readings |= {reading.face: reading for reading in readings}
        self._readings = {face: r for face, r in self._readings.items() if face in visible}
        passed_s = frame.monotonic_s - self._counted_from_s
        if passed_s > 0:
            self.fps = self._frames / passed_s
        if passed_s > _FPS_WINDOW_S:
            self._frames, self._counted_from_s = 0, frame.monotonic_s
        self._frames += 1

    def silence(self) -> None:
        """The camera gives no pictures: nobody is in sight."""
        self.silent, self.fps, self.faces, self._readings = True, 0.0, (), {}

    @property
    def main(self) -> Reading | None:
        """The reading of the largest face in sight, None where there is none."""
        return max(self._readings.values(), key=lambda r: r.box.width, default=None)

    def state(self) -> dict[str, object]:
        """The `state` topic's content, but for the alerts' counts."""
        reading = self.main
        return {
            "time": self._frame.time.isoformat(timespec="milliseconds") if self._frame else None,
            "emotion": reading.emotion if reading else "none",
            "confidence": round(reading.confidence, 4) if reading else 0.0,
            "faces": len(self.faces),
            "fps": round(self.fps, 1),
        }

    def stats(self) -> dict[str, object]:
        """The `stats` topic's content: what it cost since it was last asked for."""
        return self._stats.report(self._frame)

    def __str__(self) -> str:
        """One line for systemctl status."""
        emotion = self.main.emotion if self.main else "none"
        return f"{self.fps:.1f} frames/s, faces: {len(self.faces)}, expression: {emotion}"
