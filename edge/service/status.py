"""Current state, as MQTT payloads and as one line."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from edge.alerts.rules import Rules
from edge.config.pause import Reason
from edge.records import Face, Frame, Reading, Snapshot
from edge.service.metrics import Metrics
from edge.stage_timer import StageTimer

#: Intervals between two reports on the `state` and the `stats` topic.
STATE_S, STATS_S = 5.0, 30.0
_FPS_WINDOW_S = 5.0
#: Latest readings that are kept: a face that was out of sight for a moment is read again only when
#: its interval is over, up to an hour later.
_KEPT = 100


class Status:
    """The latest of everything, updated with every frame and while the camera is silent."""

    def __init__(self, metrics: Metrics | None = None) -> None:
        self.fps = 0.0
        self._metrics = metrics or Metrics(StageTimer())
        self._faces: Sequence[Face] = ()
        self._readings: dict[int, Reading] = {}
        self._silent = False
        self._paused: tuple[Reason, ...] = ()
        self._reported: object = None
        self.time: datetime | None = None
        """The latest frame's, or of a moment of a pause."""
        self._frames, self._counted_from_s = 0, 0.0
        self._state_at_s = self._stats_at_s = -math.inf
        self._state: Mapping[str, object] = {}
        self._stats: Mapping[str, object] = {}

    def update(
        self, frame: Frame, faces: Sequence[Face], readings: Iterable[Reading], rules: Rules
    ) -> Snapshot:
        """Return what is true after `frame`."""
        self._metrics.count(frame)
        if self.time is None or self._silent:
            self._frames, self._counted_from_s = 0, frame.monotonic_s
            self._silent, self._paused = False, ()
        self.time, self._faces = frame.time, faces
        for reading in readings:
            self._readings.pop(reading.face, None)
            self._readings[reading.face] = reading
        while len(self._readings) > _KEPT:
            del self._readings[next(iter(self._readings))]
        self._measure_fps(frame.monotonic_s)
        return self._snapshot(frame.monotonic_s, rules)

    def silence(self, now_s: float, rules: Rules) -> Snapshot:
        """Return what is true while the camera gives no pictures: no face is in sight."""
        self._silent, self.fps, self._faces, self._paused = True, 0.0, (), ()
        return self._snapshot(now_s, rules)

    def pause(
        self, now: datetime, now_s: float, reasons: tuple[Reason, ...], rules: Rules
    ) -> Snapshot:
        """Return what is true while nobody is watched because of `reasons`."""
        self._silent, self.fps, self._faces = True, 0.0, ()
        self.time, self._paused = now, reasons
        return self._snapshot(now_s, rules)

    @property
    def main(self) -> Reading | None:
        """The reading of the largest face in sight, None where there is none."""
        in_sight = (self._readings.get(face.track) for face in self._faces)
        return max(filter(None, in_sight), key=lambda r: r.box.width, default=None)

    def __str__(self) -> str:
        """Return one line for systemctl status."""
        if self._paused:
            return f"paused: {', '.join(self._paused)}"
        emotion = self.main.emotion if self.main else "none"
        return f"{self.fps:.1f} frames/s, faces: {len(self._faces)}, expression: {emotion}"

    def _measure_fps(self, now_s: float) -> None:
        passed_s = now_s - self._counted_from_s
        if passed_s > 0:
            self.fps = self._frames / passed_s
        if passed_s > _FPS_WINDOW_S:
            self._frames, self._counted_from_s = 0, now_s
        self._frames += 1

    def _snapshot(self, now_s: float, rules: Rules) -> Snapshot:
        negative, share = rules.negative(), rules.shares()
        now_is = self._silent, self._paused, rules.snoozed()
        if now_s >= self._state_at_s or now_is != self._reported:
            self._state_at_s, self._reported = now_s + STATE_S, now_is
            self._state = self._report(negative, share, rules.snoozed())
        if now_s >= self._stats_at_s:
            self._stats_at_s = now_s + STATS_S
            self._stats = self._metrics.report(self.time)
        return Snapshot(
            now_s,
            self._silent,
            rules.raised(),
            negative,
            self._state,
            self._stats,
            self._paused,
            share,
        )

    def _report(
        self, negative: Mapping[str, int], share: Mapping[str, float], snoozed: tuple[str, ...]
    ) -> dict[str, object]:
        """Return the `state` topic's content."""
        reading = self.main
        return {
            "time": self.time.isoformat(timespec="milliseconds") if self.time else None,
            "emotion": reading.emotion if reading else "none",
            "confidence": round(reading.confidence, 4) if reading else 0.0,
            "faces": len(self._faces),
            "fps": round(self.fps, 1),
            "negative": negative,
            "share": {name: round(part, 3) for name, part in share.items()},
            "camera": not self._silent,
            "paused": self._paused,
            "snoozed": snoozed,
        }
