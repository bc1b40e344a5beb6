"""What the benchmark plays: a video, the same in another size, a scene where nothing happens."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing

import cv2
import numpy as np

from edge.camera.source import open_frames, pictures_only
from edge.clock import MediaClock
from edge.config.schema import CameraConfig
from edge.records import ByteArray, Frame

STILL_FPS = 25
#: Standard deviation of a small camera's noise indoors, in gray levels.
_NOISE = 2.0


def played(source: str, most: int | None) -> Iterator[Frame]:
    """Yield the first `most` frames of a video file or a folder; None: all."""
    with closing(open_frames(CameraConfig(source=source))) as frames:
        yield from itertools.islice(pictures_only(frames), most)


def resized(frames: Iterator[Frame], width: int, height: int) -> Iterator[Frame]:
    """Yield the same pictures scaled to fit `width` and `height`, with black borders."""
    clock = MediaClock()
    for frame in frames:
        yield clock.frame(_fitted(frame.gray, width, height), frame.source_s)


def _fitted(gray: ByteArray, width: int, height: int) -> ByteArray:
    scale = min(width / gray.shape[1], height / gray.shape[0])
    size = round(gray.shape[1] * scale), round(gray.shape[0] * scale)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    whole = np.zeros((height, width), np.uint8)
    whole[: size[1], : size[0]] = cv2.resize(gray, size, interpolation=how)
    return whole


def still(count: int, *, noisy: bool = False) -> Iterator[Frame]:
    """Yield an empty room, 640x480: a gradient, constant or with a camera's noise."""
    room = np.linspace(60, 180, 640)[None] + np.linspace(-30, 30, 480)[:, None]
    noise = np.random.default_rng(0).normal(0, _NOISE, (8, 480, 640)) * noisy
    pictures = np.rint(room + noise).astype(np.uint8)
    clock = MediaClock()
    for at in range(count):
        yield clock.frame(pictures[at % len(pictures)], at / STILL_FPS)
