"""The diary's writer: a queue of rows in front of the file, for cards that are slow, full or away.

One worker thread does everything that touches the disk, in order. `write` hands rows to it and
waits until the kernel has them, as a rule some 0.1 ms, so a killed process loses none. An SD card
may take seconds over an fsync, which must not stop the readings: `write` waits `HANDOVER_S` at
most, once; until the worker is free again, rows wait in memory.
"""

from __future__ import annotations

import contextlib
import logging
import math
import threading
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

from edge.config.schema import DiaryConfig
from edge.diary import schema
from edge.diary.refusal import raise_if_permanent, reason
from edge.diary.rotating_file import Line, RotatingFile
from edge.diary.unfinished import Open
from edge.diary.upkeep import Upkeep
from edge.errors import DiaryError
from edge.notes import Note
from edge.records import Event, Frame, Reading

#: Rows kept in memory while the disk refuses them: an hour of three faces, about 2 MB.
WAITING_ROWS = 10_000
#: The longest that `write` waits for the kernel to take rows.
HANDOVER_S = 0.2
_RETRY_S = 1.0
_RETENTION_EVERY_S = 86400.0
log = logging.getLogger(__name__)


class DiaryWriter:
    """Appends readings and events to `expressions.csv` in `directory`; a context manager.

    `model` is a note (see `schema.model_note`): every file begins with it, and a file that begins
    with another becomes an archive. Without it, files have no such row.

    Raises `ConfigError` if the path cannot be a directory, `FerEdgeError` if another process
    writes there; both only when made. A directory that cannot be written to, then or later, is
    logged once; rows wait in memory (the latest `WAITING_ROWS`), with a new try every second.
    Rows are on disk `fsync_s` after they were written, and when `close` returns.
    """

    def __init__(
        self, config: DiaryConfig, directory: Path, labels: tuple[str, ...], model: str = ""
    ) -> None:
        self._config, self._directory, self._labels = config, directory, labels
        header = schema.header(labels).encode() + b"\r\n"
        opening = schema.event_columns(model, labels) if model else b""
        self._file = RotatingFile(config, directory, header, opening)
        self._waiting: deque[Line] = deque()
        self._guard = threading.Lock()
        self._dropped = self._dropped_told = 0
        self._trouble = ""
        self._sync_at_s = self._retry_at_s = self._retention_at_s = -math.inf
        self._retention_due = True
        self._upkeep = Upkeep(directory, config)
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="diary")
        self._appending: Future[None] | None = None
        self._syncing: Future[None] | None = None
        self._attempt(-math.inf, at_start=True)

    def __enter__(self) -> DiaryWriter:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            self.close()
        except DiaryError as error:
            if kind is None:
                raise
            log.error("%s", error)  # the pending exception takes precedence

    @property
    def last_face(self) -> int:
        """The highest face number in the directory; 0 while it cannot be read."""
        return self._file.last_face

    def write(self, now_s: float, entries: Iterable[Reading | Event]) -> None:
        """Append one row per entry; call it on every frame, `now_s` being its `monotonic_s`."""
        for entry in entries:
            with self._guard:
                self._upkeep.hours.touch(entry.time, entry.note if isinstance(entry, Event) else "")
                self._waiting.append(_line(entry, self._labels))
            if len(self._waiting) > WAITING_ROWS:
                self._waiting.popleft()
                self._dropped += 1
        if now_s >= self._retention_at_s:
            self._retention_due, self._retention_at_s = True, now_s + _RETENTION_EVERY_S
        if (self._trouble and now_s < self._retry_at_s) or not _finished(self._appending):
            return
        if self._waiting or self._trouble or self._retention_due or self._upkeep.hours.changed:
            self._appending = self._worker.submit(self._attempt, now_s)
            with contextlib.suppress(TimeoutError):
                self._appending.result(HANDOVER_S)
        sync = self._file.unsynced and not self._trouble and now_s >= self._sync_at_s
        if sync and _finished(self._syncing):
            self._syncing = self._worker.submit(self._attempt, now_s, sync=True)

    def watched(self, frame: Frame) -> None:
        """Count the time since the picture before `frame`; call it on every frame."""
        self._upkeep.hours.watch(frame.time, frame.source_s)

    def close(self) -> None:
        """Flush everything to disk; a second call does nothing.

        Raises `DiaryError` if rows could not be written.
        """
        if self._waiting or self._file.unsynced:
            self._worker.submit(self._attempt, math.inf, sync=True).result()
        self._worker.shutdown()
        lost, reason = self._dropped + len(self._waiting), self._trouble
        self._waiting.clear()
        self._dropped, self._file.unsynced = 0, False
        self._file.close()
        self._upkeep.close()
        if lost:
            why = f": {reason}" if reason else ""
            raise DiaryError(f"{self._file.path}: {lost} rows could not be written{why}")

    def _attempt(self, now_s: float, *, sync: bool = False, at_start: bool = False) -> None:
        """Write the waiting rows; log once that the disk refuses, and once that it is back."""
        retire, self._retention_due = self._retention_due, False
        due = self._due()
        try:
            self._append(retire)
            if sync:
                self._file.sync()
                self._sync_at_s = now_s + self._config.fsync_s
        except OSError as error:
            self._file.close()
            if at_start:
                raise_if_permanent(error, self._directory)
            if self._trouble != (trouble := reason(error)):
                log.error(
                    "%s: cannot write the diary: %s; still trying, rows wait in memory",
                    self._file.path,
                    trouble,
                )
            self._trouble, self._retry_at_s = trouble, now_s + _RETRY_S
            due, self._upkeep.hours.ended = {}, bool(due) or self._upkeep.hours.ended
        else:
            dropped, self._dropped_told = self._dropped - self._dropped_told, self._dropped
            if self._trouble:
                log.warning("%s: writable again; %d rows were lost", self._file.path, dropped)
            self._trouble = ""
        archives, self._file.archived = retire or self._file.archived, False
        if archives or due:  # on a full card this makes room
            self._upkeep.start(due, archives=archives)

    def _due(self) -> dict[datetime, Open]:
        """Return the hours that are over, once, and with no row that does not wait yet."""
        with self._guard:
            ended, self._upkeep.hours.ended = self._upkeep.hours.ended, False
            return self._upkeep.hours.due() if ended else {}

    def _append(self, retire: bool) -> None:
        self._file.open()
        if self._upkeep.hours.changed:
            self._upkeep.hours.save()
        if retire:
            self._file.retire()
        while self._waiting:
            line = self._waiting.popleft()
            try:
                self._file.append(line)
            except OSError:
                self._waiting.appendleft(line)
                raise


def _line(entry: Reading | Event, labels: tuple[str, ...]) -> Line:
    day = entry.time.date().isoformat()
    if isinstance(entry, Event):
        return Line(0, day, entry.clock_ok, schema.format_event(entry, labels))
    return Line(entry.face, day, Note.CLOCK not in entry.notes, schema.format_row(entry))


def _finished(job: Future[None] | None) -> bool:
    """Return whether the job is done, or there was none; raise what it raised."""
    if job is None or not job.done():
        return job is None
    job.result()
    return True
