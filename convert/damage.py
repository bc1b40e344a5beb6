"""Turn what libraries raise on damaged files into one clear error."""

from __future__ import annotations

import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.errors import RefusedFile, first_line

#: What h5py, json, numpy, OpenCV and zipfile raise on damaged files.
_DAMAGE = (
    OSError, ValueError, LookupError, TypeError, AttributeError, EOFError, MemoryError,
    OverflowError, RuntimeError, struct.error, tokenize.TokenError, zlib.error, zipfile.BadZipFile,
)  # fmt: skip
#: Maximum number of characters that a message quotes from a file or from a library.
MAX_QUOTED = 120


def printable(text: str) -> str:
    """Return text from a file, shortened and cleaned for a one-line message."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:MAX_QUOTED])


@contextmanager
def refusing_damage(path: Path, problem: str = "cannot be read") -> Iterator[None]:
    """Raise `RefusedFile` with `path` and `problem` if a library finds damage."""
    try:
        yield
    except _DAMAGE as error:
        reason = printable(first_line(error))  # zipfile quotes all of a broken name
        raise RefusedFile(f"{path}: {problem} ({reason})") from error
