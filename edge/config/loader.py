"""Read config.toml, strictly: whatever is wrong is named with its place and the fix."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

from edge.config import checks
from edge.config.binding import bind
from edge.config.schema import Config
from edge.errors import ConfigError, first_line

SYSTEM_CONFIG = Path("/etc/fer-edge/config.toml")


class ConfigUnreadable(ConfigError):
    """The system's configuration, which only root and the service may read."""


def found(path: Path | None) -> Path | None:
    """Return the file that `load` reads, None where it takes the defaults."""
    return path or (SYSTEM_CONFIG if SYSTEM_CONFIG.exists() else None)


def load(path: Path | None) -> Config:
    """Return the configuration at `path`, else the system's, else the defaults.

    Raises `ConfigError`, a line for everything wrong that names the file, the key and the fix.
    """
    place = SYSTEM_CONFIG if path is None else path
    try:
        text = place.read_bytes().decode("utf-8-sig")  # some editors write a mark first
    except OSError as error:
        if path is None and isinstance(error, FileNotFoundError):
            return Config()
        if path is None and isinstance(error, PermissionError):
            raise ConfigUnreadable(
                f"{place}: no permission to read it; try with sudo,"
                " or name another with --config FILE"
            ) from error
        raise ConfigError(f"{place}: cannot read the configuration: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(f"{place}: must be UTF-8 text (at line {line})") from error
    return parse(text, str(place))


def parse(text: str, name: str) -> Config:
    """Return the configuration in `text`, TOML; `name` precedes every problem."""
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # the latter for brackets a thousand deep
        lines = text.rstrip("\n").split("\n")
        end = f"at line {len(lines)}, column {len(lines[-1]) + 1}"
        reason = first_line(error).replace("at end of document", end)
        raise ConfigError(f"{name}: not valid TOML: {reason}") from error
    problems = [*_renamed(table), *_misplaced(table)]
    config = bind(Config, table, problems)
    # A wrong value is replaced by its default: suppress follow-up problems at the same place.
    reported = {_place(problem) for problem in problems}
    problems += [found for found in checks.problems(config) if _place(found) not in reported]
    if problems:
        raise ConfigError("\n".join(f"{name}: {problem}" for problem in problems))
    return config


def _place(problem: str) -> str:
    """Return the table of the key that a problem begins with, such as `alerts[0]`.

    In what follows an alert it is the key itself: those do not depend on each other.
    """
    key = problem.partition(":")[0]
    return key if key.count(".") > 1 else key.rpartition(".")[0]


def _renamed(table: dict[str, Any]) -> Iterator[str]:
    """Yield a line for a table of an earlier version, and take it out."""
    if table.pop("log", None) is not None:
        yield (
            "log: is now [diary] (directory, max_bytes, keep_days, keep_files, fsync_s)"
            " and [logging] (level)"
        )


def _misplaced(table: dict[str, Any]) -> Iterator[str]:
    """Yield a line for every key that belongs in another table, and take it out."""
    blind = table.get("blind")
    for key in ("after_h", "blind_after_h"):
        if isinstance(blind, dict) and blind.pop(key, None) is not None:
            yield f"blind.{key}: is blind_after_h below [faces] (faces.blind_after_h)"
    places = _tables()
    own = {field.name for field in dataclasses.fields(Config)}
    for key in [key for key in table if key not in own]:
        if found := [place for place, keys in places.items() if key in keys]:
            del table[key]
            yield f"{key}: belongs below {' or '.join(found)}"


def _tables() -> dict[str, set[str]]:
    """Return the keys of each table, by how its beginning is written."""
    found = {}
    for name, hint in get_type_hints(Config).items():
        kind = next(iter(get_args(hint)), hint)
        if dataclasses.is_dataclass(kind):
            place = f"[[{name}]]" if get_args(hint) else f"[{name}]"
            found[place] = {field.name for field in dataclasses.fields(kind)}
    return found
