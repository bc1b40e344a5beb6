"""`fer-edge bench`: what the loop costs on this machine, and what it finds for that.

CPU time and one thread throughout. After every frame of ours the same process does a full Haar
scan of the same picture: what else the machine does meanwhile hits both alike.
"""

from __future__ import annotations

import dataclasses
import gc
import logging
import os
import platform
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from edge.bench import processes
from edge.bench.haar import FullHaar
from edge.bench.loop import DEVICE, Numbers, Pass, Timed, measure
from edge.bench.quality import score
from edge.bench.scenes import STILL_FPS, played, resized, still
from edge.camera.source import is_file
from edge.config.schema import Config, MqttConfig, StateConfig
from edge.errors import CameraError, UsageError
from edge.expressions.classifier import Classifier
from edge.packaged import CLIP
from edge.records import Frame
from edge.stage_timer import STAGES

Report = dict[str, Any]
SIZES = (640, 480), (1920, 1080)
#: Of the still scene: what is counted, once the search for faces at the start is over.
_STILL_FRAMES, _STILL_FROM = 40 * STILL_FPS, 5 * STILL_FPS
#: Of a source, for the comparison of sizes.
_SIZED_FRAMES = 250
#: Frames needed of each number of faces to say what one more face costs.
_ENOUGH = 10
log = logging.getLogger(__name__)


class Request(NamedTuple):
    """What is asked for; `source` None is the packaged clip, `frames` None all of them."""

    source: str | None = None
    frames: int | None = None
    allocations: bool = False
    beside_every: int = 1
    """The full scan, and what else is measured beside the loop, get every n-th frame only."""


def bench(
    config: Config,
    request: Request,
    child: Sequence[str],
    beside: Callable[[Frame], object] = lambda _: None,
) -> Report:
    """Return everything measured, as `--json` prints it.

    Diary and outbox are in a temporary folder.
    `child` is the command whose process runs `edge.bench.child.main`. `beside` gets the source's
    frames once our loop and the full scan are done with them. The agreement with the full scan,
    `quality`, is told where it gets every frame. Raises `UsageError` where there is no such video,
    and what the service raises.
    """
    source = str(CLIP) if request.source is None else request.source
    if not is_file(source):
        raise UsageError(f"{source}: not a video file or folder")
    if next(played(source, 1), None) is None:
        raise CameraError(f"{source}: no picture can be read from it")
    with tempfile.TemporaryDirectory(prefix="fer-edge-bench-") as name:
        folder = Path(name)
        report = _about(config, source)
        log.info("memory and start, in processes of their own")
        alone = _alone(config, source, folder)
        report |= processes.memory_and_start(child, alone, request.frames)
        # One thread from here on, also for the decoder, whose work then counts as capture.
        cv2.setNumThreads(1)
        os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "threads;1")
        report |= _loop(config, played(source, request.frames), folder, _Beside(request, beside))
        report |= _scenes(alone, request, source, folder)
        if request.allocations:
            log.info("growth of memory")
            report["allocations"] = processes.allocations(child, alone)
    return report


def _about(config: Config, source: str) -> Report:
    classifier = Classifier(config.model.path)
    return {
        "source": source,
        "machine": platform.machine(),
        "python": platform.python_version(),
        "opencv": cv2.__version__,
        "runtime": classifier.runtime,
        "model": config.model.path.name,
        "broker": config.mqtt.host and f"{config.mqtt.host} as {config.mqtt.prefix}/{DEVICE}",
    }


def _alone(config: Config, source: str, folder: Path) -> Config:
    """Return the configuration of a separate process.

    It has no broker, which has its own pace.
    """
    return dataclasses.replace(
        config,
        camera=dataclasses.replace(config.camera, source=source),
        diary=dataclasses.replace(config.diary, directory=folder / "alone"),
        state=StateConfig(directory=folder / "alone"),
        mqtt=MqttConfig(),
    )


class _Beside:
    """The full scan and what else is to be measured, after each of our frames or every n-th."""

    def __init__(self, request: Request, more: Callable[[Frame], object]) -> None:
        self.every, self._more = request.beside_every, more
        self.haar = Timed(FullHaar())
        self._count = 0

    def __call__(self, frame: Frame) -> None:
        """Measure one frame, if it is one of them."""
        if self._count % self.every == 0:
            self.haar(frame.gray)
            self._more(frame)
        self._count += 1


def _loop(config: Config, frames: Iterable[Frame], folder: Path, beside: _Beside) -> Report:
    """Measure the loop, with the full scan and others after its frames."""
    gc.collect()
    gc.freeze()  # what has been loaded so far is not the loop's garbage
    log.info("the loop, beside full Haar")
    made = measure(config, frames, folder, beside)
    ms = made.cpu_ms
    report = {
        "frames": len(ms),
        "face_frames": sum(map(len, made.faces)),
        "tracks": len({face.track for faces in made.faces for face in faces}),
        "cpu_ms": spread(ms),
        "stages": dict(zip(STAGES, made.stages_ms.mean(axis=0).tolist(), strict=True)),
        "fps": 1000 / float(made.stages_ms.sum(axis=1).mean()),
        "full_haar_ms": float(np.mean(beside.haar.ms)),
        "extra_face_ms": extra_face_ms(ms, [len(faces) for faces in made.faces]),
    }
    if beside.every == 1:
        report["quality"] = _quality(config, beside.haar.answers, made)
    return report


def _quality(config: Config, haar: Any, made: Pass) -> Report:
    large = score(haar, made.faces, config.faces.min_px)
    return dataclasses.asdict(score(haar, made.faces)) | {"recall_min_px": large.recall}


def _scenes(config: Config, request: Request, source: str, folder: Path) -> Report:
    """Measure a scene in which nothing happens, and the source in two sizes."""

    def mean_ms(frames: Iterable[Frame], start: int = 0) -> float:
        return float(measure(config, frames, folder).cpu_ms[start:].mean())

    log.info("an empty still scene, and the source in other sizes")
    most = min(request.frames or _SIZED_FRAMES, _SIZED_FRAMES)
    return {
        "still_ms": mean_ms(still(_STILL_FRAMES), _STILL_FROM),
        "still_noisy_ms": mean_ms(still(_STILL_FRAMES, noisy=True), _STILL_FROM),
        "resolution_ms": {
            f"{width}x{height}": mean_ms(resized(played(source, most), width, height))
            for width, height in SIZES
        },
    }


def spread(ms: Iterable[float]) -> dict[str, float]:
    """Return how costs are spread over the frames."""
    costs: Numbers = np.array(list(ms))
    return {
        "mean": float(costs.mean()),
        "median": float(np.median(costs)),
        "p99": float(np.percentile(costs, 99)),
        "max": float(costs.max()),
    }


def extra_face_ms(ms: Numbers, faces: list[int]) -> float | None:
    """Return the slope of a frame's cost over its faces, by least squares.

    Only frames with faces count.
    None where fewer than two numbers of faces have `_ENOUGH` frames.
    """
    counts = np.array(faces)
    common = [n for n in set(faces) if n and (counts == n).sum() >= _ENOUGH]
    chosen = np.isin(counts, common)
    return float(np.polyfit(counts[chosen], ms[chosen], 1)[0]) if len(common) > 1 else None
