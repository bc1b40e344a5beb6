"""A folder of pictures is not a film: each is searched in full, each face is read."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.camera.source import open_frames, pictures_only
from edge.config.schema import CameraConfig, FacesConfig
from edge.diary import layout, reader
from edge.faces.detector import Detector
from edge.packaged import CLIP
from edge.records import ByteArray
from tests.conftest import Run

#: Faces in each picture, left to right: the place and the width of a square with one.
GROUPS: list[list[tuple[int, int, int]]] = [
    [(40, 60, 200), (330, 120, 240)],
    [(20, 30, 180), (230, 60, 150), (420, 200, 200)],
    [(300, 150, 300)],
    [],
    [(30, 20, 140), (190, 30, 160), (370, 20, 130), (60, 260, 190), (380, 240, 220)],
]


def face() -> ByteArray:
    """A square with a face, from the packaged clip."""
    frame = next(pictures_only(open_frames(CameraConfig(source=str(CLIP)))))
    size = min(frame.gray.shape)
    left = (frame.gray.shape[1] - size) // 2
    return np.asarray(frame.gray[:size, left : left + size].copy(), np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "photos"
    place.mkdir()
    square = face()
    for number, group in enumerate(GROUPS):
        picture = np.full((480, 640), 110, np.uint8)
        for left, top, side in group:
            small = cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA)
            picture[top : top + side, left : left + side] = small
        cv2.imwrite(str(place / f"{number}.png"), picture)
    return place


def test_every_face_of_every_picture_gets_a_row_and_its_file_is_in_the_log(
    fer_edge: Run, folder: Path, tmp_path: Path
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[diary]\ndirectory = "{tmp_path}"\n[camera]\nfps = 10\n')
    done = fer_edge("run", "-v", "--config", config, "--source", folder)
    assert done.returncode == 0, done.stderr
    found = reader.rows(tmp_path / layout.NAME)
    rows = [row.as_dict() for row in found if row.face is not None]
    for number, group in enumerate(GROUPS):
        there = [row for row in rows if f"T00:00:00.{number}00" in row["time"]]
        centres = sorted(int(row["x"]) + int(row["width"]) / 2 for row in there)
        expected = sorted(left + side / 2 for left, _, side in group)
        assert centres == pytest.approx(expected, abs=20), number
        assert f"picture at 0.{number}00 s: {folder}/{number}.png" in done.stderr
    faces = [row["face"] for row in rows]
    assert len(set(faces)) == len(faces), "each is a face of its own"


def test_the_search_of_a_picture_leaves_the_numbers_growing(folder: Path) -> None:
    detector = Detector(FacesConfig(), first_track=7)
    tracks = [
        face.track
        for frame in pictures_only(open_frames(CameraConfig(source=str(folder))))
        for face in detector.find(frame)
    ]
    assert tracks[0] >= 7
    assert len(set(tracks)) == len(tracks)
