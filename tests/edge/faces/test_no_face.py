"""Pictures without a face: walls, plants, animals, things; whole pictures and films of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.config.schema import FacesConfig
from edge.faces.detector import Detector
from edge.records import ByteArray
from tests.support.samples import frame

#: A wrong face in this many pictures of a thousand is what the network was tuned for, twice over.
_WRONG = 20


@pytest.fixture(scope="module")
def faceless(shared: Path) -> list[ByteArray]:
    """Validation pictures with no person: rooms, streets, clothes, goods, animals."""
    with np.load(shared / "data" / "faces" / "faces_scenes.npz") as content:
        split, offsets, jpeg = content["split"], content["offsets"], content["jpeg"]
        shown = set(content["boxes_picture"].tolist()) | set(content["ignore_picture"].tolist())
    chosen = [at for at in np.flatnonzero(split == 1) if at not in shown]
    return [
        np.asarray(
            cv2.imdecode(jpeg[offsets[at] : offsets[at + 1]], cv2.IMREAD_GRAYSCALE), np.uint8
        )
        for at in chosen
    ]


def wall() -> Iterator[ByteArray]:
    """Plaster, bricks, a curtain, a poster of letters; with a camera's noise."""
    rng = np.random.default_rng(0)
    plaster = cv2.GaussianBlur(rng.normal(140, 60, (480, 640)), (0, 0), 6)
    bricks = np.full((480, 640), 120.0)
    bricks[::40], bricks[:, ::80] = 190, 190
    curtain = np.tile(130 + 50 * np.sin(np.arange(640) / 9), (480, 1))
    poster = np.full((480, 640), 200.0)
    for row in range(4):
        cv2.putText(poster, "OPEN 9-17", (60, 110 + 100 * row), 0, 2.5, (30.0,), 9)
    for picture in (plaster, bricks, curtain, poster):
        for _ in range(15):
            noisy = picture + rng.normal(0, 2, picture.shape)
            yield np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("detector", ["auto", "haar", "network"])
def test_a_wall_gives_nothing(detector: str) -> None:
    watching = Detector(FacesConfig(detector=detector))
    assert not any(watching.find(frame(at / 15, gray)) for at, gray in enumerate(wall()))


def test_pictures_of_rooms_goods_and_animals_give_nothing(faceless: list[ByteArray]) -> None:
    detector = Detector(FacesConfig())
    wrong = sum(len(detector.find_all(frame(at, gray))) for at, gray in enumerate(faceless))
    assert len(faceless) > 400
    assert wrong <= _WRONG * len(faceless) / 1000


def test_a_film_that_shows_them_for_a_while_gives_nothing(faceless: list[ByteArray]) -> None:
    """Each for two seconds, moved a little as by a hand: a wall is looked at again and again."""
    detector, rng, shown = Detector(FacesConfig(), 1), np.random.default_rng(0), 0
    for at, picture in enumerate(faceless[::8]):
        gray = np.asarray(cv2.resize(picture, (640, 480)), np.uint8)
        for step in range(20):
            moved = np.roll(gray, rng.integers(-3, 4, 2), (0, 1))
            shown += bool(detector.find(frame(at * 2 + step / 10, moved)))
    assert shown <= 0.02 * 20 * len(faceless[::8])


def test_every_face_of_a_picture_that_stands_by_itself_is_found_at_once(shared: Path) -> None:
    with np.load(shared / "data" / "faces" / "faces_scenes.npz") as content:
        split, offsets, jpeg = content["split"], content["offsets"], content["jpeg"]
        boxes, pictures = content["boxes"], content["boxes_picture"]
        large = [
            at for at in np.flatnonzero(split == 1) if (boxes[pictures == at, 3] > 40).sum() == 1
        ]
        detector, found = Detector(FacesConfig()), 0
        for at in large[:100]:
            gray = cv2.imdecode(jpeg[offsets[at] : offsets[at + 1]], cv2.IMREAD_GRAYSCALE)
            faces = detector.find_all(frame(0, np.asarray(gray, np.uint8)))
            found += bool(faces)
    assert found >= 80
