"""The parts of the service: how each is validated for a reload, and checked.

`PARTS` says for every part how a new configuration is validated while the old one runs, and how
`fer-edge check` tests it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np

from edge.camera.source import open_frames, pictures_only, refuse_wrong
from edge.config.alerts import resolve
from edge.config.checks import idle_reactions, unreachable_rules
from edge.config.schema import Config
from edge.errors import CameraError, ModelError
from edge.expressions.classifier import Classifier
from edge.expressions.model_card import read_card
from edge.faces.detector import Detector
from edge.messaging.credentials import read_credentials
from edge.records import Box
from edge.redact import redacted
from edge.service.directories import free_gb, validate_path, validate_unlocked
from edge.service.limits import overrides


class Found(NamedTuple):
    """Result line and warnings of a check; `skipped` if the part could not be checked."""

    text: str
    warnings: tuple[str, ...] = ()
    skipped: bool = False


class Part(NamedTuple):
    """One part: both functions raise `FerEdgeError`.

    `validate(new, running)` opens nothing that the running service has open; `check` really
    uses it.
    """

    name: str
    validate: Callable[[Config, Config], None]
    check: Callable[[Config], Found]


def validate(config: Config, running: Config) -> None:
    """Raise `FerEdgeError` if `config` cannot run, as far as `running` lets that be checked."""
    for part in PARTS:
        part.validate(config, running)


# Models


def _validate_model(config: Config, _running: Config) -> None:
    Classifier(config.model.path)


def _check_model(config: Config) -> Found:
    classifier = Classifier(config.model.path)
    _, height, width, _ = classifier.card.input_shape
    classifier(np.zeros((height, width), np.uint8), Box(0, 0, width, height))
    labels = ", ".join(classifier.labels)
    return Found(f"{config.model.path}: {width}x{height}, {labels} ({classifier.runtime})")


def _validate_faces(config: Config, _running: Config) -> None:
    Detector(config.faces)


def _check_faces(config: Config) -> Found:
    Detector(config.faces)
    return Found(f"{config.faces.detector}, with {config.faces.model}")


# Alerts


def _validate_alerts(config: Config, _running: Config) -> None:
    resolve(config.alerts, read_card(config.model.path).labels)
    _services(config)


def _check_alerts(config: Config) -> Found:
    try:
        labels = read_card(config.model.path).labels
    except ModelError:
        return Found("skipped: the model cannot be read", skipped=True)
    # Here, not above: the service without a broker does without SQLite.
    from edge.messaging.limits_table import read_limits  # noqa: PLC0415
    from edge.messaging.outbox import NAME  # noqa: PLC0415

    resolve(config.alerts, labels)
    names = ", ".join(config.counting_alerts + config.other_alerts) or "none configured"
    services = "".join(f"; {each}" for each in _services(config))
    doubts = (
        *unreachable_rules(config),
        *idle_reactions(config),
        *overrides(config, read_limits(config.state.directory / NAME)),
    )
    return Found(names + services, doubts)


def _services(config: Config) -> list[str]:
    """Return who is notified of which alert; raise `ConfigError` where that cannot be."""
    if not any(alert.notify for alert in config.reactions + config.last_reactions):
        return []
    from edge.messaging.notify import open_services  # noqa: PLC0415

    open_services(config.last_reactions)
    return [f"{name} notifies {each}" for name, each in open_services(config.reactions).items()]


# Camera


def _validate_camera(config: Config, _running: Config) -> None:
    refuse_wrong(config.camera)


def _check_camera(config: Config) -> Found:
    with closing(open_frames(config.camera)) as frames:
        for frame in pictures_only(frames):
            height, width = frame.gray.shape
            return Found(f"{redacted(config.camera.source)}: a picture of {width}x{height}")
    raise CameraError(f"{redacted(config.camera.source)}: no picture")


# Diary and state


def _validate_diary(config: Config, running: Config) -> None:
    directory = config.diary.directory
    validate_path(directory, "diary.directory")
    if directory.resolve() != running.diary.directory.resolve():  # that one's lock is ours
        validate_unlocked(directory)


def _validate_state(config: Config, _running: Config) -> None:
    validate_path(config.state.directory, "state.directory")


def _check_diary(config: Config) -> Found:
    return _free(config.diary.directory, "diary.directory")


def _check_state(config: Config) -> Found:
    return _free(config.state.directory, "state.directory")


def _free(directory: Path, key: str) -> Found:
    return Found(f"{directory}: {free_gb(directory, key):.1f} GB free")


# Broker


def _validate_broker(config: Config, _running: Config) -> None:
    if config.mqtt.host:
        read_credentials(config.mqtt)


def _check_broker(config: Config) -> Found:
    if not config.mqtt.host:
        return Found("none configured (mqtt.host); alerts only go to the log")
    from edge.messaging.probe import probe  # noqa: PLC0415

    return Found(probe(config))


#: In this order they are validated and checked.
PARTS = (
    Part("model", _validate_model, _check_model),
    Part("faces", _validate_faces, _check_faces),
    Part("alerts", _validate_alerts, _check_alerts),
    Part("camera", _validate_camera, _check_camera),
    Part("diary", _validate_diary, _check_diary),
    Part("state", _validate_state, _check_state),
    Part("broker", _validate_broker, _check_broker),
)
