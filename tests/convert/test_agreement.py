"""When int8 agrees with float: near ties do not count, decided answers do."""

from __future__ import annotations

import numpy as np
import pytest

from convert.agreement import DECIDED, agreement, compare


def rows(*margins: float) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Probabilities of three classes, the first ahead of the second by each of `margins`."""
    return np.array([[0.45 + m / 2, 0.45 - m / 2, 0.1] for m in margins], np.float32)


def test_an_exchange_of_near_equals_does_not_count() -> None:
    exact = rows(*[0.02] * 10, *[0.5] * 90)
    quantized = rows(*[-0.02] * 10, *[0.5] * 90)
    found = compare(exact, quantized)
    assert found.agreement == pytest.approx(0.9)
    assert (found.decided, found.decided_agreement) == (90, 1.0)
    assert found.counted(0.95) == 1.0
    assert found.counted(0.96) == pytest.approx(0.9)  # stricter than the default: all count
    said = agreement(found.as_dict())
    assert (
        said == "agrees with float on 90.0% of 100 faces, 100.0% of the 90 where float is decided"
    )


def test_an_exchange_of_what_float_is_decided_on_counts() -> None:
    exact, quantized = rows(*[0.5] * 100), rows(*[-0.5] * 6, *[0.5] * 94)
    found = compare(exact, quantized)
    assert found.counted(0.95) == pytest.approx(0.94)
    assert agreement(found.as_dict()) == "agrees with float on 94.0% of 100 faces"


def test_an_answer_that_is_always_the_same_is_poor() -> None:
    exact = np.roll(rows(*[0.5] * 99), 0)
    exact[::3], exact[1::3] = exact[0, [1, 0, 2]], exact[0, [2, 1, 0]]
    found = compare(exact, rows(*[0.5] * 99))
    assert found.counted(0.95) == pytest.approx(1 / 3)


def test_where_float_is_hardly_ever_decided_every_face_counts() -> None:
    exact = rows(*[DECIDED / 2] * 80, *[0.5] * 20)
    quantized = rows(*[-DECIDED / 2] * 80, *[0.5] * 20)
    found = compare(exact, quantized)
    assert found.decided == found.faces
    assert found.counted(0.95) == pytest.approx(0.2)


@pytest.mark.parametrize(("told_apart", "counted"), [(40, 1.0), (20, 0.2)])
def test_what_the_output_cannot_tell_apart_does_not_count(told_apart: int, counted: float) -> None:
    near = 100 - told_apart
    exact = rows(*[0.002] * near, *[0.02] * told_apart)
    found = compare(exact, rows(*[-0.002] * near, *[0.02] * told_apart))
    assert found.counted(0.95) == pytest.approx(counted)
