"""The configuration: frozen records whose defaults are the product's (read by `edge.config_file`).

Every default lives here, once. `config.toml` at the top of the repository documents each key.
"""

from __future__ import annotations

import dataclasses
import math
import os
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.errors import ConfigError
from edge.model_card import canonical
from edge.toml_record import limited, one_of

NAME = re.compile(r"[a-z0-9_-]{1,32}")
#: The alert that no rule raises: there was no face for too long.
BLIND = "blind"
#: Bytes of a text in MQTT, which counts them in 16 bits.
LONGEST = 65535
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
        return slug(self.device) or slug(socket.gethostname())[:32] or "pi"

    @property
    def log_directory(self) -> Path:
        """Where the diary lies."""
        return _directory(self.log.directory, "LOGS_DIRECTORY")

    @property
    def state_directory(self) -> Path:
        """Where the outbox lies."""
        return _directory(self.state.directory, "STATE_DIRECTORY")


def slug(name: str) -> str:
    """`name` with what no topic should hold replaced by `-`."""
    return re.sub(r"[^a-z0-9_-]", "-", name.lower())


def most_readings(rule: AlertRule, mood: Mood) -> float:
    """How many readings of one face the window of `rule` holds at most."""
    interval_s = mood.reading_interval_s
    return math.ceil(rule.window_s / interval_s) if interval_s else math.inf


def rarities(config: Config) -> Iterator[str]:
    """A line for every alert that no single face can raise."""
    for at, rule in enumerate(config.alerts):
        most = most_readings(rule, config.mood)
        if rule.count > most:
            yield (
                f"alerts[{at}].count: {rule.count} within window_s is more than one face gives,"
                f" a reading every mood.reading_interval_s: at most {most:.0f}"
            )


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
