"""The short form of `tests.fuzz_convert`."""

from __future__ import annotations

from pathlib import Path

from tests.fuzz_convert import fuzz


def test_damaged_files_are_refused_or_converted(tmp_path: Path) -> None:
    found = fuzz(tmp_path, count=60, seed=2)
    assert not found.faults
    assert found.outcomes["refused"] >= 20
    assert found.outcomes["loaded"] >= 5
    assert sum(found.outcomes.values()) == 60
