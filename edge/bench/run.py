"""`fer-edge bench`: what the loop costs on this machine, and what it finds for that.

CPU time and one thread throughout. After every frame of ours the same process does a full Haar
scan of the same picture and, to compare, a turn of the classic loop: what else the machine does
meanwhile hits all alike.
"""

from __future__ import annotations

import dataclasses
import gc
import logging
import os
import platform
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from edge.bench import processes
from edge.bench.classic import FullHaar, Rivals, rivals
from edge.bench.loop import DEVICE, Numbers, Pass, Timed, measure
from edge.bench.quality import score
from edge.bench.scenes import STILL_FPS, played, resized, still
from edge.camera import is_file
from edge.config import Config, Mqtt, State
from edge.daemon import read_model
from edge.demo import CLIP
from edge.errors import CameraError, UsageError
from edge.records import Frame
from edge.stopwatch import STAGES

Report = dict[str, Any]
SIZES = (640, 480), (1920, 1080)
#: Of the still scene: what is counted, once the search for faces at the start is over.
_STILL_FRAMES, _STILL_FROM = 40 * STILL_FPS, 5 * STILL_FPS
#: Of a source, for the comparison of sizes.
_SIZED_FRAMES = 250
#: At least so many frames of each number of faces tell what one more face costs.
_ENOUGH = 10
log = logging.getLogger(__name__)


class Request(NamedTuple):
    """What is asked for; `source` None is the packaged clip, `frames` None all of them."""

    source: str | None = None
    frames: int | None = None
    compare: bool = False
    classic_tflite: Path | None = None
    allocations: bool = False


def bench(config: Config, request: Request) -> Report:
    """Everything measured, as `--json` prints it; diary and outbox go to a temporary folder.

    Raises `UsageError` where there is no such video, and what the daemon raises.
    """
    source = str(CLIP) if request.source is None else request.source
    if not is_file(source):
        raise UsageError(f"{source}: no such video file or folder, which can be played again")
    if next(played(source, 1), None) is None:
        raise CameraError(f"{source}: no picture can be read from it")
    with tempfile.TemporaryDirectory(prefix="fer-edge-bench-") as name:
        folder = Path(name)
        report = _about(config, source)
        others = rivals(config, request.classic_tflite, folder) if request.compare else {}
        log.info("memory and start, in processes of their own")
        alone = _alone(config, source, folder)
        report |= processes.memory_and_start(alone, request.frames)
        # One thread from here on, also for the decoder, whose work then counts as capture.
        cv2.setNumThreads(1)
        os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "threads;1")
        report |= _loop(config, played(source, request.frames), folder, others)
        report |= _scenes(alone, request, source, folder)
        if request.allocations:
            log.info("growth of memory")
            report["allocations"] = processes.allocations(alone)
    return report


def _about(config: Config, source: str) -> Report:
    classifier, _ = read_model(config)
    return {
        "source": source,
        "machine": platform.machine(),
        "python": platform.python_version(),
        "opencv": cv2.__version__,
        "runtime": classifier.runtime,
        "model": config.model.path,
        "broker": config.mqtt.host and f"{config.mqtt.host} as {config.mqtt.prefix}/{DEVICE}",
    }


def _alone(config: Config, source: str, folder: Path) -> Config:
    """For the service in a process of its own: without a broker, which has its own pace."""
    return dataclasses.replace(
        config,
        camera=dataclasses.replace(config.camera, source=source),
        log=dataclasses.replace(config.log, directory=str(folder / "alone")),
        state=State(directory=str(folder / "alone")),
        mqtt=Mqtt(),
    )


def _loop(config: Config, frames: Iterable[Frame], folder: Path, others: Rivals) -> Report:
    """The loop, with the full scan and the classic loops beside it."""
    haar = Timed(FullHaar())
    gc.collect()
    gc.freeze()  # what TensorFlow and we have loaded is no garbage of the loop

    def beside(frame: Frame) -> None:
        haar(frame.gray)
        if others:
            colour = np.asarray(cv2.cvtColor(frame.gray, cv2.COLOR_GRAY2BGR), np.uint8)
            for _, classic in others.values():
                classic(colour)

    log.info("the loop, beside full Haar%s", "".join(f", {name}" for name in others))
    made = measure(config, frames, folder, beside)
    ms = made.cpu_ms
    classic = {
        name: {"model": model, "cpu_ms": spread(timed.ms)}
        for name, (model, timed) in others.items()
    }
    return {
        "frames": len(ms),
        "face_frames": sum(map(len, made.faces)),
        "cpu_ms": spread(ms),
        "stages": dict(zip(STAGES, made.stages_ms.mean(axis=0).tolist(), strict=True)),
        "fps": 1000 / float(made.stages_ms.sum(axis=1).mean()),
        "full_haar_ms": float(np.mean(haar.ms)),
        "classic": classic,
        "ratio": {
            name: float(np.mean(others[name][1].ms) / ms.mean()) if name in others else None
            for name in ("classic_keras", "classic_tflite")
        },
        "quality": _quality(config, haar.answers, made),
        "extra_face_ms": extra_face_ms(ms, [len(faces) for faces in made.faces]),
    }


def _quality(config: Config, haar: Any, made: Pass) -> Report:
    large = score(haar, made.faces, config.faces.min_px)
    return dataclasses.asdict(score(haar, made.faces)) | {"recall_min_px": large.recall}


def _scenes(config: Config, request: Request, source: str, folder: Path) -> Report:
    """A scene in which nothing happens, and the source in two sizes."""

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
    """How costs are spread over the frames."""
    costs: Numbers = np.array(list(ms))
    return {
        "mean": float(costs.mean()),
        "median": float(np.median(costs)),
        "p99": float(np.percentile(costs, 99)),
        "max": float(costs.max()),
    }


def extra_face_ms(ms: Numbers, faces: list[int]) -> float | None:
    """The slope of a frame's cost over its faces, by least squares over frames with faces.

    None where fewer than two numbers of faces have `_ENOUGH` frames.
    """
    counts = np.array(faces)
    common = [n for n in set(faces) if n and (counts == n).sum() >= _ENOUGH]
    chosen = np.isin(counts, common)
    return float(np.polyfit(counts[chosen], ms[chosen], 1)[0]) if len(common) > 1 else None
