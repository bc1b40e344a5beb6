"""The latest picture, for any number of readers, none of whom can hold up the loop."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

#: How long a reader waits before it looks whether all is over.
_WAIT_S = 0.5


class Latest:
    """The newest JPEG and the newest status; older ones are gone.

    `put` is the loop's; everything else is for the threads of the readers.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._jpeg, self._number, self._watchers, self._over = b"", 0, 0, False
        self.status = b"{}"
        """The scene as JSON."""

    @property
    def watched(self) -> bool:
        """Whether anybody wants pictures: without, none need be drawn and compressed."""
        return self._watchers > 0

    def put(self, jpeg: bytes) -> None:
        """Give a picture to whoever is waiting for one."""
        with self._changed:
            self._jpeg, self._number = jpeg, self._number + 1
            self._changed.notify_all()

    def end(self) -> None:
        """End what `pictures` yields."""
        with self._changed:
            self._over = True
            self._changed.notify_all()

    @contextmanager
    def watching(self) -> Iterator[Iterator[bytes]]:
        """Yield the pictures as they come; whoever is slow misses some."""
        with self._changed:
            self._watchers += 1
        try:
            yield self._pictures()
        finally:
            with self._changed:
                self._watchers -= 1

    def _pictures(self) -> Iterator[bytes]:
        number = self._number
        while not self._over:
            with self._changed:
                if self._number == number:
                    self._changed.wait(_WAIT_S)
                    continue
                jpeg, number = self._jpeg, self._number
            yield jpeg
