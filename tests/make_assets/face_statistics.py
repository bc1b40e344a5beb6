"""Measure the statistics of FER2013 that synthetic faces are drawn from, and write the asset.

    python -m tests.make_assets.face_statistics --data fer2013.npz

writes `convert/assets/synthetic_faces.npz`. Its input is an `.npz` with FER2013's training split
(Goodfellow et al. 2013, arXiv 1307.0414): `x_train`, uint8 `(N, 48, 48)`, and `y_train`, `(N,)`
in FER2013's own numbering. `convert.faces.synthetic` describes the asset.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from convert.faces.synthetic import SIZE
from edge.records import ByteArray
from tests.conftest import ROOT

ASSET = ROOT / "convert" / "assets" / "synthetic_faces.npz"
COMPONENTS = 96
#: FER2013's numbering, as its publishers gave it; everything else reads it from the asset.
_FER2013 = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def measure(pictures: ByteArray, classes: ByteArray) -> dict[str, npt.NDArray[Any]]:
    """Return the asset's arrays for the pictures, uint8 `(N, 48, 48)`, of a training split."""
    valid = pictures.std(axis=(1, 2)) > 0  # blank pictures are errors in the data set
    flat = pictures[valid].reshape(-1, SIZE * SIZE).astype(np.float32)
    classes = classes[valid]
    means = np.stack([flat[classes == index].mean(axis=0) for index in range(len(_FER2013))])
    rest = flat - means[classes]
    _, vectors = np.linalg.eigh(rest.T @ rest / len(rest))
    components = vectors[:, : -COMPONENTS - 1 : -1].T
    weights = rest @ components.T
    deviations = np.stack([weights[classes == index].std(axis=0) for index in range(len(means))])
    fine = (rest - weights @ components).reshape(-1, SIZE, SIZE)
    power = np.zeros((SIZE, SIZE))
    for start in range(0, len(fine), 2048):  # the spectra of all pictures at once need gigabytes
        power += (np.abs(np.fft.fft2(fine[start : start + 2048])) ** 2).sum(axis=0)
    scale = np.abs(components).max(axis=1) / 127
    return {
        "labels": np.array(_FER2013),
        "means": np.rint(means).astype(np.uint8).reshape(-1, SIZE, SIZE),
        "components": np.rint(components / scale[:, None]).astype(np.int8).reshape(-1, SIZE, SIZE),
        "component_scale": scale.astype(np.float32),
        "deviations": deviations.astype(np.float16),
        # White noise of SIZE² pixels has a mean power of SIZE² at every frequency.
        "amplitude": np.sqrt(power / len(fine) / SIZE**2).astype(np.float16),
    }


def main(arguments: list[str] | None = None) -> int:
    """Write the asset and print its size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="the .npz described above")
    parser.add_argument("--out", type=Path, default=ASSET)
    options = parser.parse_args(arguments)
    with np.load(options.data, allow_pickle=False) as data:
        arrays = measure(data["x_train"], data["y_train"])
    np.savez_compressed(options.out, **arrays)
    for name, array in arrays.items():
        print(f"{name}: {array.dtype} {list(array.shape)}, {array.nbytes} bytes")
    print(f"{options.out}: {options.out.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
