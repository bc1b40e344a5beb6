"""Whether a network takes pictures and answers classes."""

from __future__ import annotations

from typing import TypeAlias

from edge.errors import RefusedFile, UsageError

Shape: TypeAlias = tuple[int | None, ...]
#: Height and width in pixels.
Size: TypeAlias = tuple[int, int]


def parse_size(text: str | None) -> Size | None:
    """What `--input-size` says: `64`, or height x width as `64x48`. Raises `UsageError`."""
    if text is None:
        return None
    sides = text.split("x")
    if len(sides) > 2 or not all(side.isascii() and side.isdigit() for side in sides):
        raise UsageError(f"--input-size {text}: must be pixels, as 48, or height x width, as 64x48")
    return int(sides[0]), int(sides[-1])


def sized(taken: Shape, size: Size) -> Shape:
    """The input's shape with `size` where it says nothing."""
    if len(taken) != 4:
        return taken
    return (taken[0], taken[1] or size[0], taken[2] or size[1], taken[3])


def checked_shapes(
    taken: Shape, given: Shape, size: Size | None = None
) -> tuple[tuple[int, int, int, int], int]:
    """Input NHWC with N = 1, and the number of classes, of a network's shapes.

    Raises `RefusedFile` with what was seen and what is needed, `UsageError` where the input has no
    size or another than the `size` that the user gives.
    """
    seen = f"takes {_shape(taken)} and gives {_shape(given)}"
    if len(taken) != 4:
        raise RefusedFile(f"{seen}; needs pictures (height, width, 1 or 3) in and classes out")
    height, width, channels = taken[1:]
    if channels not in (1, 3):
        if height in (1, 3):
            raise RefusedFile(f"{seen}: channels first; export it with channels last")
        raise RefusedFile(f"{seen}; needs pictures of 1 or 3 channels")
    if height is None or width is None:
        raise UsageError(f"{seen}: no fixed size; give the one it was trained at: --input-size 48")
    if size and size != (height, width):
        raise UsageError(f"{seen}; --input-size {size[0]}x{size[1]} does not fit, leave it out")
    if not (8 <= height <= 1024 and 8 <= width <= 1024):
        raise RefusedFile(f"{seen}; needs pictures of 8 to 1024 pixels a side")
    sizes = given[1:]
    classes = sizes[-1] if sizes else None
    if classes is None or classes < 2 or any(size != 1 for size in sizes[:-1]):
        raise RefusedFile(f"{seen}; needs one row of at least two classes out")
    return (1, height, width, channels), classes


def _shape(shape: Shape) -> str:
    return "(" + ", ".join("any" if size is None else str(size) for size in shape[1:]) + ")"
