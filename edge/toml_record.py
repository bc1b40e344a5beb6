"""TOML tables to frozen dataclasses, strictly: whatever does not fit is named with its place."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import field
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from edge.errors import ConfigError, meant

T = TypeVar("T")
_KINDS = {str: "a text in quotes", int: "a whole number", float: "a number", bool: "true or false"}
#: Whole numbers from here on have no float, and make no sense anywhere in a configuration.
_FLOAT_LIMIT = 1e300
#: How many characters of a wrong value are repeated.
_SHOWN = 60


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
            name = key if key.isprintable() else repr(key)
            raise ConfigError(f"{where}{name}: unknown key; {meant(key, fields)}")
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
    if hint is float and type(value) is int and abs(value) < _FLOAT_LIMIT:
        value = float(value)
    if type(value) is not hint:
        raise ConfigError(f"{where}: must be {_KINDS[hint]}, not {_short(value)}")
    if hint is str and not value.isprintable():
        raise ConfigError(f"{where}: must not hold control characters such as in {_short(value)}")
    return value


def _short(value: Any) -> str:
    """`value` as the user wrote it, about, on one line."""
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def _array(inside: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    many = inside[-1] is Ellipsis
    if not isinstance(value, list) or not (many or len(value) == len(inside)):
        if dataclasses.is_dataclass(inside[0]):
            raise ConfigError(f"{where}: must be a list of tables, each written [[{where}]]")
        raise ConfigError(
            f"{where}: must be a list" + ("" if many else f" of {len(inside)} numbers")
        )
    return tuple(_value(inside[0], item, f"{where}[{at}]") for at, item in enumerate(value))


def _limits(value: Any, metadata: Mapping[Any, Any], where: str) -> None:
    if "low" in metadata and not metadata["low"] <= value <= metadata["high"]:
        raise ConfigError(
            f"{where}: must be {metadata['low']} to {metadata['high']}, not {_short(value)}"
        )
    if "choices" in metadata and value not in metadata["choices"]:
        choices = ", ".join(str(choice) for choice in metadata["choices"])
        raise ConfigError(f"{where}: must be one of {choices}, not {_short(value)}")
