"""A scene drawn into its picture."""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np

from edge.preview.scene import Scene, Seen
from edge.records import ByteArray

Colour: TypeAlias = tuple[int, int, int]
#: Blue, green, red. Yellow on black is seen on any picture, and by the colour-blind.
_YELLOW, _BLACK, _RED, _WHITE = (0, 220, 255), (0, 0, 0), (60, 60, 255), (255, 255, 255)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
#: Height of a line of text as a share of the picture's; at 480 pixels, 20.
_LINE = 1 / 24
#: Expressions named beside a face.
_NAMED = 3


def draw(gray: ByteArray, scene: Scene) -> ByteArray:
    """Return `gray` `(height, width)` with the scene in it, BGR.

    Both are uint8, the result `(height, width, 3)`.
    """
    picture = np.asarray(cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR), np.uint8)
    line_px = max(12, round(gray.shape[0] * _LINE))
    for face in scene.faces:
        _box(picture, face, line_px)
    for face in scene.faces:  # over the boxes, to be read
        _label(picture, face, line_px)
    people = "1 face" if len(scene.faces) == 1 else f"{len(scene.faces)} faces"
    lines = [(f"{scene.fps:.1f} fps, {people}", _WHITE)]
    lines += [(str(alert), _RED if alert.raised else _WHITE) for alert in scene.alerts]
    _block(picture, lines, (0, 0), line_px)
    advice: list[tuple[str, Colour]] = [(str(each), _YELLOW) for each in scene.advice]
    _block(picture, advice, (0, picture.shape[0] - line_px * len(advice)), line_px)
    return picture


def _box(picture: ByteArray, face: Seen, line_px: int) -> None:
    x, y, width, height = face.box
    thick = _frame(line_px)
    for colour, pixels in ((_BLACK, thick + 2), (_YELLOW, thick)):
        cv2.rectangle(picture, (x, y), (x + width, y + height), colour, pixels)


def _label(picture: ByteArray, face: Seen, line_px: int) -> None:
    """Write what a face shows beside it, where there is room, so that it is seen."""
    x, y, width, _ = face.box
    thick = _frame(line_px)
    lines = [(f"{label} {share:.0%}", _WHITE) for label, share in face.probabilities[:_NAMED]]
    title = (f"face {face.number}" + "".join(f", {note}" for note in face.notes), _YELLOW)
    lines = [title, *lines]
    wide = max(_width(text, line_px) for text, _ in lines)
    left = x + width + thick if x + width + thick + wide <= picture.shape[1] else x - thick - wide
    top = min(max(0, y), max(0, picture.shape[0] - line_px * len(lines)))
    _block(picture, lines, (max(0, left), top), line_px)


def _frame(line_px: int) -> int:
    return max(2, line_px // 8)


def _block(
    picture: ByteArray, lines: list[tuple[str, Colour]], corner: tuple[int, int], line_px: int
) -> None:
    """Write lines on a dark ground, the upper left corner of which is at `corner`."""
    if not lines:
        return
    left, top = corner
    wide = max(_width(text, line_px) for text, _ in lines)
    ground = picture[top : top + line_px * len(lines), left : left + wide]
    ground //= 4
    for number, (text, colour) in enumerate(lines):
        at = (left + line_px // 4, top + line_px * (number + 1) - line_px // 4)
        cv2.putText(picture, text, at, _FONT, line_px / 36, colour, _pen(line_px), cv2.LINE_AA)


def _width(text: str, line_px: int) -> int:
    (wide, _), _ = cv2.getTextSize(text, _FONT, line_px / 36, _pen(line_px))
    return int(wide) + line_px // 2


def _pen(line_px: int) -> int:
    return max(1, line_px // 20)
