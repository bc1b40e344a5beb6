"""The configuration: frozen records whose defaults are the product's (see `edge.config.loader`).

Every default is written here, and only here (`alerts` has those of an alert). `config.toml` at the
top of the repository documents each key. Paths are absolute or relative to the working directory:
`~` and systemd's directories are resolved when the configuration is loaded.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from pathlib import Path

from edge.config.actions import AlertReactions, ReactionsConfig
from edge.config.alerts import BLIND, TREND, AlertConfig, reactions_of
from edge.config.binding import limited, one_of, text_or_number
from edge.config.names import slug
from edge.config.paths import diary_directory, face_model_path, model_path, state_directory

#: Bytes of a string in MQTT, which counts them in 16 bits.
LONGEST = 65535


@dataclass(frozen=True)
class CameraConfig:
    """Where pictures come from: `auto`, `picamera2`, a device, a URL, a video file, a folder."""

    source: str = text_or_number("auto")
    width: int = limited(640, 64, 7680)
    height: int = limited(480, 48, 4320)
    fps: float = limited(15.0, 0.1, 240)
    rotation: int = one_of(0, 0, 90, 180, 270)
    flip: bool = False
    index: int = limited(0, 0, 63)


@dataclass(frozen=True)
class FacesConfig:
    """Which faces count. `ignore`: rectangles `(x, y, width, height)` as fractions of the picture.

    `detector`: what finds them. `model`: the `.tflite` file of a face network, "" for ours.
    `blind_after_h`: hours without a face after which the alert `blind` is raised; 0 for never.
    """

    min_px: int = limited(30, 24, 2000)
    ignore: tuple[tuple[float, float, float, float], ...] = ()
    detector: str = one_of("auto", "auto", "haar", "network")
    model: Path = field(
        default_factory=lambda: face_model_path(""), metadata={"resolve": face_model_path}
    )
    blind_after_h: float = limited(0.0, 0, 8784)


@dataclass(frozen=True)
class ModelConfig:
    """`path`: a `.tflite` file made by fer-convert; the names of those shipped stand for theirs."""

    path: Path = field(
        default_factory=lambda: model_path("default"), metadata={"resolve": model_path}
    )


@dataclass(frozen=True)
class MoodConfig:
    """How often a face is classified and how often that becomes a reading; both in source time."""

    reading_interval_s: float = limited(1.0, 0, 3600)
    rate_hz: float = limited(5.0, 0.1, 240)


@dataclass(frozen=True)
class PerformanceConfig:
    """`cpu_budget`: the share of one core that watching a camera may take."""

    cpu_budget: float = limited(0.5, 0.05, 1)


@dataclass(frozen=True)
class DiaryConfig:
    """The diary: where, how large, how long."""

    directory: Path = field(default_factory=diary_directory)
    max_bytes: int = limited(10_000_000, 4096, 10**12)
    keep_days: int = limited(90, 1, 36500)
    keep_files: int = limited(1000, 1, 10**6)
    fsync_s: float = limited(30.0, 0, 86400)


@dataclass(frozen=True)
class WatchingConfig:
    """When not to watch: `quiet` are times of day, local time (see `edge.config.quiet`)."""

    quiet: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrendConfig(ReactionsConfig):
    """Whether the alert `trend` compares the last week with the weeks before, and what follows it.

    A day counts if faces were read for `min_minutes` or more.
    """

    enabled: bool = False
    min_minutes: float = limited(30.0, 1, 1440)


@dataclass(frozen=True)
class LoggingConfig:
    """What is written to standard error."""

    level: str = one_of("info", "debug", "info", "warning", "error")


@dataclass(frozen=True)
class StateConfig:
    """Where alerts wait until the broker has acknowledged them."""

    directory: Path = field(default_factory=state_directory)


@dataclass(frozen=True)
class MqttConfig:
    """The broker; `host` "" means no MQTT. `discovery`: announce the device to Home Assistant."""

    host: str = ""
    port: int = limited(1883, 1, 65535)
    username: str = ""
    password_file: Path | None = None
    tls: bool = False
    tls_ca: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    prefix: str = "fer-edge"
    discovery: bool = True


@dataclass(frozen=True)
class Config:
    """All of it. `device` "" means the host name; `blind` is what follows the alert `blind`."""

    device: str = ""
    camera: CameraConfig = field(default_factory=CameraConfig)
    faces: FacesConfig = field(default_factory=FacesConfig)
    blind: ReactionsConfig = field(default_factory=ReactionsConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    mood: MoodConfig = field(default_factory=MoodConfig)
    watching: WatchingConfig = field(default_factory=WatchingConfig)
    performance: PerformanceConfig = field(default_factory=PerformanceConfig)
    diary: DiaryConfig = field(default_factory=DiaryConfig)
    trend: TrendConfig = field(default_factory=TrendConfig)
    logging: LoggingConfig = field(default_factory=LoggingConfig)
    state: StateConfig = field(default_factory=StateConfig)
    mqtt: MqttConfig = field(default_factory=MqttConfig)
    alerts: tuple[AlertConfig, ...] = (AlertConfig(),)

    @property
    def device_name(self) -> str:
        """The name in MQTT topics: `[a-z0-9_-]{1,32}`."""
        return slug(self.device) or slug(socket.gethostname())[:32] or "pi"

    @property
    def counting_alerts(self) -> tuple[str, ...]:
        """Names in topics of the alerts that count negative readings."""
        return tuple(slug(alert.name) for alert in self.alerts)

    @property
    def other_alerts(self) -> tuple[str, ...]:
        """Names in topics of the other alerts."""
        enabled = {BLIND: self.faces.blind_after_h > 0, TREND: self.trend.enabled}
        return tuple(name for name, on in enabled.items() if on)

    @property
    def other_reactions(self) -> dict[str, ReactionsConfig]:
        """What would follow the other alerts, by their names, even if they are off."""
        return {BLIND: self.blind, TREND: self.trend}

    @property
    def reactions(self) -> tuple[AlertReactions, ...]:
        """What follows the alerts that may be raised."""
        others = self.other_reactions
        of_others = (AlertReactions.of(name, name, others[name]) for name in self.other_alerts)
        return (*reactions_of(self.alerts), *of_others)

    @property
    def last_reactions(self) -> tuple[AlertReactions, ...]:
        """What follows the end of alerts that were raised when they were switched off."""
        taken = {*self.counting_alerts, *self.other_alerts}
        return tuple(
            AlertReactions.of(name, name, each)
            for name, each in self.other_reactions.items()
            if name not in taken and each.to_its_end
        )
