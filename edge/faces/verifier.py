"""Whether there is a face at a place, and where: the network decides, Haar draws the box."""

from __future__ import annotations

import math

import numpy as np

from edge.config.schema import FacesConfig
from edge.faces.cascade import QUICK, STRICT, Cascade
from edge.faces.network import FaceNetwork, Seen, Size
from edge.records import Box, ByteArray

#: A place is looked at with its surroundings, this many widths on each side, at this size: the
#: face is then about 48 pixels wide.
_AROUND, _SIDE = 0.5, 96
#: How far Haar's box may be from the network's, in widths, and how much they must overlap.
_REACH, _AGREE = 0.15, 0.5
#: The card's threshold is for one look. Two that agree may be this far below it, in log odds; one
#: look at a known face, or from which a place is looked at again, this far.
_TWICE, _DOUBT = 0.25, 1.0
#: Boxes that overlap by this share are on one face.
SAME = 0.3


class Verifier:
    """`cascade` None: the network's boxes are taken. `strict`: only faces that Haar sees, too."""

    def __init__(
        self, network: FaceNetwork, cascade: Cascade | None, *, strict: bool = False
    ) -> None:
        self._network, self._cascade, self._strict = network, cascade, strict
        multiple = network.card.multiple
        side = -(-_SIDE // multiple) * multiple
        self._size = Size(side, side)
        self.accepted = log_odds(network.card.threshold) - _TWICE
        """The score from which a new face is believed: the mean of two looks."""
        self.doubtful = log_odds(network.card.threshold) - _DOUBT
        """The score from which a place may be a face, and a known face is still one."""
        self.frontal = log_odds(network.card.frontal_threshold)
        """The score from which a head is turned to the camera; where Haar sees it, it is, too."""
        nothing = np.zeros((side, side), np.uint8)
        self.detect_around(nothing, Box(0, 0, side, side), 0.0)  # raises now if it is unusable

    def detect_around(self, gray: ByteArray, place: Box, least: float) -> list[Seen]:
        """Return the faces around `place`, those first that lie nearest."""
        seen = self._network.detect(gray, place.widened(_AROUND), self._size, least)
        return sorted(seen, key=lambda face: -face.box.overlap(place))

    def face_at(self, gray: ByteArray, place: Seen) -> Seen | None:
        """Return the face at a proposed place, if both looks together say it is one."""
        nearest = self.detect_around(gray, place.box, 2 * self.accepted - place.score)[:1]
        return next((face for face in nearest if face.box.overlap(place.box) > SAME), None)

    def refined(self, gray: ByteArray, seen: Seen) -> Seen | None:
        """Return the face with Haar's box, if it sees one; None: it must, and does not."""
        if self._cascade is None:
            return seen
        for how in (QUICK, STRICT) if self._strict else (QUICK,):
            box = self._cascade.verify(gray, seen.box, _REACH, how)
            if box is not None and box.overlap(seen.box) > _AGREE:
                return seen._replace(box=box, frontal=max(seen.frontal, self.frontal))
        return None if self._strict else seen


def log_odds(probability: float) -> float:
    """Return the logarithm of the odds, 0 for one half."""
    return math.log(probability / (1 - probability))


def eligible(box: Box, gray: ByteArray, config: FacesConfig) -> bool:
    """Return whether a face is large enough, and its centre in no ignored rectangle."""
    height, width = gray.shape
    x, y = (box.x + box.width / 2) / width, (box.y + box.height / 2) / height
    return box.width >= 0.9 * config.min_px and not any(
        left <= x < left + across and top <= y < top + down
        for left, top, across, down in config.ignore
    )
