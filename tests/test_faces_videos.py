"""Finding and following faces in real videos, held against a full Haar scan of every frame."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

from edge.bench.quality import Quality, score
from edge.config import Faces
from edge.faces import Finder
from edge.records import Face
from tests.haar_boxes import grays, stored
from tests.samples import frame

WOLFGANG, SINGLE = "pyfeat_WolfgangLanger_Pexels.mp4", "pyfeat_single_face.mp4"
BOOK, STAGE = "intel_asl_book.mkv", "face_recognition_short_hamilton_clip.mp4"
DINNER, NOBODY = "petercunha_dinner.mp4", "pyfeat_no_face.mp4"
FPS = {WOLFGANG: 24, DINNER: 25}

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
def found(path: Path) -> tuple[tuple[Face, ...], ...]:
    finder, fps = Finder(Faces()), FPS.get(path.name, 30)
    return tuple(finder.find(frame(at / fps, gray)) for at, gray in enumerate(grays(path)))


def quality(shared: Path, name: str) -> Quality:
    return score(stored()[name], found(shared / "videos" / name))


@pytest.mark.parametrize(
    ("name", "recall", "precision"),
    [
        (WOLFGANG, 0.98, 0.95),
        (SINGLE, 0.98, 0.95),
        (BOOK, 0.98, 0.95),
        (DINNER, 0.95, 0.94),
        (STAGE, 0.84, 0.95),
    ],
)
def test_it_sees_what_a_full_scan_of_every_frame_sees(
    shared: Path, name: str, recall: float, precision: float
) -> None:
    got = quality(shared, name)
    assert got.recall is not None
    assert got.precision is not None
    assert got.recall >= recall
    assert got.precision >= precision


@pytest.mark.parametrize("name", [WOLFGANG, SINGLE, BOOK, DINNER, STAGE])
def test_numbers_stay_with_their_faces(shared: Path, name: str) -> None:
    got = quality(shared, name)
    assert got.linked_frames > 50
    assert got.id_changes <= max(1, got.linked_frames / 200)


def test_where_nobody_is_nobody_is_seen(shared: Path) -> None:
    assert not any(found(shared / "videos" / NOBODY))


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
