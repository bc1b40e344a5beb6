"""TOML tables to frozen dataclasses, strictly: whatever does not fit is named with its place."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from dataclasses import field
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from edge.errors import ConfigError

T = TypeVar("T")
_KINDS = {str: "a text in quotes", int: "a whole number", float: "a number", bool: "true or false"}


def limited(default: T, low: float, high: float) -> T:
    """A field for a number from `low` to `high`."""
    result: T = field(default=default, metadata={"low": low, "high": high})
    return result


def one_of(default: T, *choices: T) -> T:
    """A field that takes one of `choices` only."""
    result: T = field(default=default, metadata={"choices": choices})
    return result


def record(kind: type[T], table: dict[str, Any], where: str = "") -> T:
    """An instance of the dataclass `kind` from a table of TOML.

    Keys left out have the field's default. Raises `ConfigError` for an unknown key, a wrong type or
    a value out of its field's range; `where` stands before the key's name.
    """
    hints = get_type_hints(kind)
    fields = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    values = {}
    for key, value in table.items():
        if key not in fields:
            near = difflib.get_close_matches(key, fields, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"known are: {', '.join(fields)}"
            raise ConfigError(f"{where}{key}: unknown key; {hint}")
        values[key] = _value(hints[key], value, f"{where}{key}")
        _limits(values[key], fields[key].metadata, f"{where}{key}")
    return kind(**values)


def _value(hint: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, dict):
            raise ConfigError(f"{where}: must be a table, written [{where}]")
        return record(hint, value, f"{where}.")  # type: ignore[arg-type]
    if get_origin(hint) is tuple:
        return _array(get_args(hint), value, where)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not hint:
        raise ConfigError(f"{where}: must be {_KINDS[hint]}, not {value!r}")
    return value


def _array(inside: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    many = inside[-1] is Ellipsis
    if not isinstance(value, list) or not (many or len(value) == len(inside)):
        raise ConfigError(
            f"{where}: must be a list" + ("" if many else f" of {len(inside)} numbers")
        )
    return tuple(_value(inside[0], item, f"{where}[{at}]") for at, item in enumerate(value))


def _limits(value: Any, metadata: Mapping[Any, Any], where: str) -> None:
    if "low" in metadata and not metadata["low"] <= value <= metadata["high"]:
        raise ConfigError(f"{where}: must be {metadata['low']} to {metadata['high']}, not {value}")
    if "choices" in metadata and value not in metadata["choices"]:
        choices = ", ".join(str(choice) for choice in metadata["choices"])
        raise ConfigError(f"{where}: must be one of {choices}, not {value!r}")
