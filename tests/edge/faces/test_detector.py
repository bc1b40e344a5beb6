"""Finding faces with the real cascade, and following them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.config.schema import FacesConfig
from edge.faces.detector import Detector
from edge.faces.track import LOST_S
from edge.records import Box, ByteArray
from tests.conftest import ROOT
from tests.support.samples import frame

FPS = 15


@pytest.fixture(scope="module")
def picture() -> ByteArray:
    """A 640x480 picture with an average face in its middle."""
    capture = cv2.VideoCapture(str(ROOT / "edge" / "assets" / "average-faces.mp4"))
    picture = capture.read()[1]
    capture.release()
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)


@pytest.fixture(scope="module")
def cutout(picture: ByteArray) -> ByteArray:
    """The face with some of its surroundings."""
    (found,) = Detector(FacesConfig()).find(frame(0, picture))
    x, y, width, height = found.box
    return picture[y - 30 : y + height + 30, x - 30 : x + width + 30]


def scene(cutout: ByteArray, *places: tuple[int, int], width: int = 1000) -> ByteArray:
    """A gray picture with the face at each of `places` (left, top)."""
    gray = np.full((480, width), int(cutout[0].mean()), np.uint8)
    for x, y in places:
        gray[y : y + cutout.shape[0], x : x + cutout.shape[1]] = cutout
    return gray


def test_an_average_face_is_found_once_and_where_it_is(picture: ByteArray) -> None:
    (face,) = Detector(FacesConfig()).find(frame(0, picture))
    middle = face.box.x + face.box.width / 2, face.box.y + face.box.height / 2
    height, width = picture.shape
    assert middle == pytest.approx((width / 2, height / 2), abs=40)
    assert face.track == 1


def test_a_still_face_keeps_its_number_and_its_box_hardly_moves(picture: ByteArray) -> None:
    finder = Detector(FacesConfig())
    faces = [finder.find(frame(at / FPS, picture)) for at in range(3 * FPS)]
    assert all(len(found) == 1 for found in faces)
    assert {found[0].track for found in faces} == {1}
    assert min(faces[0][0].box.overlap(found[0].box) for found in faces) > 0.7


def test_a_moving_face_keeps_its_number(cutout: ByteArray) -> None:
    finder = Detector(FacesConfig())
    tracks = set()
    for at in range(40):
        found = finder.find(frame(at / FPS, scene(cutout, (20 + 10 * at, 60))))
        tracks |= {face.track for face in found}
    assert tracks == {1}


def test_two_faces_have_numbers_of_their_own(cutout: ByteArray) -> None:
    finder = Detector(FacesConfig())
    both = scene(cutout, (50, 60), (550, 60))
    boxes: dict[int, set[bool]] = {}
    for at in range(2 * FPS):
        for face in finder.find(frame(at / FPS, both)):
            boxes.setdefault(face.track, set()).add(face.box.x < 500)
    assert sorted(boxes) == [1, 2]
    assert all(len(sides) == 1 for sides in boxes.values()), "a number jumped to the other face"


def test_a_newcomer_is_found_within_a_second(cutout: ByteArray) -> None:
    finder = Detector(FacesConfig())
    finder.find(frame(0, scene(cutout, (50, 60))))
    both = scene(cutout, (50, 60), (550, 60))
    assert any(len(finder.find(frame(at / FPS, both))) == 2 for at in range(1, FPS))


def test_two_faces_that_cross_keep_their_numbers(cutout: ByteArray) -> None:
    """One passes below the other."""
    finder = Detector(FacesConfig())
    sides: dict[int, set[bool]] = {}
    for at in range(60):
        gray = scene(cutout, (60 + 10 * at, 0), (650 - 10 * at, 480 - cutout.shape[0]))
        for face in finder.find(frame(at / FPS, gray)):
            sides.setdefault(face.track, set()).add(face.box.y > 150)
    assert sorted(map(len, sides.values())) == [1, 1]


def test_a_face_that_leaves_ends_its_track(cutout: ByteArray) -> None:
    finder = Detector(FacesConfig())
    for at in range(10):
        assert finder.find(frame(at / FPS, scene(cutout, (50, 60))))
    gone = [finder.find(frame(at / FPS, scene(cutout))) for at in range(10, 120)]
    assert not any(gone)
    assert finder.idle


def test_a_still_scene_is_searched_once_and_then_left_alone(cutout: ByteArray) -> None:
    finder = Detector(FacesConfig())
    for at in range(100):
        finder.find(frame(at / FPS, scene(cutout)))
    assert finder.idle
    assert any(finder.find(frame((100 + at) / FPS, scene(cutout, (50, 60)))) for at in range(5))


@pytest.mark.parametrize(("away_s", "same"), [(LOST_S * 0.5, True), (LOST_S * 2, False)])
def test_a_face_that_comes_back_soon_is_the_same_one(
    picture: ByteArray, away_s: float, same: bool
) -> None:
    finder = Detector(FacesConfig())
    nobody = np.full_like(picture, 128)
    (before,) = finder.find(frame(0, picture))
    assert finder.find(frame(away_s / 2, nobody)) == ()
    assert finder.find(frame(away_s, nobody)) == ()
    back = [f for at in range(FPS) for f in finder.find(frame(away_s + (at + 1) / FPS, picture))]
    assert (back[0].track == before.track) is same


def test_numbers_begin_where_they_are_told(picture: ByteArray) -> None:
    (face,) = Detector(FacesConfig(), first_track=42).find(frame(0, picture))
    assert face.track == 42


def test_a_face_whose_centre_is_in_an_ignored_rectangle_is_not_there(cutout: ByteArray) -> None:
    both = scene(cutout, (50, 60), (550, 60))
    left = FacesConfig(ignore=((0.0, 0.0, 0.5, 1.0),))
    assert [face.box.x > 500 for face in Detector(left).find(frame(0, both))] == [True]
    everywhere = FacesConfig(ignore=((0.0, 0.0, 1.0, 1.0),))
    assert Detector(everywhere).find(frame(0, both)) == ()


def test_smaller_faces_than_min_px_are_not_looked_for(picture: ByteArray) -> None:
    (face,) = Detector(FacesConfig()).find(frame(0, picture))
    assert Detector(FacesConfig(min_px=face.box.width * 2)).find(frame(0, picture)) == ()


@pytest.mark.parametrize("shape", [(1, 1), (5, 400), (400, 5), (23, 23), (24, 24), (70, 70)])
def test_tiny_pictures_hold_no_face_and_do_no_harm(shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    finder = Detector(FacesConfig(min_px=24))
    for at in range(3):
        assert finder.find(frame(at, noise)) == ()


def test_a_frame_of_another_size_does_no_harm(picture: ByteArray) -> None:
    finder = Detector(FacesConfig())
    finder.find(frame(0, picture))
    assert finder.find(frame(0.1, picture[:100, :100])) == ()


def test_boxes_lie_within_the_frame_in_a_real_video(shared: Path) -> None:
    capture = cv2.VideoCapture(str(shared / "videos" / "face_recognition_short_hamilton_clip.mp4"))
    finder, seen = Detector(FacesConfig()), 0
    for at in range(120):
        gray = np.asarray(cv2.cvtColor(capture.read()[1], cv2.COLOR_BGR2GRAY), np.uint8)
        height, width = gray.shape
        for face in finder.find(frame(at / 30, gray)):
            seen += 1
            assert 0 <= face.box.x <= width - face.box.width
            assert 0 <= face.box.y <= height - face.box.height
    capture.release()
    assert seen


BOXES = st.builds(
    Box, st.integers(0, 50), st.integers(0, 50), st.integers(1, 50), st.integers(1, 50)
)


@given(BOXES, BOXES)
def test_overlap_and_inside_are_what_counting_pixels_gives(a: Box, b: Box) -> None:
    planes = np.zeros((2, 100, 100), bool)
    for plane, box in zip(planes, (a, b), strict=True):
        plane[box.y : box.y + box.height, box.x : box.x + box.width] = True
    counted = (planes[0] & planes[1]).sum() / (planes[0] | planes[1]).sum()
    assert a.overlap(b) == pytest.approx(counted)
    smaller = min(planes[0].sum(), planes[1].sum())
    assert a.containment(b) == pytest.approx((planes[0] & planes[1]).sum() / smaller)


def test_wider_keeps_the_middle() -> None:
    assert Box(10, 20, 40, 40).widened(0.25) == Box(0, 10, 60, 60)
