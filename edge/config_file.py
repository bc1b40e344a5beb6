"""Reads config.toml, strictly: whatever is wrong is named with its place, and what is right."""

from __future__ import annotations

import tomllib
from pathlib import Path

from edge.config import BLIND, NAME, Config, slug
from edge.errors import ConfigError, first_line
from edge.toml_record import record

SYSTEM_CONFIG = Path("/etc/fer-edge/config.toml")


def load(path: Path | None) -> Config:
    """The configuration at `path`, else the system's, else the defaults.

    Raises `ConfigError`, whose text names the file, the key and the fix.
    """
    place = SYSTEM_CONFIG if path is None else path
    try:
        text = place.read_bytes().decode("utf-8-sig")  # some editors begin it with a mark
    except OSError as error:
        if path is None and isinstance(error, FileNotFoundError):
            return Config()
        raise ConfigError(f"{place}: cannot read the configuration: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(f"{place}: must be UTF-8 text (at line {line})") from error
    return parse(text, str(place))


def parse(text: str, name: str) -> Config:
    """The configuration in `text`, TOML; `name` stands before every complaint."""
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # the latter for brackets a thousand deep
        lines = text.rstrip("\n").split("\n")
        end = f"at line {len(lines)}, column {len(lines[-1]) + 1}"
        reason = first_line(error).replace("at end of document", end)
        raise ConfigError(f"{name}: not valid TOML: {reason}") from error
    try:
        config = record(Config, table)
        _check(config)
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from None
    return config


def _check(config: Config) -> None:
    """What no single value shows."""
    if config.device and not NAME.fullmatch(slug(config.device)):
        raise ConfigError("device: must have 1 to 32 characters")
    if not config.camera.source:
        raise ConfigError("camera.source: must not be empty; 'auto' takes the first camera")
    for at, (x, y, width, height) in enumerate(config.faces.ignore):
        if not (0 <= x < 1 and 0 <= y < 1 and 0 < width <= 1 and 0 < height <= 1):
            raise ConfigError(
                f"faces.ignore[{at}]: [x, y, width, height] must be shares from 0 to 1"
            )
    if 0 < config.faces.blind_after_h * 3600 <= config.mood.reading_interval_s:
        raise ConfigError("faces.blind_after_h: must be longer than mood.reading_interval_s")
    prefix = config.mqtt.prefix
    if not prefix or prefix != prefix.strip("/") or set("+#") & set(prefix) or prefix[0] == "$":
        raise ConfigError("mqtt.prefix: must be a topic without + # $ and outer /")
    names = [rule.name for rule in config.alerts]
    for at, rule in enumerate(config.alerts):
        where = f"alerts[{at}]"
        if not NAME.fullmatch(rule.name):
            raise ConfigError(f"{where}.name: must be 1 to 32 of a-z 0-9 _ -, not {rule.name!r}")
        if rule.name == BLIND and config.faces.blind_after_h:
            raise ConfigError(f"{where}.name: '{BLIND}' is the name of faces.blind_after_h's alert")
        if names.count(rule.name) > 1:
            raise ConfigError(f"{where}.name: '{rule.name}' is there twice; names must differ")
        if rule.clear_count >= rule.count:
            raise ConfigError(f"{where}.clear_count: must be below count ({rule.count})")
