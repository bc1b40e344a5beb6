"""How closely the int8 file's answers match the float model's.

int8 moves a face's probabilities a little, and where two classes are nearly as likely, that decides
which comes first: an exchange of such classes says nothing about the file. Measured on 898 of
FER2013's public test pictures (every fourth), for public models that int8 leaves as accurate as
they are (at most 0.8 points lost):

| model | 95th percentile of how far int8 moves the margin | exchanged | where the margin is 0.1 |
|---|---:|---:|---:|
| oarriaga | 0.102 | 3.3 % | 0.0 % |
| htetthu | 0.055 | 2.6 % | 0.6 % |
| semih | 0.027 | 2.7 % | 0.2 % |
| yashbabel | 0.052 | 1.8 % | 0.0 % |
| chetanvamsi | 0.055 | 3.0 % | 0.0 % |

The margin is that between float's two likeliest classes. So 0.1 is what int8's steps explain.

A model may never be that decided: the margins of `katherine` (eight classes that are not emotions)
have a median of 0.003. On 140 synthetic faces int8 agrees on 86.4 %, and on all of the 47 % whose
margin is at least a step of the output.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from convert.request import MIN_AGREEMENT
from edge.records import FloatArray

#: Float is decided on a face if its two likeliest classes are at least this far apart.
DECIDED = 0.1
#: If float is decided on a smaller share of the faces, those count whose two likeliest classes the
#: file's output can tell apart; if they are fewer still, all. The models above are decided on 65 to
#: 90 %.
MIN_DECIDED = 0.25
#: The step of the file's output.
STEP = 1 / 256


@dataclass(frozen=True)
class Comparison:
    """Two models compared on the same faces.

    `agreement` is the share of all `faces` with the same answer, `decided_agreement` that of the
    `decided` ones.
    """

    faces: int
    agreement: float
    decided: int
    decided_agreement: float
    largest_difference: float

    def counted(self, minimum: float) -> float:
        """Return the share of faces with the same answer that `minimum` is compared with.

        Up to the default, an exchange counts only where float is decided; a stricter minimum counts
        every face.
        """
        if minimum > MIN_AGREEMENT:
            return self.agreement
        return max(self.agreement, self.decided_agreement)

    def as_dict(self) -> dict[str, Any]:
        """Return the rounded figures, for messages and JSON."""
        return {
            "faces": self.faces,
            "agreement": round(self.agreement, 4),
            "decided": self.decided,
            "decided_agreement": round(self.decided_agreement, 4),
            "largest_difference": round(self.largest_difference, 4),
        }


def agreement(compared: Mapping[str, Any]) -> str:
    """Return in words how int8 agrees with float, from `Comparison.as_dict`."""
    words = f"agrees with float on {compared['agreement']:.1%} of {compared['faces']} faces"
    decided = compared.get("decided", compared["faces"])
    if decided == compared["faces"]:
        return words
    share = compared["decided_agreement"]
    return f"{words}, {share:.1%} of the {decided} where float is decided"


def compare(exact: FloatArray, quantized: FloatArray) -> Comparison:
    """Compare probabilities `(N, classes)` of the float model and of the int8 file."""
    same = exact.argmax(axis=1) == quantized.argmax(axis=1)
    second, first = np.sort(exact, axis=1)[:, -2:].T
    enough = (first - second >= least for least in (DECIDED, STEP, 0.0))
    decided = next(found for found in enough if found.mean() >= MIN_DECIDED)
    return Comparison(
        len(exact),
        float(same.mean()),
        int(decided.sum()),
        float(same[decided].mean()),
        float(np.abs(exact - quantized).max()),
    )
