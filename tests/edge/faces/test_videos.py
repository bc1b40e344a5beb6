"""Finding and following faces in real videos, held against what a strong detector sees there."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from pathlib import Path

import cv2
import pytest

from convert.detection.clips import ClipScore
from edge.bench.scenes import played
from edge.config.schema import FacesConfig
from edge.faces.detector import Detector
from edge.packaged import CLIP
from edge.records import Face
from tests.support.known_faces import Known, known_faces, numbers, score

pytestmark = pytest.mark.slow

WOLFGANG, SINGLE = "pyfeat_WolfgangLanger_Pexels.mp4", "pyfeat_single_face.mp4"
BOOK, STAGE = "intel_asl_book.mkv", "face_recognition_short_hamilton_clip.mp4"
DINNER, NOBODY = "petercunha_dinner.mp4", "pyfeat_no_face.mp4"

#: Who is where in the dinner scene, as a person sees it: the middle of the face in pixels.
WHO = {
    "woman": {
        16: (537, 140), 32: (529, 133), 48: (530, 133), 64: (527, 131), 80: (533, 135),
        96: (520, 127), 112: (525, 131), 128: (526, 152), 144: (513, 152), 160: (516, 137),
        176: (501, 165), 192: (480, 163), 208: (501, 152), 224: (480, 148), 240: (469, 162),
        256: (472, 165), 304: (489, 156), 320: (497, 137), 336: (490, 147), 352: (473, 154),
        368: (474, 160), 384: (503, 149), 400: (528, 140),
    },
    "girl": {
        16: (333, 275), 48: (322, 275), 80: (325, 278), 112: (325, 276), 144: (307, 268),
        176: (300, 276), 208: (305, 275), 240: (300, 278), 304: (286, 270), 336: (285, 274),
        368: (277, 276), 400: (277, 269), 432: (267, 273), 464: (274, 284), 496: (277, 275),
    },
    "sister": {16: (393, 251), 32: (399, 253), 48: (402, 254), 64: (400, 251)},
    "grandfather": {
        160: (714, 263), 176: (711, 259), 192: (710, 255), 208: (710, 266), 224: (704, 265),
        384: (708, 258), 400: (709, 254), 416: (709, 254), 448: (703, 253), 464: (697, 258),
    },
    "father": {304: (177, 256)},
}  # fmt: skip


@cache
def found(path: Path, detector: str = "auto") -> tuple[tuple[Face, ...], ...]:
    cv2.setNumThreads(1)
    finder = Detector(FacesConfig(detector=detector))
    return tuple(finder.find(frame) for frame in played(str(path), None))


def known(shared: Path, name: str) -> list[list[Known]]:
    return known_faces(shared / "data" / "clip_faces.npz")[Path(name).stem]


def scored(shared: Path, name: str, detector: str = "auto") -> ClipScore:
    return score(known(shared, name), found(shared / "videos" / name, detector))


@pytest.mark.parametrize(
    ("name", "share"),
    [(WOLFGANG, 0.99), (SINGLE, 0.99), (BOOK, 0.97), (DINNER, 0.85), (STAGE, 0.6)],
)
def test_clear_faces_are_found(shared: Path, name: str, share: float) -> None:
    got = scored(shared, name)
    assert got.found >= share * got.clear


@pytest.mark.parametrize("name", [WOLFGANG, SINGLE, BOOK, DINNER, STAGE])
@pytest.mark.parametrize("detector", ["auto", "haar", "network"])
def test_what_is_reported_is_a_face(shared: Path, name: str, detector: str) -> None:
    got = scored(shared, name, detector)
    assert got.reported > 50
    assert got.wrong <= 0.01 * got.reported


@pytest.mark.parametrize("name", [WOLFGANG, SINGLE, BOOK])
@pytest.mark.parametrize("detector", ["auto", "haar", "network"])
def test_one_steady_face_is_read_in_every_frame(shared: Path, name: str, detector: str) -> None:
    got = scored(shared, name, detector)
    assert got.read >= (0.95 if detector == "haar" else 0.99) * got.frames


@pytest.mark.parametrize("name", [WOLFGANG, SINGLE, BOOK, DINNER, STAGE])
def test_numbers_stay_with_their_faces(shared: Path, name: str) -> None:
    got = numbers(known(shared, name), found(shared / "videos" / name))
    assert got.linked > 50
    assert got.changes <= max(1, got.linked / 200)


@pytest.mark.parametrize("detector", ["auto", "haar", "network"])
def test_where_nobody_is_nobody_is_seen(shared: Path, detector: str) -> None:
    assert not any(found(shared / "videos" / NOBODY, detector))


@pytest.mark.parametrize("detector", ["auto", "haar", "network"])
def test_the_packaged_clips_face_is_followed_throughout(detector: str) -> None:
    faces = found(CLIP, detector)
    assert sum(map(bool, faces)) >= 0.97 * len(faces)
    assert {face.track for frame in faces for face in frame} == {1}
    turned = sum(face.turned for frame in faces for face in frame)
    assert turned <= (0.05 * len(faces) if detector == "network" else 0)


def test_nobody_at_the_table_is_taken_for_another(shared: Path) -> None:
    faces = found(shared / "videos" / DINNER)
    people: dict[int, set[str]] = defaultdict(set)
    seen = 0
    for person, places in WHO.items():
        for at, (x, y) in places.items():
            for face in faces[at]:
                left, top, width, height = face.box
                if abs(left + width / 2 - x) < width / 3 and abs(top + height / 2 - y) < height / 3:
                    people[face.track].add(person)
                    seen += 1
    assert seen >= 0.85 * sum(map(len, WHO.values()))
    assert all(len(names) == 1 for names in people.values())


def test_a_video_gives_the_same_faces_every_time(shared: Path) -> None:
    path = shared / "videos" / STAGE
    assert found.__wrapped__(path) == found(path)
