"""Rectangles in a frame: what two have in common."""

from __future__ import annotations

from edge.records import Box


def overlap(a: Box, b: Box) -> float:
    """Intersection over union, 0 to 1."""
    common = _common(a, b)
    return common / (a.width * a.height + b.width * b.height - common)


def inside(a: Box, b: Box) -> float:
    """The intersection as a share of the smaller box, 0 to 1."""
    return _common(a, b) / min(a.width * a.height, b.width * b.height)


def wider(box: Box, share: float) -> Box:
    """`box` with `share` of its width more on each side; may reach out of the frame."""
    edge = round(box.width * share)
    return Box(box.x - edge, box.y - edge, box.width + 2 * edge, box.height + 2 * edge)


def _common(a: Box, b: Box) -> int:
    width = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    height = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    return width * height if width > 0 and height > 0 else 0
