"""The short form of `tests.support.fuzz_convert`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.fuzz_convert import fuzz

pytestmark = pytest.mark.slow


def test_damaged_files_are_refused_or_converted(tmp_path: Path) -> None:
    found = fuzz(tmp_path, count=60, seed=2)
    assert not found.faults
    ends = found.outcomes
    assert sum(ends.values()) == 60
    assert ends["refused"] + ends["loaded"] + ends["converted"] >= 55
    assert ends["loaded"] + ends["converted"] >= 1  # not everything is stopped at the door
