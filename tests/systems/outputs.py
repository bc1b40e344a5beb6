"""Prints what a model says to generated faces: a line of hexadecimal digits each, all outputs.

    python outputs.py MODEL COUNT

Run on two processors it must print the same. Needs numpy and a runtime, nothing of ours.
"""

from __future__ import annotations

import sys

import numpy as np
import numpy.typing as npt


def faces(count: int, height: int, width: int) -> npt.NDArray[np.uint8]:
    """uint8 `(count, height, width, 1)`: noise, coarse and fine, dark and light, flat and not.

    Made of integers only: floating point may differ in its last bit between processors.
    """
    dice = np.random.RandomState(3)  # frozen: the same numbers in every release of numpy
    made = np.empty((count, height, width, 1), np.uint8)
    for at in range(count):
        cell = (1, 2, 4, 8, 16)[at % 5]
        dark, light = sorted(dice.randint(0, 256, 2))
        coarse = dice.randint(dark, light + 1, (height // cell + 1, width // cell + 1))
        made[at, :, :, 0] = coarse.repeat(cell, 0).repeat(cell, 1)[:height, :width]
    return made


def main() -> None:
    """Prints the outputs."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        from tflite_runtime.interpreter import Interpreter
    model = Interpreter(sys.argv[1], num_threads=1)
    model.allocate_tensors()
    given = model.get_input_details()[0]
    outputs = sorted(model.get_output_details(), key=lambda output: str(output["name"]))
    _, height, width, _ = given["shape"]
    for face in faces(int(sys.argv[2]), height, width):
        model.set_tensor(given["index"], face[None])
        model.invoke()
        print("".join(model.get_tensor(got["index"]).tobytes().hex() for got in outputs))


if __name__ == "__main__":
    main()
