"""`fer-edge check`: tries every part of an installation and says what to do about the rest."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np

from edge.address import shown
from edge.camera import open_frames
from edge.classifier import Classifier
from edge.config import Config, rarities, resolve
from edge.daemon import model_path
from edge.errors import CameraError, Problem
from edge.probe import probe
from edge.records import Box


class Result(NamedTuple):
    """How one part is: `text` says what was found, or what to do."""

    part: str
    ok: bool
    text: str


def check(config: Config) -> Iterator[Result]:
    """Tries model (and alerts), camera, diary, state and broker, one after the other."""
    parts: dict[str, Callable[[Config], str]] = {
        "model": _model,
        "camera": _camera,
        "diary": lambda config: _writable(config.log_directory, "log.directory"),
        "state": lambda config: _writable(config.state_directory, "state.directory"),
        "broker": _broker,
    }
    for part, attempt in parts.items():
        try:
            yield Result(part, True, attempt(config))
        except Problem as problem:
            yield Result(part, False, str(problem))


def _model(config: Config) -> str:
    path = model_path(config.model.path)
    classifier = Classifier(path)
    for rule in config.alerts:
        resolve(rule, classifier.labels)
    _, height, width, _ = classifier.card.input_shape
    classifier(np.zeros((height, width), np.uint8), Box(0, 0, width, height))
    found = f"{path}: {width}x{height}, {', '.join(classifier.labels)} ({classifier.runtime})"
    return "; ".join([found, *rarities(config)])


def _camera(config: Config) -> str:
    with closing(open_frames(config.camera, threading.Event())) as frames:
        for frame in frames:
            height, width = frame.gray.shape
            return f"{shown(config.camera.source)}: a picture of {width}x{height}"
    raise CameraError(f"{shown(config.camera.source)}: no picture")


def _writable(directory: Path, key: str) -> str:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory) as file:
            file.write(b"\0" * 4096)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise Problem(f"{key}: cannot write to {directory}: {reason}") from error
    return f"{directory}: {shutil.disk_usage(directory).free / 1e9:.1f} GB free"


def _broker(config: Config) -> str:
    if not config.mqtt.host:
        return "none configured (mqtt.host); alerts go to the log alone"
    return probe(config.mqtt, config.device_name)
