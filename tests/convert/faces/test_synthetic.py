"""Synthetic faces: the same every time, few bytes, and faces that a face search finds."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import cv2
import numpy as np
import pytest

from convert.faces.synthetic import clear_faces, faces, statistics, varied_faces
from convert.labels import STATISTICS
from edge.records import ByteArray
from tests.make_assets import face_statistics


def test_same_seed_same_faces() -> None:
    first, classes = faces(21, seed=5)
    again, _ = faces(21, seed=5)
    other, _ = faces(21, seed=6)
    assert first.shape == (21, 48, 48)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    np.testing.assert_array_equal(classes, np.arange(21) % 7)


def test_asset_is_small_and_holds_no_picture() -> None:
    with resources.as_file(STATISTICS) as path:
        assert path.stat().st_size < 260_000
    known = statistics()
    assert known.means.shape == (7, 48, 48)
    assert known.components.shape == (96, 48, 48)
    products = known.components.reshape(96, -1) @ known.components.reshape(96, -1).T
    np.testing.assert_allclose(products, np.eye(96), atol=0.05)


def test_brightness_and_contrast_are_those_of_photographs(shared: Path) -> None:
    drawn, _ = faces(700, seed=1)
    with np.load(shared / "data/fer2013_train_public.npz") as data:
        photographs = data["x_public"][:700]
    assert drawn.mean() == pytest.approx(photographs.mean(), abs=5)
    contrast = drawn.std(axis=(1, 2)).mean(), photographs.std(axis=(1, 2)).mean()
    assert contrast[0] == pytest.approx(contrast[1], rel=0.1)


def test_sharp_faces_have_the_detail_of_photographs(shared: Path) -> None:
    with np.load(shared / "data/fer2013_train_public.npz") as data:
        photographs = data["x_public"][:700]

    def detail(pictures: ByteArray) -> float:
        smooth = np.stack([cv2.GaussianBlur(picture, (0, 0), 1.5) for picture in pictures])
        return float((pictures.astype(float) - smooth).std())

    sharp, blurred = varied_faces(210, 1)[0], faces(210, 1, texture=0.0)[0]
    assert detail(sharp) > 1.4 * detail(blurred)
    assert detail(sharp) > 0.5 * detail(photographs)


def test_a_face_search_finds_most_clear_faces() -> None:
    place = Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_default.xml"
    search = cv2.CascadeClassifier(str(place))
    found = 0
    for picture in clear_faces(14, seed=3)[0]:
        frame = np.full((300, 300), 128, np.uint8)
        frame[50:250, 50:250] = cv2.resize(picture, (200, 200), interpolation=cv2.INTER_CUBIC)
        found += len(search.detectMultiScale(frame, 1.1, 3, minSize=(100, 100))) > 0
    assert found >= 10


@pytest.mark.slow
def test_the_script_makes_the_asset(tmp_path: Path) -> None:
    pictures, classes = faces(700, seed=4)
    np.savez(tmp_path / "data.npz", x_train=pictures, y_train=classes.astype(np.uint8))
    out = tmp_path / "asset.npz"
    assert face_statistics.main(["--data", str(tmp_path / "data.npz"), "--out", str(out)]) == 0
    with np.load(out) as made:
        assert tuple(made["labels"]) == statistics().labels
        np.testing.assert_allclose(made["means"], statistics().means, atol=25)
