"""What fer-train records in a `.keras` file: its member `fer-train.json`.

Keras ignores members that it does not know.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

from edge.errors import RefusedFile, first_line
from edge.labels import canonical

MEMBER = "fer-train.json"
#: A record is a page of text; anything longer was not written by fer-train.
MAX_BYTES = 1 << 16
_READ_ERRORS = (
    zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError, LookupError,
)  # fmt: skip


def write_record(path: Path, record: dict[str, Any]) -> None:
    """Write `record` into the `.keras` file at `path`, replacing an earlier one.

    `record["labels"]` are the classes in the order of the outputs. Concurrent readers of `path` see
    either the old file or the new one. Raises `OSError` if it cannot be written.
    """
    with tempfile.TemporaryDirectory(dir=path.absolute().parent, prefix=".fer-train-") as folder:
        made = Path(folder) / path.name
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(made, "w") as new:
            for entry in old.infolist():
                if entry.filename != MEMBER:
                    with old.open(entry) as source, new.open(_copied(entry), "w") as target:
                        shutil.copyfileobj(source, target, 1 << 20)
            new.writestr(zipfile.ZipInfo(MEMBER), json.dumps(record, indent=2) + "\n")
        made.chmod(path.stat().st_mode & 0o777)
        made.replace(path)


def _copied(entry: zipfile.ZipInfo) -> zipfile.ZipInfo:
    """Return an entry with the name, date, compression and size of `entry`."""
    made = zipfile.ZipInfo(entry.filename, entry.date_time)
    made.compress_type, made.file_size = entry.compress_type, entry.file_size
    return made


def read_record(path: Path) -> dict[str, Any] | None:
    """Return the record in the file at `path`; None without one.

    Raises `RefusedFile` for a record that cannot be read.
    """
    if not (path.is_file() and zipfile.is_zipfile(path)):
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            if MEMBER not in archive.namelist():
                return None
            if archive.getinfo(MEMBER).file_size > MAX_BYTES:
                raise ValueError("it is too long")
            record = json.loads(archive.read(MEMBER))
    except _READ_ERRORS as error:  # RecursionError is a RuntimeError
        raise RefusedFile(f"{path}: {MEMBER} is damaged ({first_line(error):.100})") from error
    if not isinstance(record, dict):
        raise RefusedFile(f"{path}: {MEMBER}: must be one JSON object")
    return record


def recorded_labels(path: Path) -> tuple[str, ...] | None:
    """Return the recorded classes in the order of the outputs, in canonical form.

    None without a record; raises `RefusedFile` if they are not a list of different names.
    """
    record = read_record(path)
    if record is None:
        return None
    labels = record.get("labels")
    if not isinstance(labels, list) or not all(isinstance(name, str) for name in labels):
        raise RefusedFile(f"{path}: {MEMBER}: labels: must be a list of names")
    names = tuple(canonical(name) for name in labels)
    if len(names) < 2 or len(set(names)) != len(names) or not all(_is_word(x) for x in names):
        raise RefusedFile(f"{path}: {MEMBER}: labels: must be at least two different words")
    return names


def _is_word(name: str) -> bool:
    return bool(name) and name.isprintable() and not set(name) & set(' ,"')
