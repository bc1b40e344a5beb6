"""Faces of FER2013 on a scene, played through the service's loop as fast as it can, in memory only.

Each face is there for one to two seconds, at two places and in two sizes, in the order of a seed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import cv2
import numpy as np

from convert.faces.degrade import CAMERA
from convert.labels import fer_order
from edge.alerts.rules import Rules
from edge.clock import MediaClock
from edge.config.alerts import AlertConfig, resolve
from edge.config.schema import Config
from edge.expressions.classifier import Classifier
from edge.expressions.smoothing import Smoother
from edge.faces.detector import Detector
from edge.records import Alert, ByteArray, Event, Frame, Reading, Snapshot
from edge.service.loop import run
from edge.service.metrics import Metrics
from edge.service.status import Status
from edge.service.systemd import Notifier
from edge.stage_timer import StageTimer

FPS = 2
WIDTH, HEIGHT = 320, 240
#: Left and upper edge, and width, of each place.
PLACES = ((20, 70, 120), (215, 40, 72))
SHOWN_S = (1.0, 2.0)
#: What `fer-evaluate --robustness` does to pictures, "" for nothing.
CONDITIONS = ("", *CAMERA)
#: FER+'s column of a class of FER2013, and the share of its ten taggers that must have chosen it.
_VOTES: Mapping[str, int] = MappingProxyType({"sad": 3, "angry": 4})
_CLEARLY = 0.8


class Played(NamedTuple):
    """What the loop made of the frames."""

    readings: list[Reading]
    alerts: list[Alert]


class _Diary:
    """Keeps the readings instead of writing them."""

    def __init__(self) -> None:
        self.readings: list[Reading] = []

    def watched(self, frame: Frame) -> None:
        """Nothing is kept of the frames."""

    def write(self, _now_s: float, entries: Iterable[Reading | Event]) -> None:
        self.readings += (entry for entry in entries if isinstance(entry, Reading))


def labelled(data: Path, *labels: str, agreed: float = _CLEARLY) -> ByteArray:
    """The faces of the public test split with these labels, `(N, 48, 48)`, without blank ones.

    Sad and angry faces are those that a number of FER+'s taggers also call so, by default eight of
    ten: clearly sad or angry ones, whatever a model says of them.
    """
    with np.load(data) as arrays:
        pictures, truth, votes = (arrays[f"{each}_public"] for each in ("x", "y", "ferplus"))
    wanted = np.zeros(len(truth), bool)
    for label in labels:
        found = truth == fer_order().index(label)
        if label in _VOTES:
            found &= votes[:, _VOTES[label]] >= agreed * np.maximum(votes.sum(axis=1), 1)
        wanted |= found
    return np.asarray(pictures[wanted & (pictures.std(axis=(1, 2)) > 1)], np.uint8)


def scene(videos: Path) -> ByteArray:
    """A picture without faces."""
    capture = cv2.VideoCapture(str(videos / "pyfeat_no_face.mp4"))
    picture = capture.read()[1]
    capture.release()
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)


def frames(
    faces: ByteArray, behind: ByteArray, condition: str, seconds: float, seed: int = 1
) -> Iterator[Frame]:
    """Yield frames of `faces` before `behind`, all of it in one of `CONDITIONS`."""
    rng, clock = np.random.default_rng(seed), MediaClock()
    degrade = CAMERA.get(condition, np.copy)
    picture = np.asarray(cv2.resize(degrade(behind), (WIDTH, HEIGHT)), np.uint8)
    until_s, waiting = [0.0] * len(PLACES), list(rng.permutation(len(faces)))
    for number in range(round(seconds * FPS)):
        now_s = number / FPS
        for place, (x, y, width) in enumerate(PLACES):
            if now_s < until_s[place]:
                continue
            until_s[place] = now_s + rng.uniform(*SHOWN_S)
            face = degrade(faces[waiting.pop()])
            waiting = waiting or list(rng.permutation(len(faces)))
            large = cv2.resize(face, (width, width), interpolation=cv2.INTER_CUBIC)
            picture[y : y + width, x : x + width] = large
        yield clock.frame(picture, now_s)


def play(source: Iterable[Frame], *alerts: AlertConfig) -> Played:
    """Let the loop run over `source` with the defaults, but for `alerts`."""
    config, timer, diary, told = Config(), StageTimer(), _Diary(), list[Alert]()
    classifier = Classifier(config.model.path)

    def tell(_snapshot: Snapshot, new: Iterable[Alert]) -> None:
        told.extend(new)

    with Notifier("") as notifier:
        run(
            source,
            detector=Detector(config.faces, 1, timer.lap),
            smoother=Smoother(config.mood, classifier.labels, classifier),
            diary=diary,
            rules=Rules(resolve(alerts or config.alerts, classifier.labels)),
            tell=tell,
            listener=lambda _: None,
            notifier=notifier,
            timer=timer,
            status=Status(Metrics(timer, lambda: 1)),
        )
    return Played(diary.readings, told)
