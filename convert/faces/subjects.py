"""Identify the person in a picture by its file name."""

from __future__ import annotations

import re
from pathlib import Path

#: CK+ (Lucey et al. 2010) names its pictures subject_sequence_frame.
_CKPLUS = re.compile(r"(S\d{3})_\d{3}_\d{8}")


def subject_of(name: str) -> str:
    """Return the person in the picture called `name`, "" if the name has none."""
    found = _CKPLUS.match(Path(name).name)
    return found[1] if found else ""
