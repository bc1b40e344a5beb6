"""How long a camera has given no picture: warn, then stop trying."""

from __future__ import annotations

import logging

from edge.errors import CameraError

#: Seconds without a picture after which a warning is logged ...
SILENT_S = 2.0
#: ... or this many of a slow camera's frame intervals; it stalled after three.
_SILENT_FRAMES, _STALLED_FRAMES = 2, 3
log = logging.getLogger(__name__)


class StallDetector:
    """Keeps the time for which the camera called `name` has given no picture.

    After `stalled_s` the run ends with `CameraError`: a fresh process, which systemd starts, opens
    a camera more reliably than one whose driver hung, and picamera2 leaks three file descriptors
    each time a camera is opened.
    """

    def __init__(self, name: str, fps: float, stalled_s: float) -> None:
        self._name = name
        self._silent_from_s = max(SILENT_S, _SILENT_FRAMES / fps)
        self._stalled_s = max(stalled_s, _STALLED_FRAMES / fps)
        self._silence_s = 0.0

    @property
    def silent(self) -> bool:
        """Whether a picture is overdue."""
        return self._silence_s >= self._silent_from_s

    def waited(self, passed_s: float, hint: str) -> None:
        """Add `passed_s` seconds without a picture; `hint` says what to check.

        Raises `CameraError` once the camera has stalled.
        """
        before_s, self._silence_s = self._silence_s, self._silence_s + passed_s
        warn_at_s = min(self._silent_from_s, self._stalled_s)
        if before_s < warn_at_s <= self._silence_s:  # log now: closing may hang
            log.warning("%s: no picture for %.1f s; %s", self._name, self._silence_s, hint)
        if self._silence_s >= self._stalled_s:
            raise CameraError(f"{self._name}: no picture for {self._silence_s:.0f} s; {hint}")

    def reset(self) -> None:
        """Start again: a picture came."""
        if self.silent:
            log.warning("%s: pictures again after %.1f s", self._name, self._silence_s)
        self._silence_s = 0.0
