"""What fer-train writes into a `.keras` file: `fer-train.json`, a member of its ZIP.

Keras reads the members that it knows and leaves the others alone.
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
from edge.model_card import canonical

MEMBER = "fer-train.json"
#: A stamp is a page of text; what says it is more was not written by us.
MOST_BYTES = 1 << 16
_DAMAGED = (
    zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError, LookupError,
)  # fmt: skip


def stamp(path: Path, facts: dict[str, Any]) -> None:
    """Put `facts` into the `.keras` file at `path`, in place of those that it has.

    `facts["labels"]` are the classes in the order of the answers. Whoever reads `path` meanwhile
    sees the old file or the new one. Raises `OSError` where it cannot be written.
    """
    with tempfile.TemporaryDirectory(dir=path.absolute().parent, prefix=".fer-train-") as folder:
        made = Path(folder) / path.name
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(made, "w") as new:
            for entry in old.infolist():
                if entry.filename != MEMBER:
                    with old.open(entry) as source, new.open(_copied(entry), "w") as target:
                        shutil.copyfileobj(source, target, 1 << 20)
            new.writestr(zipfile.ZipInfo(MEMBER), json.dumps(facts, indent=2) + "\n")
        made.chmod(path.stat().st_mode & 0o777)
        made.replace(path)


def _copied(entry: zipfile.ZipInfo) -> zipfile.ZipInfo:
    """The name, date and size of `entry`, for a copy of it."""
    made = zipfile.ZipInfo(entry.filename, entry.date_time)
    made.compress_type, made.file_size = entry.compress_type, entry.file_size
    return made


def facts_of(path: Path) -> dict[str, Any] | None:
    """What `stamp` wrote into the file at `path`; None where it has none, or is no `.keras` file.

    Raises `RefusedFile` where there is one that cannot be read.
    """
    if not (path.is_file() and zipfile.is_zipfile(path)):
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            if MEMBER not in archive.namelist():
                return None
            if archive.getinfo(MEMBER).file_size > MOST_BYTES:
                raise ValueError("it is too long")
            facts = json.loads(archive.read(MEMBER))
    except _DAMAGED as error:  # RecursionError is a RuntimeError
        raise RefusedFile(f"{path}: {MEMBER} is damaged ({first_line(error):.100})") from error
    if not isinstance(facts, dict):
        raise RefusedFile(f"{path}: {MEMBER}: must be one JSON object")
    return facts


def labels_of(path: Path) -> tuple[str, ...] | None:
    """The classes in the order of the answers, in canonical form, as `stamp` wrote them.

    None where nothing is written there; raises `RefusedFile` where it is no list of names.
    """
    facts = facts_of(path)
    if facts is None:
        return None
    named = facts.get("labels")
    if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
        raise RefusedFile(f"{path}: {MEMBER}: labels: must be a list of names")
    names = tuple(canonical(name) for name in named)
    if len(names) < 2 or len(set(names)) != len(names) or not all(_is_word(x) for x in names):
        raise RefusedFile(f"{path}: {MEMBER}: labels: must be at least two different words")
    return names


def _is_word(name: str) -> bool:
    return bool(name) and name.isprintable() and not set(name) & set(' ,"')
