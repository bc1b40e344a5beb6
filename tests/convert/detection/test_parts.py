"""The face detector's trainer: geometry, targets, composing, scoring."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from convert.detection.batches import batch
from convert.detection.clips import ClipScore, by_frame, clip_score
from convert.detection.compose import Composer, Mistake, kept
from convert.detection.darkness import darkness, thirds
from convert.detection.geometry import PAD, Placement, draw, placed, visible
from convert.detection.paste import Crops, paste, shade
from convert.detection.scenes import Scene, frontal, overlaps
from convert.detection.score import scored
from convert.detection.targets import BOX, FACE, FRONTAL, LEVELS, WEIGHT, targets
from edge.records import Box, FloatArray

NONE = np.zeros((0, 4), np.float32)


def boxes(*rows: tuple[float, ...]) -> FloatArray:
    return np.array(rows, np.float32).reshape(len(rows), -1)


def scene(faces: FloatArray = NONE, unsure: FloatArray = NONE, gray: int = 60) -> Scene:
    picture = np.full((120, 160), gray, np.uint8)
    for x, y, w, h in faces.astype(int):
        picture[max(0, y) : y + h, max(0, x) : x + w] = 250
    seen = np.ones(len(faces), np.float32)
    return Scene(picture, faces, unsure, seen, NONE, np.zeros(0, bool), "test")


@pytest.mark.parametrize("degrees", [0.0, 15.0, -20.0])
@pytest.mark.parametrize("scale", [0.3, 0.55, 1.0, 1.7])
@pytest.mark.parametrize("mirrored", [False, True])
def test_boxes_go_where_their_pixels_go(degrees: float, scale: float, mirrored: bool) -> None:
    gray = np.zeros((240, 320), np.uint8)
    box = boxes((90, 60, 80, 100))
    cv2.ellipse(gray, (130, 110), (40, 50), 0, 0, 360, (255,), -1)
    how = Placement((130.0, 110.0), (150.0, 90.0), scale, degrees, mirrored)
    canvas = np.zeros((200, 300), np.uint8)
    draw(gray, how, canvas, cv2.BORDER_CONSTANT)
    seen = cv2.boundingRect((canvas > 200).astype(np.uint8))
    assert overlaps(placed(box, how), boxes(tuple(seen)))[0, 0] > 0.9


def test_a_box_away_from_the_centre_is_mirrored_and_moved() -> None:
    how = Placement((50.0, 50.0), (100.0, 20.0), 2.0, 0.0, True)
    assert placed(boxes((60, 50, 10, 20)), how).tolist() == [[60, 20, 20, 40]]


def test_beside_a_picture_is_the_networks_zero() -> None:
    canvas = np.zeros((64, 64), np.uint8)
    how = Placement((8.0, 8.0), (32.0, 32.0), 1.0)
    draw(np.full((16, 16), 9, np.uint8), how, canvas, cv2.BORDER_CONSTANT)
    assert canvas[0, 0] == PAD
    assert canvas[32, 32] == 9


def test_faces_cut_by_the_edge_are_unsure_and_tiny_ones_too() -> None:
    faces = boxes((10, 10, 40, 40), (-20, 10, 40, 40), (-38, 60, 40, 40), (100, 100, 5, 5))
    how = Placement((0.0, 0.0), (0.0, 0.0), 1.0)
    whole, seen, unsure = kept(scene(faces), how, (160, 120))
    assert whole.tolist() == [[10, 10, 40, 40]]
    assert len(seen) == 1
    assert unsure.tolist() == [[-20, 10, 40, 40], [100, 100, 5, 5]]
    assert visible(faces, (0, 0, 160, 120))[1] == pytest.approx(0.5)


def test_each_face_has_cells_on_the_level_of_its_size_only() -> None:
    for size, strides in ((12, {8}), (30, {8, 16}), (50, {16}), (75, {16, 32}), (150, {32})):
        faces = boxes((60, 5, size, size))
        wanted = targets(160, 256, faces, np.ones(1, np.float32), NONE)
        found, start = set(), 0
        for level in LEVELS:
            count = (160 // level.stride) * (256 // level.stride)
            if wanted[start : start + count, FACE].any():
                found.add(level.stride)
            start += count
        assert found == strides, size


def test_a_targets_box_and_the_unsure_places() -> None:
    faces, unsure = boxes((40, 40, 16, 20)), boxes((100, 40, 40, 40))
    wanted = targets(96, 160, faces, np.zeros(1, np.float32), unsure)
    face = wanted[wanted[:, FACE] == 1]
    assert len(face) >= 1
    assert np.allclose(face[:, BOX], (48, 50, 16, 20))
    assert (face[:, FRONTAL] == 0).all()
    ignored = wanted[: 12 * 20, WEIGHT].reshape(12, 20) == 0
    assert ignored[7, 15]
    assert not ignored[7, 5]
    assert not wanted[wanted[:, WEIGHT] == 0, FACE].any()


def test_of_two_faces_in_one_place_the_smaller_is_in_front() -> None:
    faces = boxes((40, 40, 30, 30), (49, 49, 12, 12))
    wanted = targets(96, 160, faces, np.ones(2, np.float32), NONE)
    centre = wanted[: 12 * 20].reshape(12, 20, -1)[6, 6]
    assert centre[BOX].tolist() == [55, 55, 12, 12]


def test_a_haar_box_makes_a_face_frontal_and_small_faces_stay_unknown() -> None:
    faces = boxes((10, 10, 50, 60), (100, 10, 50, 60), (10, 100, 20, 24))
    assert frontal(faces, boxes((8, 14, 54, 54))).tolist() == [1.0, 0.0, -1.0]
    assert frontal(faces, NONE).tolist() == [0.0, 0.0, -1.0]


def composer() -> Composer:
    rng = np.random.default_rng(0)
    crops = Crops(rng.integers(0, 255, (5, 48, 48)).astype(np.uint8))
    scenes = (scene(boxes((40, 30, 30, 40))), scene(), scene(unsure=boxes((5, 5, 50, 50))))
    return Composer(scenes, crops, mistakes=(Mistake(1, 50.0, 60.0, 20.0),))


def test_batches_of_one_seed_are_alike_and_of_another_differ() -> None:
    first, same, other = (batch(composer(), 4, (1, 2, n)) for n in (3, 3, 4))
    assert np.array_equal(first.pixels, same.pixels)
    assert np.array_equal(first.wanted, same.wanted)
    assert first.pixels.shape != other.pixels.shape or not np.array_equal(
        first.pixels, other.pixels
    )


def test_a_samples_faces_are_bright_where_their_boxes_are() -> None:
    rng, inside, outside = np.random.default_rng(2), [], []
    for _ in range(60):
        sample = composer().sample(96, 160, rng)
        for x, y, w, h in sample.faces:
            middle = sample.gray[int(y + h / 2), int(np.clip(x + w / 2, 0, 159))]
            inside.append(float(middle))
            outside.append(float(np.median(sample.gray)))
    assert len(inside) > 20
    assert np.median(inside) > np.median(outside) + 50


def test_a_pasted_faces_box_is_where_it_was_put() -> None:
    pixels = np.full((1, 48, 48), 250, np.uint8)
    gray = np.full((96, 160), 10, np.uint8)
    box = paste(gray, Crops(pixels, (0.25, 0.25, 0.5, 0.5)), np.random.default_rng(1))
    assert box is not None
    x, y, w, h = box
    assert gray[int(y + h / 2), int(x + w / 2)] > 60
    assert w == h
    assert paste(gray, Crops(pixels), np.random.default_rng(1)) is None


def test_faces_are_darkened_and_what_is_around_them_is_not() -> None:
    faces, rng = boxes((40, 30, 40, 50), (300, 300, 40, 50)), np.random.default_rng(0)
    gray = np.full((120, 160), 200, np.uint8)
    for _ in range(20):
        shade(gray, faces, rng)
    assert gray[55, 60] < 150
    assert gray[5, 5] == gray[100, 120] == 200


def test_recall_at_a_rate_of_false_boxes() -> None:
    faces = boxes((10, 10, 20, 20), (60, 10, 50, 50))
    pictures = [scene(faces), *[scene() for _ in range(99)]]
    found = [np.zeros((0, 5), np.float32)] * 100
    found[0] = boxes((10, 10, 20, 20, 0.9), (60, 10, 50, 50, 0.4))
    found[1] = boxes((10, 10, 20, 20, 0.7))
    found[2] = boxes((10, 10, 20, 20, 0.5))
    result = scored(pictures, found)
    assert result.recall(1) == 0.5
    assert result.recall(2) == 1.0
    assert (result.recall(1, 40), result.recall(1, 0, 40)) == (0.0, 1.0)
    assert math.isnan(result.recall(1, 80))


def test_a_box_on_an_unsure_place_is_neither_right_nor_wrong() -> None:
    pictures = [scene(unsure=boxes((10, 10, 60, 60)))]
    result = scored(pictures, [boxes((20, 20, 20, 20, 0.9), (100, 20, 20, 20, 0.8))])
    assert result.false.tolist() == [np.float32(0.8)]
    assert len(result.best) == 0


def test_faces_are_grouped_by_their_darkness() -> None:
    pictures = []
    for luma in (40, 90, 140):
        one = scene(boxes((40, 30, 30, 40)))
        one.gray[30:70, 40:70] = luma
        one.gray[:20] = 200
        pictures.append(one)
    shares = darkness([*pictures, scene(boxes((5, 5, 12, 12)))])
    assert np.isnan(shares[3])
    assert [group.tolist().index(True) for group in thirds(shares)] == [0, 1, 2]


def test_a_videos_boxes_are_right_near_a_known_face_only() -> None:
    known = boxes(
        (0, 10, 10, 50, 50, 0.9),
        (5, 10, 10, 50, 50, 0.9),
        (5, 200, 10, 30, 30, 0.9),  # too small to be missed
        (6, 280, 10, 50, 50, 0.9),  # not wholly inside
        (6, 100, 100, 50, 50, 0.4),  # unsure: neither missed nor wrong
    )
    near, unsure, nobody = Box(12, 12, 50, 50), Box(100, 100, 50, 50), Box(150, 10, 50, 50)
    reported = [[], [near], [near], [unsure], [], [], [unsure, nobody], []]
    score = clip_score(by_frame(known, (8, 320, 240)), reported)
    assert score == ClipScore(frames=8, reported=5, wrong=2, clear=2, found=1, read=3)
