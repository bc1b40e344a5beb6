"""What the commands show while they work."""

from __future__ import annotations

import pytest

from convert.cli.progress import line


def test_a_bar_fills_as_far_as_the_stage_is_done() -> None:
    assert (
        line("probing", 1, 2, None, 80).rstrip() == "probing      " + "█" * 15 + "░" * 15 + " 1/2"
    )


def test_the_time_left_is_told_in_minutes() -> None:
    assert line("comparing", 9, 10, 125.4, 80).rstrip().endswith(" 9/10, 2:05 left")


@pytest.mark.parametrize("columns", [24, 40, 80, 200])
@pytest.mark.parametrize("total", [0, 448])
def test_no_line_is_longer_than_the_terminal(columns: int, total: int) -> None:
    words = "epoch 3/60, 5 h 3 min left, validation 30.2% (best 30.2%)"
    assert len(line(words, total // 2, total, 3600, columns)) < columns


def test_a_line_for_itself_has_no_bar() -> None:
    assert line("left out of training: 11 pictures", 0, 0, None, 80) == (
        "left out of training: 11 pictures"
    )
