"""Standard output, which may be closed, full, or a pipe whose reader has gone."""

from __future__ import annotations

import codecs
import io
import os
import sys

from edge.errors import FerEdgeError

#: What stands for the signs of our own texts where the encoding lacks them.
_PLAIN = {"\N{NO-BREAK SPACE}": " ", "–": "-", "’": "'", "×": "x", "…": "."}
_ERRORS = "fer-edge-plain"


def tolerate() -> None:
    """Let standard output replace what its encoding lacks, instead of failing."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        codecs.register_error(_ERRORS, _plain)
        sys.stdout.reconfigure(errors=_ERRORS)


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_PLAIN.get(sign, "?") for sign in lacking), error.end


def say(text: str, *, end: str = "\n", flush: bool = False) -> None:
    """Print `text`; raise `FerEdgeError` where standard output takes no more."""
    try:
        print(text, end=end, flush=flush)
    except BrokenPipeError:  # the reader has gone, which is not an error
        raise
    except OSError as error:
        discard()
        raise FerEdgeError(f"cannot write to standard output: {error.strerror}") from error


def discard() -> None:
    """Let what is still in the buffer go nowhere when the process ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
