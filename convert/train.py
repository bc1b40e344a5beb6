"""Trains the model that ships as the default.

    python -m convert.train --data fer2013.npz --out default.keras

Data: an `.npz` with `x_train` and `x_public`, uint8 `(N, 48, 48)`; `y_train` and `y_public` in
FER2013's order; `ferplus_train`, uint8 `(N, 10)`, the votes of FER+ (Barsoum et al. 2016,
arXiv 1608.01041; columns neutral, happiness, surprise, sadness, anger, disgust, fear, contempt,
unknown, NF; a row of zeros where FER+ has none). Training sees the training split alone; the
public test split chooses the epoch that is kept.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import keras
import numpy as np

from convert.training.networks import compact
from edge.records import ByteArray, FloatArray

CLASSES = 7
BATCH = 64
#: FER+ columns in FER2013's order: angry disgust fear happy sad surprise neutral.
FERPLUS_TO_FER = [4, 5, 6, 1, 3, 2, 0]


def targets(labels: ByteArray, votes: ByteArray, share: float, smoothing: float) -> FloatArray:
    """Soft targets `(N, 7)`: `share` of FER+'s votes, the rest FER2013's label, then smoothed."""
    hard = np.eye(CLASSES, dtype=np.float32)[labels]
    seen = votes[:, FERPLUS_TO_FER].astype(np.float32)
    total = seen.sum(axis=1, keepdims=True)
    soft = np.divide(seen, total, out=hard.copy(), where=total > 0)
    mixed = (1 - share) * hard + share * soft
    smooth: FloatArray = mixed * (1 - smoothing) + smoothing / CLASSES
    return smooth.astype(np.float32)


def augment(picture: ByteArray, rng: np.random.Generator) -> FloatArray:
    """Rotation ±12°, scale .88 to 1.15, shift ±4 px, mirror, contrast, brightness, erasing."""
    turn = cv2.getRotationMatrix2D((23.5, 23.5), rng.uniform(-12, 12), rng.uniform(0.88, 1.15))
    turn = turn + np.pad(rng.uniform(-4, 4, size=(2, 1)), ((0, 0), (2, 0)))
    if rng.random() < 0.5:
        turn = np.array([[-1, 0, 47], [0, 1, 0]]) @ np.vstack([turn, [0, 0, 1]])
    warped: FloatArray = cv2.warpAffine(
        picture, turn, (48, 48), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    ).astype(np.float32)
    mean = warped.mean()
    warped = (warped - mean) * rng.uniform(0.7, 1.3) + mean + rng.uniform(-25, 25)
    if rng.random() < 0.25:
        height, width = rng.integers(6, 17, size=2)
        top, left = rng.integers(0, 48 - height), rng.integers(0, 48 - width)
        warped[top : top + height, left : left + width] = rng.uniform(0, 255)
    clipped: FloatArray = np.clip(warped, 0, 255)
    return clipped


def mixed(batch: FloatArray, share: FloatArray) -> FloatArray:
    """Each item blended with the one that stands as far from the other end."""
    result: FloatArray = batch * share + batch[::-1] * (1 - share)
    return result


class Batches(keras.utils.PyDataset):  # type: ignore[misc]  # keras has no types
    """Augmented batches; MixUp (Zhang et al. 2018, arXiv 1710.09412) on every second one."""

    def __init__(self, pictures: ByteArray, wanted: FloatArray, seed: int) -> None:
        super().__init__()
        self.pictures, self.wanted = pictures, wanted
        self.rng = np.random.default_rng(seed)
        self.order = self.rng.permutation(len(pictures))

    def __len__(self) -> int:
        return len(self.pictures) // BATCH

    def on_epoch_end(self) -> None:
        """A new order for the next epoch."""
        self.order = self.rng.permutation(len(self.pictures))

    def __getitem__(self, index: int) -> tuple[FloatArray, FloatArray]:
        rows = self.order[index * BATCH : (index + 1) * BATCH]
        x = np.stack([augment(self.pictures[row], self.rng) for row in rows])[..., None]
        y = self.wanted[rows]
        if self.rng.random() < 0.5:
            share = self.rng.beta(0.2, 0.2, size=len(rows)).astype(np.float32)
            x = mixed(x, share[:, None, None, None])
            y = mixed(y, share[:, None])
        return x, y


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="the .npz described above")
    parser.add_argument("--out", type=Path, required=True, help="the .keras file to write")
    parser.add_argument("--epochs", type=int, default=36)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Trains, keeps the best epoch in `--out`, and prints its accuracy."""
    options = _parse(arguments)
    keras.utils.set_random_seed(options.seed)
    with np.load(options.data) as data:
        x, y, votes = data["x_train"], data["y_train"], data["ferplus_train"]
        x_public, y_public = data["x_public"], data["y_public"]
    told = x.std(axis=(1, 2)) > 0  # eleven pictures of the training split are blank
    wanted = targets(y, votes, share=0.3, smoothing=0.05)
    batches = Batches(x[told], wanted[told], options.seed)

    model = compact(widths=(16, 24, 48, 96, 128))
    steps = len(batches)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps * (options.epochs - 2), warmup_target=2e-3, warmup_steps=steps * 2
    )
    model.compile(
        keras.optimizers.AdamW(rate, weight_decay=0.02, use_ema=True, ema_momentum=0.998),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.summary()
    model.fit(
        batches,
        epochs=options.epochs,
        validation_data=(x_public[..., None], np.eye(CLASSES)[y_public]),
        callbacks=list(callbacks(options.out)),
        verbose=2,
    )
    best = keras.models.load_model(options.out, compile=False)
    answers = best.predict(x_public[..., None].astype(np.float32), verbose=0).argmax(axis=1)
    print(f"{options.out}: public test accuracy {np.mean(answers == y_public):.4f}")
    return 0


def callbacks(out: Path) -> Iterator[keras.callbacks.Callback]:
    """Averaged weights for validation and for the file that is kept."""
    yield keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
    yield keras.callbacks.ModelCheckpoint(str(out), monitor="val_accuracy", save_best_only=True)
    yield keras.callbacks.CSVLogger(str(out.with_suffix(".csv")))


if __name__ == "__main__":
    raise SystemExit(main())
