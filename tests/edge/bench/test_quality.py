"""The benchmark's judgement of faces, on boxes made by hand."""

from __future__ import annotations

import pytest

from edge.bench.quality import NEAR, link, score
from edge.records import Box, Face

LEFT, RIGHT = Box(0, 0, 100, 100), Box(300, 0, 100, 100)
#: Overlaps LEFT by 0.43 and by 0.38.
HALF_OFF, FURTHER_OFF = Box(40, 0, 100, 100), Box(45, 0, 100, 100)


def face(track: int, box: Box = LEFT) -> tuple[Face, ...]:
    return (Face(track, box),)


def test_what_haar_sees_and_we_report_is_all_right() -> None:
    both = [(Face(1, LEFT), Face(2, RIGHT))] * 10
    quality = score([[LEFT, RIGHT]] * 10, both)
    assert (quality.recall, quality.precision) == (1.0, 1.0)
    assert (quality.id_changes, quality.linked_frames) == (0, 20)
    assert (quality.tracks, quality.false_tracks) == (2, 0)


def test_without_boxes_there_are_no_shares() -> None:
    quality = score([[]] * 5, [()] * 5)
    assert (quality.recall, quality.precision, quality.tracks) == (None, None, 0)


def test_recall_wants_a_box_in_the_very_frame() -> None:
    assert score([[LEFT]] * 4, [face(1), (), face(1), ()]).recall == 0.5
    assert score([[LEFT]] * 4, [face(1, RIGHT)] * 4).recall == 0.0


@pytest.mark.parametrize(("box", "recall"), [(HALF_OFF, 1.0), (FURTHER_OFF, 0.0)])
def test_boxes_cover_each_other_from_an_overlap_of_four_tenths_on(box: Box, recall: float) -> None:
    assert score([[LEFT]] * 3, [face(1, box)] * 3).recall == recall


def test_haar_boxes_of_two_frames_need_not_be_found_those_of_three_must() -> None:
    assert score([[LEFT], [LEFT], []], [()] * 3).recall is None
    assert score([[LEFT], [], [LEFT], [LEFT]], [()] * 4).recall is None
    assert score([[], [LEFT], [LEFT], [LEFT]], [()] * 4).recall == 0.0


@pytest.mark.parametrize(("away", "precision"), [(NEAR, 1.0), (NEAR + 1, 0.0)])
@pytest.mark.parametrize("earlier", [True, False])
def test_precision_takes_haar_boxes_of_twelve_frames_before_and_after(
    away: int, precision: float, earlier: bool
) -> None:
    haar: list[list[Box]] = [[LEFT]] + [[]] * away
    ours: list[tuple[Face, ...]] = [()] * away + [face(1)]
    if not earlier:
        haar, ours = haar[::-1], ours[::-1]
    quality = score(haar, ours)
    assert (quality.precision, quality.false_tracks) == (precision, 1 - precision)


def test_a_track_is_false_when_none_of_its_boxes_is_right() -> None:
    ours = [(Face(1, LEFT), Face(2, RIGHT)), (Face(1, RIGHT), Face(2, RIGHT))]
    quality = score([[LEFT], [LEFT]], ours)
    assert (quality.precision, quality.tracks, quality.false_tracks) == (0.25, 2, 1)


def test_ids_are_counted_along_each_face_also_over_frames_that_we_missed() -> None:
    ours = [face(1), (), face(1), face(2), (), face(3), face(3)]
    quality = score([[LEFT]] * 7, ours)
    assert (quality.id_changes, quality.linked_frames) == (2, 5)


def test_a_swap_is_two_changes() -> None:
    before = (Face(1, LEFT), Face(2, RIGHT))
    after = (Face(2, LEFT), Face(1, RIGHT))
    assert score([[LEFT, RIGHT]] * 6, [before] * 3 + [after] * 3).id_changes == 2


def test_another_face_in_the_same_place_after_a_gap_is_no_change() -> None:
    haar = [[LEFT]] * 3 + [[]] + [[LEFT]] * 3
    assert score(haar, [face(1)] * 3 + [()] + [face(2)] * 3).id_changes == 0


def test_chains_follow_moving_faces_that_pass_one_another() -> None:
    haar = [[Box(20 * at, 0, 100, 100), Box(400 - 20 * at, 150, 100, 100)] for at in range(20)]
    chains = link(haar)
    assert [len(chain) for chain in chains] == [20, 20]
    assert {box.y for _, box in chains[0]} == {0}


def test_two_boxes_on_one_face_do_not_go_on_the_same_chain() -> None:
    chains = link([[LEFT], [HALF_OFF, LEFT], [LEFT]])
    assert sorted(map(len, chains)) == [1, 3]
