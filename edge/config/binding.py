"""TOML tables to frozen dataclasses, strictly: whatever does not fit is named with its place."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, get_args, get_origin, get_type_hints

from edge.config.paths import expanded
from edge.errors import ConfigError, suggest

T = TypeVar("T")
#: Given the value of a key, what is wrong with it: where below the key, "" for itself, and a line.
Check: TypeAlias = Callable[[Any], Iterable[tuple[str, str]]]
_KINDS = {str: "a string", int: "a whole number", float: "a number", bool: "true or false"}
_PATHS = (Path, Path | None)
#: Whole numbers from here on exceed float range, and make no sense in a configuration.
_FLOAT_LIMIT = 1e300
#: Characters of a wrong value that are quoted in the message.
_SHOWN = 60


def limited(default: T, low: float, high: float) -> T:
    """Return a field for a number from `low` to `high`."""
    result: T = field(default=default, metadata={"low": low, "high": high})
    return result


def one_of(default: T, *choices: T) -> T:
    """Return a field that takes only one of `choices`."""
    result: T = field(default=default, metadata={"choices": choices})
    return result


def text_or_number(default: str) -> str:
    """Return a field for a string that may be a whole number, without quotes."""
    result: str = field(default=default, metadata={"numbers": True})
    return result


def checked(default: T, check: Check) -> T:
    """Return a field whose value `check` looks through."""
    result: T = field(default=default, metadata={"check": check})
    return result


def message_text(default: str) -> str:
    """Return a field for a string of any number of lines."""
    result: str = field(default=default, metadata={"lines": True})
    return result


def bind(kind: type[T], table: dict[str, Any], problems: list[str], where: str = "") -> T:
    """Return an instance of the dataclass `kind` from a table of TOML.

    A path is made by its field's metadata `resolve`, else with `~` as the home directory; "" is the
    default.

    Keys left out have the field's default. So has what does not fit: an unknown key, a wrong type,
    a value out of its field's range; a line about each is added to `problems`. `where` stands
    before the key's name.
    """
    hints = get_type_hints(kind)
    fields = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for key, value in table.items():
        try:
            if key not in fields:
                hint = suggest(key, fields, "keys")
                raise ConfigError(f"{where}{shown(key)}: unknown key; {hint}")
            if value == "" and hints[key] in _PATHS:
                continue
            values[key] = _field(fields[key], hints[key], value, f"{where}{key}", problems)
        except ConfigError as problem:
            problems.append(str(problem))
    return kind(**values)


def shown(key: str) -> str:
    """Return `key` on one line."""
    return key if key.isprintable() else repr(key)


def _field(
    target: dataclasses.Field[Any], hint: Any, value: Any, where: str, problems: list[str]
) -> Any:
    metadata = target.metadata
    if hint in _PATHS:
        return _path(metadata.get("resolve", expanded), value, where)
    if "numbers" in metadata and type(value) is int and value >= 0:
        return str(value)
    fitting = _message(value, where, metadata)
    if fitting is None:
        fitting = _value(hint, value, where, problems)
    _limits(fitting, metadata, where)
    if "check" in metadata:
        problems += (f"{where}{below}: {line}" for below, line in metadata["check"](fitting))
    return fitting


def _path(resolve: Callable[[str], Path], value: Any, where: str) -> Path:
    text: str = _scalar(str, value, where)
    try:
        return resolve(text)
    except ConfigError as problem:
        raise ConfigError(f"{where}: {problem}") from problem


def _value(hint: Any, value: Any, where: str, problems: list[str]) -> Any:
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, dict):
            raise ConfigError(f"{where}: must be a table, written [{where}]")
        return bind(hint, value, problems, f"{where}.")  # type: ignore[arg-type]
    if get_origin(hint) is tuple:
        return _array(get_args(hint), value, where, problems)
    return _scalar(hint, value, where)


def _scalar(hint: Any, value: Any, where: str) -> Any:
    if hint is float and type(value) is int and abs(value) < _FLOAT_LIMIT:
        value = float(value)
    if type(value) is not hint:
        raise ConfigError(f"{where}: must be {_KINDS[hint]}, not {_short(value)}")
    if hint is str:
        _refuse_control(value, where, value)
    return value


def _refuse_control(text: str, where: str, value: str) -> None:
    if not text.isprintable():
        raise ConfigError(f"{where}: must not contain control characters, as in {_short(value)}")


def _short(value: Any) -> str:
    """Return `value` about as the user wrote it, on one line."""
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def _array(inside: tuple[Any, ...], value: Any, where: str, problems: list[str]) -> tuple[Any, ...]:
    many = inside[-1] is Ellipsis
    if not isinstance(value, list) or not (many or len(value) == len(inside)):
        if dataclasses.is_dataclass(inside[0]):
            name = re.sub(r"\[\d+\]", "", where)
            raise ConfigError(f"{where}: must be a list of tables, each written [[{name}]]")
        raise ConfigError(
            f"{where}: must be a list"
            + (_such_as(inside[0], value) if many else f" of {len(inside)} numbers")
        )
    return tuple(
        _value(inside[0], item, f"{where}[{at}]", problems) for at, item in enumerate(value)
    )


def _such_as(kind: Any, value: Any) -> str:
    """Return how a list is written, with the value if it only lacks the brackets."""
    example = _short(value) if isinstance(value, str) else '"..."'
    return f", such as [{example}]" if kind is str else ""


def _message(value: Any, where: str, metadata: Mapping[Any, Any]) -> Any:
    """Return `value` if it is text of several lines, or a table, where it may be."""
    if metadata.get("tables"):
        if isinstance(value, dict):
            return _json(value, where)
        if not isinstance(value, str):
            raise ConfigError(f"{where}: must be a string or a table, not {_short(value)}")
    if "lines" not in metadata or not isinstance(value, str):
        return None
    _refuse_control(value.replace("\n", ""), where, value)
    return value


def _json(value: Any, where: str) -> Any:
    """Return `value` if JSON can hold it: no dates, infinities and not-a-numbers."""
    if isinstance(value, dict):
        return {key: _json(item, f"{where}.{shown(key)}") for key, item in value.items()}
    if isinstance(value, list):
        return [_json(item, f"{where}[{at}]") for at, item in enumerate(value)]
    if isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise ConfigError(
        f"{where}: must be a string, a finite number, true or false, a list or a table,"
        f" not {_short(value)}"
    )


def _limits(value: Any, metadata: Mapping[Any, Any], where: str) -> None:
    if "low" in metadata and not metadata["low"] <= value <= metadata["high"]:
        low, high = metadata["low"], metadata["high"]
        is_percent = high == 1 and max(1, 100 * low) <= value <= 100
        hint = f"; {value:g} % is {value / 100:g}" if is_percent else ""
        raise ConfigError(f"{where}: must be between {low} and {high}, not {_short(value)}{hint}")
    if "choices" in metadata and value not in metadata["choices"]:
        choices = ", ".join(str(choice) for choice in metadata["choices"])
        raise ConfigError(f"{where}: must be one of {choices}, not {_short(value)}")
