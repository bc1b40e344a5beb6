"""What can go wrong for a user, each kind with the exit code that scripts and systemd see."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

#: Errors of a directory that retrying cannot fix, because its path itself is wrong.
PERMANENT = {errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL}
#: Errors of reading that a retry may not hit: a worn card, a share that is away, no memory.
TRANSIENT = {errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE, errno.ETIMEDOUT}


class FerEdgeError(Exception):
    """A clear line that names the place and the fix; `code` is the process's exit code.

    Where several things are wrong, each has its line.
    """

    code = 1


class CameraError(FerEdgeError):
    """The source gives no frame: absent, busy, unplugged, unreadable. systemd starts us again."""


class DiaryError(FerEdgeError):
    """Rows of the diary could not be written by the end of the run."""


class UsageError(FerEdgeError):
    """The command line makes no sense, or an input is unclear and needs an option."""

    code = 2


class RefusedFile(FerEdgeError):
    """An input file that is not what it should be (`EX_DATAERR` of sysexits.h)."""

    code = 65


class ConfigError(FerEdgeError):
    """The configuration, or the model it names, is wrong: a restart cannot help (`EX_CONFIG`)."""

    code = 78


class ModelError(ConfigError):
    """The model file is missing, damaged, or carries no card."""


#: What libraries and the interpreter say where memory is short and they raise no `MemoryError`.
_SHORTAGE = (
    "failed to map segment",
    "can't start new thread",
    "Cannot allocate memory",
    "Insufficient memory",
    # CPython, where an allocation fails below an interface that cannot raise MemoryError.
    "error return without exception set",
    "without setting an exception",
)


@contextmanager
def memory_shortage() -> Iterator[None]:
    """Raise `FerEdgeError` where memory is short.

    Python, numpy and others say so differently.
    """
    try:
        yield
    except _memory_errors() as error:
        if isinstance(error, MemoryError) or any(sign in str(error) for sign in _SHORTAGE):
            raise FerEdgeError("not enough memory: free some, or raise the limit") from error
        raise


def _memory_errors() -> tuple[type[Exception], ...]:
    opencv = sys.modules.get("cv2")
    own = (opencv.error,) if opencv else ()
    return (MemoryError, ImportError, OSError, RuntimeError, SystemError, *own)


def suggest(name: str, known: Iterable[str], kind: str = "names") -> str:
    """Return a hint for whoever wrote `name` where one of the `known` names belongs."""
    from difflib import get_close_matches  # noqa: PLC0415 (memory that only a mistake needs)

    names = list(known)
    near = get_close_matches(name, names, n=1)
    return f"did you mean '{near[0]}'?" if near else f"valid {kind}: {', '.join(names)}"


def first_line(error: BaseException) -> str:
    """Return the first line of the message, or the exception's type if it is empty."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
