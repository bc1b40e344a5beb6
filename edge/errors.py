"""What can go wrong for a user, each kind with the exit code that scripts and systemd see."""

from __future__ import annotations

import errno
from collections.abc import Iterable

#: Errors of a directory that no later try can mend, because its path itself is wrong.
MALFORMED = {errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL}
#: Errors of reading that a later try may not meet: a worn card, a share that is away, no memory.
FLEETING = {errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE, errno.ETIMEDOUT}


class Problem(Exception):
    """One clear line that names the place and the fix; `code` is the process's exit code."""

    code = 1


class CameraError(Problem):
    """The source gives no frame: absent, busy, unplugged, unreadable. systemd starts us again."""


class UsageError(Problem):
    """The command line makes no sense, or an input is unclear and needs an option."""

    code = 2


class RefusedFile(Problem):
    """An input file that is not what it should be (`EX_DATAERR` of sysexits.h)."""

    code = 65


class ConfigError(Problem):
    """The configuration, or the model it names, is wrong: a restart cannot help (`EX_CONFIG`)."""

    code = 78


class ModelError(ConfigError):
    """The model file is missing, damaged, or carries no card."""


def meant(name: str, known: Iterable[str]) -> str:
    """A hint for who wrote `name` where one of the `known` names must stand."""
    from difflib import get_close_matches  # noqa: PLC0415 (memory that only a mistake needs)

    names = list(known)
    near = get_close_matches(name, names, n=1)
    return f"did you mean '{near[0]}'?" if near else f"known are: {', '.join(names)}"


def first_line(error: BaseException) -> str:
    """The first line of what a library says, or the error's kind where it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
