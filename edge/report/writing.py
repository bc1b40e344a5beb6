"""Write a report to files: complete, or not at all."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

from edge.errors import UsageError


def write(files: Mapping[Path, bytes], option: str) -> None:
    """Write all of `files`; what was there is replaced when the new one is complete.

    Raises `UsageError` that names `option`.
    """
    for path, content in files.items():
        part = path.with_name(f".{path.name}.part")
        try:
            part.write_bytes(content)
            part.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            raise UsageError(f"{option} {path}: cannot write it: {error.strerror}") from error
