"""What a cheap camera does to training pictures, and who sees it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from convert.training import batches, recipe
from convert.training.augment import AUGMENTATIONS, Augmentation
from convert.training.camera import degraded
from convert.training.dataset import Samples
from edge.records import FloatArray


def board() -> FloatArray:
    """A checkerboard of 3 pixels: contrast that blur and shrinking take away."""
    squares = (np.indices((48, 48)) // 3).sum(axis=0) % 2
    return np.asarray(60 + 140 * squares, np.float32)


def seen(limits: Augmentation, seed: int = 0) -> FloatArray:
    return degraded(board(), limits, np.random.default_rng(seed))


@pytest.mark.parametrize("name", ["robust", "robust-light"])
def test_two_pictures_in_five_stay_clean(name: str) -> None:
    rng, picture = np.random.default_rng(1), board()
    clean = sum(degraded(picture, AUGMENTATIONS[name], rng) is picture for _ in range(2000))
    assert clean / 2000 == pytest.approx(0.8 * 0.85 * 0.8 * 0.85 * 0.85, abs=0.04)


def test_without_shares_nothing_is_changed_or_drawn() -> None:
    rng, picture = np.random.default_rng(1), board()
    assert degraded(picture, AUGMENTATIONS["strong"], rng) is picture
    assert rng.random() == np.random.default_rng(1).random()


@pytest.mark.parametrize("change", ["blur", "shrink", "dark", "jpeg", "uneven"])
def test_each_change_is_within_its_range(change: str) -> None:
    limits = Augmentation(**{change: 1.0})
    assert limits.degrades
    for seed in range(20):
        found = seen(limits, seed)
        assert found.dtype == np.float32
        assert found.shape == (48, 48)
        assert 0 <= found.min() <= found.max() <= 255
        np.testing.assert_array_equal(found, seen(limits, seed))
        brightness = found.mean() / board().mean()
        if change == "dark":
            assert 0.18 < brightness < 0.72
        elif change == "uneven":
            assert 0.6 < brightness < 0.95
        else:
            assert brightness == pytest.approx(1, abs=0.03)
            assert found.std() < 1.1 * board().std()
    contrasts = [seen(limits, seed).std() / board().std() for seed in range(40)]
    if change in ("blur", "shrink"):
        assert min(contrasts) < 0.8 * max(contrasts)


def test_the_teacher_sees_the_picture_before_the_camera_and_after_the_rest() -> None:
    pixels = np.random.default_rng(0).integers(100, 256, (64, 48, 48), np.uint8)
    some = Samples(pixels, np.zeros(64, np.int64), np.zeros((64, 2), np.float32))
    how = dataclasses.replace(
        recipe.preset("compact"),
        augmentation=Augmentation(shift_x=0.3, dark=1.0),
        mixup=0.2,
        mixed_batches=1.0,
        teacher_share=1.0,
    )
    shown = []

    def teacher(pictures: FloatArray) -> FloatArray:
        shown.append(pictures)
        return np.tile(np.array([0.25, 0.75], np.float32), (len(pictures), 1))

    sure = np.array([[1, 0]] * 64, np.float32)
    made = batches.Batches(some, sure, np.ones(2, np.float32), how, 1, teacher)
    [(x, y, _)] = made.epoch(0)
    [clean] = shown
    np.testing.assert_allclose(y, [[0.25, 0.75]] * 64)
    assert clean.mean() > 150
    assert x.mean() < 0.72 * clean.mean()
    # Moved and blended alike: what is left is the camera's noise.
    for dim, bright in zip(x[..., 0], clean[..., 0], strict=True):
        assert np.corrcoef(dim.ravel(), bright.ravel())[0, 1] > 0.7
