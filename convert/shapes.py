"""Whether a network takes pictures and answers classes."""

from __future__ import annotations

from edge.errors import RefusedFile


def checked_shapes(
    taken: tuple[int | None, ...], given: tuple[int | None, ...]
) -> tuple[tuple[int, int, int, int], int]:
    """Input NHWC with N = 1, and the number of classes, of a network's shapes.

    Raises `RefusedFile` with what was seen and what is needed.
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
        raise RefusedFile(f"{seen}: no fixed size; export it with the size it was trained at")
    if not (8 <= height <= 1024 and 8 <= width <= 1024):
        raise RefusedFile(f"{seen}; needs pictures of 8 to 1024 pixels a side")
    sizes = given[1:]
    classes = sizes[-1] if sizes else None
    if classes is None or classes < 2 or any(size != 1 for size in sizes[:-1]):
        raise RefusedFile(f"{seen}; needs one row of at least two classes out")
    return (1, height, width, channels), classes


def _shape(shape: tuple[int | None, ...]) -> str:
    return "(" + ", ".join("any" if size is None else str(size) for size in shape[1:]) + ")"
