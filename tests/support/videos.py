"""Small videos, made by the tests themselves."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from edge.camera.source import open_frames, pictures_only
from edge.config.schema import CameraConfig
from edge.records import ByteArray, Frame


def video(path: Path, count: int = 10, fps: float = 10.0) -> Path:
    """A video of `count` pictures, each brighter than the one before."""
    return write(path, [np.full((48, 64, 3), 20 * at, np.uint8) for at in range(count)], fps)


def write(path: Path, pictures: list[ByteArray], fps: float = 10.0, codec: str = "MJPG") -> Path:
    """A video of these colour pictures, each uint8 `(48, 64, 3)`."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), fps, (64, 48))
    for picture in pictures:
        writer.write(picture)
    writer.release()
    return path


def rotation_tag(path: Path, degrees: int) -> Path:
    """Say in an MP4 file, as a phone does, that its pictures are to be turned clockwise.

    The display matrix of the track header box, 44 bytes behind its name (ISO 14496-12, 8.3.2).
    """
    cosine, sine = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    matrix = struct.pack(
        ">9i", cosine << 16, sine << 16, 0, -sine << 16, cosine << 16, 0, 0, 0, 1 << 30
    )
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 44
    content[at : at + len(matrix)] = matrix
    path.write_bytes(content)
    return path


def frames(
    source: object, *, realtime: bool = False, loops: int = 1, **options: object
) -> list[Frame]:
    """All frames of a source that ends, which reuses the memory of its pictures."""
    settings = CameraConfig(source=str(source), **options)  # type: ignore[arg-type]
    opened = pictures_only(open_frames(settings, realtime=realtime, loops=loops))
    return [replace(frame, gray=frame.gray.copy()) for frame in opened]
