"""What becomes of a camera that gives no pictures: it is said, waited for, and given up."""

from __future__ import annotations

import logging
from collections.abc import Callable

from edge.errors import CameraError

#: A camera that is silent for so long is spoken of, ...
SILENT_S = 2.0
#: ... but a slow one is allowed so many of its frames' time.
_SILENT_FRAMES, _STALLED_FRAMES = 2, 3
log = logging.getLogger(__name__)


class Patience:
    """Counts a camera's silence, and its pictures that nobody looked at.

    `meanwhile` is called in the loop's thread again and again while the camera is silent: alerts
    and states go on. After `stalled_s` the run ends with `CameraError`: a fresh process, which
    systemd starts, opens a camera more surely than one whose driver hung, and picamera2 leaves
    three file descriptors behind each time that it is opened.
    """

    def __init__(
        self, name: str, fps: float, stalled_s: float, meanwhile: Callable[[], None]
    ) -> None:
        self.name = name
        self._silent_from_s = max(SILENT_S, _SILENT_FRAMES / fps)
        self._stalled_s = max(stalled_s, _STALLED_FRAMES / fps)
        self._meanwhile = meanwhile
        self._silence_s = 0.0
        self._skipped = 0

    def waited(self, passed_s: float, hint: str) -> None:
        """Another `passed_s` without a picture; `hint` says what to look after."""
        before_s, self._silence_s = self._silence_s, self._silence_s + passed_s
        say_at_s = min(self._silent_from_s, self._stalled_s)
        if before_s < say_at_s <= self._silence_s:  # which may be the last word, if closing hangs
            log.warning("%s: no picture for %.1f s; %s", self.name, self._silence_s, hint)
        if self._silence_s >= self._stalled_s:
            raise CameraError(f"{self.name}: no picture for {self._silence_s:.0f} s; {hint}")
        if self._silence_s >= self._silent_from_s:
            self._meanwhile()

    def rewarded(self, skipped: int = 0) -> None:
        """A picture came, after `skipped` others that were too early for the loop."""
        if self._silence_s >= self._silent_from_s:
            log.warning("%s: pictures again after %.1f s", self.name, self._silence_s)
        self._silence_s = 0.0
        self._skipped += skipped

    def skipped(self) -> int:
        """How many pictures nobody looked at since it was last asked."""
        count, self._skipped = self._skipped, 0
        return count
