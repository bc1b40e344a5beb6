"""The parts of training that are plain arithmetic."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from convert.training import batches, checkpoint, recipe, temperature_scaling
from convert.training.augment import AUGMENTATIONS, Augmentation, augmented, parse
from convert.training.dataset import Samples
from convert.training.history import best_epoch
from convert.training.optimization import plateau_rate, squared_hinge
from edge.errors import UsageError

OURS = recipe.preset("compact")


def samples(count: int = 20, classes: int = 3) -> Samples:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (count, 48, 48), np.uint8)
    votes = np.zeros((count, classes), np.float32)
    votes[0] = [1, 3, 0]
    return Samples(pixels, np.arange(count) % classes, votes)


def test_targets_mix_the_label_with_the_votes_and_smooth() -> None:
    how = dataclasses.replace(OURS, votes=0.4, smoothing=0.3)
    wanted = batches.targets(samples(), 3, how)
    label, votes = np.array([1, 0, 0]), np.array([0.25, 0.75, 0])
    np.testing.assert_allclose(wanted[0], (0.6 * label + 0.4 * votes) * 0.7 + 0.1, rtol=1e-6)
    np.testing.assert_allclose(wanted[1], [0.1, 0.8, 0.1], rtol=1e-6)  # nobody voted
    np.testing.assert_allclose(wanted.sum(axis=1), 1, rtol=1e-6)


def test_class_weights_make_all_classes_cost_the_same() -> None:
    labels = np.array([0, 0, 0, 1, 2, 2])
    weights = batches.class_weights(labels, 3)
    costs = [float(weights[label] * (labels == label).sum()) for label in range(3)]
    np.testing.assert_allclose(costs, 2, rtol=1e-6)


def test_mixup_mixes_pictures_and_targets_alike() -> None:
    share = np.array([1.0, 0.25], np.float32)
    x = np.array([[[0.0]], [[100.0]]], np.float32)
    np.testing.assert_allclose(batches.mixed(x, share).ravel(), [0, 25])
    y = np.array([[1.0, 0], [0, 1]], np.float32)
    np.testing.assert_allclose(batches.mixed(y, share), [[1.0, 0.0], [0.75, 0.25]])


def test_mixup_mixes_what_errors_cost_as_it_mixes_losses() -> None:
    some, cost = samples(), np.array([10, 0.5, 1], np.float32)
    how = dataclasses.replace(OURS, batch=2, mixup=1.0, mixed_batches=1.0, smoothing=0.0)
    wanted = batches.targets(some, 3, dataclasses.replace(how, votes=0.0))
    made = batches.Batches(some, wanted, cost, how, channels=1)
    mixes = 0
    for _, y, weight in made.epoch(0):
        for row in (0, 1):  # the loss is linear in the target times its weight
            shares = y[row] * weight[row] / cost
            assert shares.sum() == pytest.approx(1, rel=1e-5)
            mixes += np.count_nonzero(shares) == 2
    assert mixes


def test_an_epoch_is_the_same_each_time_and_no_two_are_alike() -> None:
    some = samples()
    ones = np.ones(3, np.float32)
    how = dataclasses.replace(OURS, batch=8)
    made = batches.Batches(some, batches.targets(some, 3, how), ones, how, channels=1)
    first, again, second = (list(made.epoch(number)) for number in (0, 0, 1))
    assert [part.shape for part in first[0]] == [(8, 48, 48, 1), (8, 3), (8,)]
    assert len(first) == len(made) == 2
    for one, other in zip(first, again, strict=True):
        for part, same in zip(one, other, strict=True):
            np.testing.assert_array_equal(part, same)
    assert not np.array_equal(first[0][0], second[0][0])


def test_no_augmentation_changes_nothing_and_the_strong_one_stays_in_range() -> None:
    picture = samples().pixels[0]
    rng = np.random.default_rng(1)
    np.testing.assert_allclose(augmented(picture, AUGMENTATIONS["none"], rng), picture, atol=1e-3)
    changed = augmented(picture, AUGMENTATIONS["strong"], rng)
    assert changed.dtype == np.float32
    assert 0 <= changed.min() <= changed.max() <= 255
    assert np.abs(changed - picture).mean() > 5


def test_mirrored_is_mirrored_and_moved_repeats_the_edge() -> None:
    picture = np.tile(np.arange(48, dtype=np.uint8) * 5, (48, 1))
    rng = np.random.default_rng(0)
    mirrored = [augmented(picture, Augmentation(mirror=1), rng) for _ in range(200)]
    turned = [np.allclose(one, picture[:, ::-1], atol=1e-3) for one in mirrored]
    straight = [np.allclose(one, picture, atol=1e-3) for one in mirrored]
    assert sum(turned) + sum(straight) == 200
    assert 70 < sum(turned) < 130
    moved = augmented(picture, Augmentation(shift_x=0.5), np.random.default_rng(3))
    assert moved.min() >= 0
    assert len(np.unique(moved[0].round())) < 48  # the edge, over and over


def test_augmentations_by_name_and_by_number() -> None:
    assert parse("report") == AUGMENTATIONS["report"]
    assert parse("rotation_deg=7,mirror=1") == Augmentation(rotation_deg=7, mirror=1)
    with pytest.raises(UsageError, match="unknown 'spin=1'; valid: none, report, light, strong"):
        parse("mirror=1,spin=1")
    for wrong in ("rotation_deg", "rotation_deg=far", "shear=-1", "light=nan", "light=inf"):
        with pytest.raises(UsageError, match=f"{wrong}: must be from 0 to"):
            parse(wrong)
    with pytest.raises(UsageError, match="contrast=5: must be from 0 to 1"):
        parse("mirror=1,contrast=5")


def test_the_rate_halves_on_a_plateau_and_not_below_its_floor() -> None:
    how = dataclasses.replace(OURS, rate=1e-4)
    rows = [{"validation_loss": loss} for loss in (1.0, 0.9, 0.95, 0.95, 0.95)]
    assert plateau_rate((), how) == 1e-4
    assert plateau_rate(tuple(rows[:4]), how) == 1e-4
    assert plateau_rate(tuple(rows), how) == 5e-5
    assert plateau_rate(tuple(rows[2:3] * 40), how) == 2e-5
    assert plateau_rate(tuple(rows), dataclasses.replace(OURS, rate=1e-5)) == 1e-5


def test_where_pictures_are_degraded_both_accuracies_select() -> None:
    pairs = ((0.70, 0.5), (0.68, 0.56), (0.64, 0.58))
    rows = [{"validation_accuracy": a, "degraded_accuracy": b} for a, b in pairs]
    assert best_epoch(tuple(rows), dataclasses.replace(OURS, select="accuracy")) == 1


def test_the_first_best_epoch_is_kept() -> None:
    rows = tuple(
        {"validation_loss": loss, "validation_accuracy": accuracy}
        for loss, accuracy in ((1.0, 0.5), (0.8, 0.6), (0.9, 0.7), (0.8, 0.7))
    )
    assert best_epoch(rows, dataclasses.replace(OURS, select="loss")) == 1
    assert best_epoch(rows, dataclasses.replace(OURS, select="accuracy")) == 2


def test_hinge_loss_is_tangs() -> None:
    loss = squared_hinge(np.array([[1.0, 0, 0]]), np.array([[0.4, -2.0, 0.5]], np.float32))
    np.testing.assert_allclose(loss, [(0.6**2 + 0 + 1.5**2) / 3], rtol=1e-6)


def test_the_temperature_is_found_and_its_fold_is_exact() -> None:
    rng = np.random.default_rng(5)
    logits = rng.normal(size=(20000, 5)).astype(np.float32)
    sure = temperature_scaling.softmax(logits)
    labels = np.array([rng.choice(5, p=row / row.sum()) for row in sure.astype(np.float64)])
    for factor in (0.4, 1.0, 3.0):
        found = temperature_scaling.best_temperature(logits * factor, labels)
        assert found == pytest.approx(factor, rel=0.05)


def test_a_state_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    arrays = [np.full((2, 2), number, np.float32) for number in range(12)]
    row = {"epoch": 1.0, "loss": 0.5}
    saved = checkpoint.State(OURS, ("data", "teacher"), (row,), arrays, arrays[:3], arrays[::-1])
    path = tmp_path / "x.training"
    saved.save(path)
    back = checkpoint.load(path)
    assert (back.recipe, back.origins, back.history) == (OURS, ("data", "teacher"), (row,))
    for kind in ("weights", "optimizer", "best"):
        for ours, theirs in zip(getattr(saved, kind), getattr(back, kind), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert [file.name for file in tmp_path.iterdir()] == ["x.training"]


def test_a_training_continues_only_with_its_own_data_and_teachers(tmp_path: Path) -> None:
    path, origins = tmp_path / "x.training", ("data", "teacher")
    checkpoint.State(OURS, origins, (), (), (), ()).save(path)
    assert checkpoint.resumed(path, OURS, origins).origins == origins
    for other, option in ((("others", "teacher"), "--data"), (("data", "others"), "--teacher")):
        with pytest.raises(UsageError, match=f"started with different {option};"):
            checkpoint.resumed(path, OURS, other)
