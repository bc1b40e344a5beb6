"""The configuration: frozen records whose defaults are the product's, and a strict reader of TOML.

Every default lives here, once. `config.toml` at the top of the repository documents each key.
"""

from __future__ import annotations

import dataclasses
import os
import re
import socket
import tomllib
from dataclasses import dataclass
from pathlib import Path

from edge.errors import ConfigError, first_line
from edge.model_card import canonical
from edge.toml_record import limited, one_of, record

SYSTEM_CONFIG = Path("/etc/fer-edge/config.toml")
NAME = re.compile(r"[a-z0-9_-]{1,32}")
#: The alert that no rule raises: there was no face for too long.
BLIND = "blind"
NEGATIVE = ("angry", "disgust", "fear", "sad")


@dataclass(frozen=True)
class Camera:
    """Where pictures come from: `auto`, `picamera2`, a device, an URL, a video file, a folder."""

    source: str = "auto"
    width: int = limited(640, 64, 7680)
    height: int = limited(480, 48, 4320)
    fps: float = limited(15.0, 0.1, 240)
    rotation: int = one_of(0, 0, 90, 180, 270)
    flip: bool = False
    index: int = limited(0, 0, 63)


@dataclass(frozen=True)
class Faces:
    """Which faces count. `ignore`: rectangles `(x, y, width, height)` as shares of the picture.

    `blind_after_h`: hours without a face after which the alert `blind` is raised; 0 for never.
    """

    min_px: int = limited(30, 24, 2000)
    ignore: tuple[tuple[float, float, float, float], ...] = ()
    blind_after_h: float = limited(0.0, 0, 8784)


@dataclass(frozen=True)
class Model:
    """`path`: "default", "tiny", or a `.tflite` file made by fer-convert."""

    path: str = "default"


@dataclass(frozen=True)
class Mood:
    """How often a face is classified and how often that becomes a reading; both in source time."""

    reading_interval_s: float = limited(1.0, 0, 3600)
    rate_hz: float = limited(5.0, 0.1, 240)


@dataclass(frozen=True)
class Performance:
    """`cpu_budget`: the share of one core that watching a camera may take."""

    cpu_budget: float = limited(0.5, 0.05, 1)


@dataclass(frozen=True)
class Log:
    """The diary: where, how large, how long."""

    directory: str = ""
    level: str = one_of("info", "debug", "info", "warning", "error")
    max_bytes: int = limited(10_000_000, 4096, 10**12)
    keep_days: int = limited(90, 1, 36500)
    keep_files: int = limited(1000, 1, 10**6)
    fsync_s: float = limited(30.0, 0, 86400)


@dataclass(frozen=True)
class State:
    """Where alerts wait until the broker has acknowledged them."""

    directory: str = ""


@dataclass(frozen=True)
class Mqtt:
    """The broker; `host` "" means no MQTT."""

    host: str = ""
    port: int = limited(1883, 1, 65535)
    username: str = ""
    password_file: str = ""
    tls: bool = False
    tls_ca: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    prefix: str = "fer-edge"


@dataclass(frozen=True)
class AlertRule:
    """Raised at `count` negative readings within `window_s`, cleared at `clear_count` or fewer.

    `emotions` empty: the negative four, as far as the model knows them. `clear_count` -1: half of
    `count`. After it was cleared an alert stays silent for `cooldown_s`.
    """

    name: str = "negative"
    emotions: tuple[str, ...] = ()
    count: int = limited(30, 1, 10**6)
    window_s: float = limited(120.0, 0.1, 7 * 86400)
    clear_count: int = limited(-1, -1, 10**6)
    min_confidence: float = limited(0.4, 0, 1)
    cooldown_s: float = limited(300.0, 0, 7 * 86400)
    per_face: bool = False


@dataclass(frozen=True)
class Config:
    """All of it. `device` "" means the host name."""

    device: str = ""
    camera: Camera = Camera()
    faces: Faces = Faces()
    model: Model = Model()
    mood: Mood = Mood()
    performance: Performance = Performance()
    log: Log = Log()
    state: State = State()
    mqtt: Mqtt = Mqtt()
    alerts: tuple[AlertRule, ...] = (AlertRule(),)

    @property
    def device_name(self) -> str:
        """The name in MQTT topics: `[a-z0-9_-]{1,32}`."""
        return _slug(self.device) or _slug(socket.gethostname())[:32] or "pi"

    @property
    def log_directory(self) -> Path:
        """Where the diary lies."""
        return _directory(self.log.directory, "LOGS_DIRECTORY")

    @property
    def state_directory(self) -> Path:
        """Where the outbox lies."""
        return _directory(self.state.directory, "STATE_DIRECTORY")


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9_-]", "-", name.lower())


def _directory(configured: str, variable: str) -> Path:
    if configured:
        return expanded(configured)
    given = os.environ.get(variable, "").partition(":")[0]
    if given:
        return Path(given)
    home = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return expanded(home) / "fer-edge"


def expanded(path: str) -> Path:
    """`path` with `~` as the home directory; raises `ConfigError` where there is no such user."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise ConfigError(f"{path}: there is no such home directory; write it in full") from error


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
    if config.device and not NAME.fullmatch(_slug(config.device)):
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


def resolve(rule: AlertRule, labels: tuple[str, ...]) -> AlertRule:
    """`rule` for a model with these `labels`: emotions by their one name, defaults filled in.

    Where the model knows none of the default emotions the rule has none, and is never raised.
    Raises `ConfigError` where the rule itself names an emotion that the model lacks.
    """
    wanted = tuple(dict.fromkeys(canonical(emotion) for emotion in rule.emotions))
    for emotion in wanted:
        if emotion not in labels:
            raise ConfigError(
                f"alerts '{rule.name}': emotions: the model does not know '{emotion}';"
                f" it knows {', '.join(labels)}"
            )
    emotions = wanted or tuple(emotion for emotion in NEGATIVE if emotion in labels)
    clear_count = rule.count // 2 if rule.clear_count < 0 else rule.clear_count
    return dataclasses.replace(rule, emotions=emotions, clear_count=clear_count)
