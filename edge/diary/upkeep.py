"""What is done beside the rows, in a thread of its own: archives, and the table of hours."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from edge import filelock
from edge.config.schema import DiaryConfig
from edge.diary import layout, retention
from edge.diary.unfinished import Open, Unfinished
from edge.errors import FerEdgeError, first_line, memory_shortage

#: All of it may be cut off anywhere, and is done at the next start.
_JOIN_S = 0.3
log = logging.getLogger(__name__)


class Upkeep:
    """The service's: `start` it whenever there may be something to do."""

    def __init__(self, directory: Path, config: DiaryConfig) -> None:
        self._directory, self._config = directory, config
        self._guard = threading.Lock()
        self._archives = self._held = False
        self._due: dict[datetime, Open] = {}
        self._thread: threading.Thread | None = None
        self.hours = Unfinished(directory)

    def start(self, due: dict[datetime, Open], *, archives: bool) -> None:
        """Put hours that are over into the table; with `archives`, apply retention.

        All rows of the hours in `due` must be in the file. A slow card takes seconds; what is asked
        for meanwhile is done after that, once.
        """
        with self._guard:
            self._due, self._archives = {**self._due, **due}, self._archives or archives
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="upkeep", daemon=True)
                thread.start()  # raises where memory is short; `close` joins started ones only
                self._thread = thread

    def close(self) -> None:
        """Put the last hour into the table if it is over, as after a video."""
        self.hours.leave(datetime.now(UTC))
        if due := self.hours.due():
            self.start(due, archives=False)
        thread = self._thread
        if thread is not None:
            thread.join(_JOIN_S)

    def _run(self) -> None:
        while True:
            with self._guard:
                due, archives = self._due, self._archives
                self._due, self._archives = {}, False
                if not due and not archives:
                    self._thread = None
                    return
            try:
                with memory_shortage(), filelock.hold(self._directory / layout.LOCK):
                    self._work(due, archives=archives)
            except FileNotFoundError:  # the directory was taken away
                pass
            except (OSError, FerEdgeError) as error:
                log.warning(
                    "%s: cannot archive files or update hours.csv: %s",
                    self._directory,
                    first_line(error),
                )

    def _work(self, due: dict[datetime, Open], *, archives: bool) -> None:
        if archives:  # first, because on a full card that makes room
            self._retire()
        if due:
            # Here, not above: 20 ms of the service's start, for what happens once an hour.
            from edge.diary.hours import fold  # noqa: PLC0415

            fold(self._directory, {start: known.watched_s for start, known in due.items()})
            self.hours.done(due)
            if self._held:
                self._retire()

    def _retire(self) -> None:
        """Apply retention; archives with rows of an hour that the table lacks are held."""

        def counted(over: list[Path]) -> Iterable[Path]:
            from edge.diary import hours  # noqa: PLC0415

            return hours.counted(self._directory, over, self.hours.opened()) if over else ()

        self._held = not retention.apply_retention(self._directory, self._config, counted=counted)
