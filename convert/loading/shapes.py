"""Check that a network takes pictures and outputs classes."""

from __future__ import annotations

from typing import TypeAlias

from edge.errors import RefusedFile, UsageError

Shape: TypeAlias = tuple[int | None, ...]
#: Height and width in pixels.
Size: TypeAlias = tuple[int, int]


def parse_size(text: str | None) -> Size | None:
    """Parse `--input-size`: `64`, or height x width as `64x48`.

    Raises `UsageError` for anything else.
    """
    if text is None:
        return None
    sides = text.split("x")
    if len(sides) > 2 or not all(side.isascii() and side.isdigit() for side in sides):
        raise UsageError(f"--input-size {text}: must be pixels (48) or height x width (64x48)")
    return int(sides[0]), int(sides[-1])


def sized(input_shape: Shape, size: Size) -> Shape:
    """Return the input's shape with `size` where it is undefined."""
    if len(input_shape) != 4:
        return input_shape
    return (input_shape[0], input_shape[1] or size[0], input_shape[2] or size[1], input_shape[3])


def checked_shapes(
    input_shape: Shape, output_shape: Shape, size: Size | None = None
) -> tuple[tuple[int, int, int, int], int]:
    """Return the input shape, NHWC with N = 1, and the number of classes.

    Raises `RefusedFile` for unsuitable shapes, and `UsageError` if the input size is not fixed or
    differs from `size`.
    """
    seen = f"takes {shown(input_shape)} and outputs {shown(output_shape)}"
    if len(input_shape) != 4:
        raise RefusedFile(f"{seen}; required: pictures (height, width, 1 or 3) in, classes out")
    height, width, channels = input_shape[1:]
    if channels not in (1, 3):
        if height in (1, 3):
            raise RefusedFile(f"{seen}: channels first; export it with channels last")
        raise RefusedFile(f"{seen}; required: pictures with 1 or 3 channels")
    if height is None or width is None:
        raise UsageError(f"{seen}: no fixed size; give the trained size: --input-size 48")
    if size and size != (height, width):
        raise UsageError(f"{seen}; --input-size {size[0]}x{size[1]} does not fit; leave it out")
    if not (8 <= height <= 1024 and 8 <= width <= 1024):
        raise RefusedFile(f"{seen}; required: pictures of 8 to 1024 pixels a side")
    sizes = output_shape[1:]
    classes = sizes[-1] if sizes else None
    if classes is None or classes < 2 or any(size != 1 for size in sizes[:-1]):
        raise RefusedFile(f"{seen}; required: one row of at least two classes out")
    return (1, height, width, channels), classes


def shown(shape: Shape) -> str:
    """Return a shape without the number of pictures, for messages."""
    return "(" + ", ".join("any" if size is None else str(size) for size in shape[1:]) + ")"
