"""Whose number it is: one person keeps one, another gets another, whatever happens in between."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.bench.scenes import played
from edge.config.schema import FacesConfig
from edge.faces.detector import Detector
from edge.records import ByteArray, Face
from tests.support.samples import frame

FPS = 15
EMPTY = np.full((480, 640), 110, np.uint8)
WOMAN, MAN = "pyfeat_WolfgangLanger_Pexels.mp4", "pyfeat_single_face.mp4"


def person(video: Path) -> ByteArray:
    """The face in a video's first frame with some of its surroundings, 240x240."""
    gray = next(iter(played(str(video), 1))).gray
    (face,) = Detector(FacesConfig()).find(frame(0, gray))
    x, y, width, height = face.box.widened(0.25)
    part = cv2.copyMakeBorder(gray, 200, 200, 200, 200, cv2.BORDER_REPLICATE)
    part = part[y + 200 : y + height + 200, x + 200 : x + width + 200]
    return np.asarray(cv2.resize(part, (240, 240), interpolation=cv2.INTER_AREA), np.uint8)


@pytest.fixture(scope="module")
def woman(shared: Path) -> ByteArray:
    return person(shared / "videos" / WOMAN)


@pytest.fixture(scope="module")
def man(shared: Path) -> ByteArray:
    return person(shared / "videos" / MAN)


def room(face: ByteArray | None, left: int = 200, light: float = 1.0) -> ByteArray:
    """A room with a face in it."""
    gray = EMPTY.copy()
    gray[60:420:60] = 150  # something to be lit
    gray[:, ::80] = 70
    if face is not None:
        gray[120:360, left : left + 240] = face
    return np.asarray(np.rint(gray * light), np.uint8)


def watched(pictures: Iterable[ByteArray]) -> list[tuple[Face, ...]]:
    detector = Detector(FacesConfig())
    return [detector.find(frame(at / FPS, gray)) for at, gray in enumerate(pictures)]


def numbers(faces: Iterable[tuple[Face, ...]]) -> set[int]:
    return {face.track for frame in faces for face in frame}


@pytest.mark.parametrize("away", [0, 1, 3, 15])
def test_who_takes_anothers_place_gets_a_number_of_their_own(
    woman: ByteArray, man: ByteArray, away: int
) -> None:
    pictures = [*[room(woman)] * 20, *[room(None)] * away, *[room(man)] * 20]
    faces = watched(pictures)
    first, second = numbers(faces[:20]), numbers(faces[20 + away :])
    assert first
    assert second
    assert not first & second


@pytest.mark.parametrize("away", [1, 3, 15])
def test_who_comes_back_keeps_the_number(woman: ByteArray, away: int) -> None:
    pictures = [*[room(woman)] * 20, *[room(None)] * away, *[room(woman, 210)] * 20]
    faces = watched(pictures)
    assert len(faces[-1]) == 1
    assert numbers(faces) == {1}


def test_nobody_is_reported_who_is_gone(woman: ByteArray) -> None:
    faces = watched([*[room(woman)] * 20, *[room(None)] * 20])
    assert all(faces[1:20])
    assert not any(faces[20:])


def test_a_light_that_is_switched_on_changes_nobodys_number(woman: ByteArray) -> None:
    faces = watched([*[room(woman, light=0.4)] * 20, *[room(woman)] * 20])
    assert numbers(faces) == {1}
    assert all(faces)


def test_a_cut_begins_another_scene_even_where_the_face_is_the_same(shared: Path) -> None:
    """The smoothing starts afresh with it."""
    gray = next(iter(played(str(shared / "videos" / WOMAN), 1))).gray
    other = next(iter(played(str(shared / "videos" / MAN), 1))).gray
    faces = watched([*[gray] * 5, *[other] * 5, *[gray] * 5])
    scenes = [{face.scene for face in faces[at]} for at in (4, 9, 14)]
    assert all(len(scene) == 1 for scene in scenes)
    assert len(set.union(*scenes)) == 3
    assert not numbers(faces[:5]) & numbers(faces[5:10])


def test_the_person_at_the_left_stays_at_the_left(woman: ByteArray, man: ByteArray) -> None:
    """Two that come close to each other, and part again."""
    sides: dict[int, set[str]] = {}
    lefts = [*range(0, 70, 5), *range(70, 0, -5)]
    pictures = []
    for left in lefts:
        gray = room(woman, left)
        gray[120:360, 400 - left : 640 - left] = man
        pictures.append(gray)
    for left, faces in zip(lefts, watched(pictures), strict=True):
        for face in faces:
            middle = face.box.x + face.box.width / 2
            near = abs(middle - (left + 120)) < abs(middle - (520 - left))
            sides.setdefault(face.track, set()).add("woman" if near else "man")
    assert sorted(map(sorted, sides.values())) == [["man"], ["woman"]]


@pytest.mark.parametrize("step", [6, 10, 20])
@pytest.mark.parametrize("in_front", ["woman", "man"])
def test_two_who_cross_never_swap_numbers(
    woman: ByteArray, man: ByteArray, step: int, in_front: str
) -> None:
    """One passes before the other and hides them; a new number is allowed, the other's is not."""
    people = {"woman": woman, "man": man}
    behind = next(name for name in people if name != in_front)
    lefts = [*[0] * 10, *range(0, 400, step), *[400] * 20]
    pictures = []
    for left in lefts:
        gray = room(people[behind], 400 - left)
        gray[120:360, left : left + 240] = people[in_front]
        pictures.append(gray)
    owners: dict[int, set[str]] = {}
    seen = set()
    for left, faces in zip(lefts, watched(pictures), strict=True):
        for face in faces:
            middle = face.box.x + face.box.width / 2 - 120
            if abs(2 * left - 400) < 80:
                continue  # one face where two are: whose it is cannot be told by its place
            who = in_front if abs(middle - left) < abs(middle - (400 - left)) else behind
            owners.setdefault(face.track, set()).add(who)
            seen.add((who, left > 200))
    assert len(seen) == 4  # both before, both after
    assert all(len(names) == 1 for names in owners.values())
