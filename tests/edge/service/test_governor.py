"""The governor in made-up time: a simulated camera, loop and processor feed it numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from edge.service.governor import CALM_S, IDLE_S, LONGEST_S, SCAN_EVERY_MOST, Governor
from edge.service.thermal import HOT_C, Heat, read


@dataclass
class Simulation:
    """A camera of `fps`, a loop whose frame costs `base_s`, and `scan_s` where it scans."""

    governor: Governor
    fps: float = 15.0
    base_s: float = 0.001
    scan_s: float = 0.0
    idle: bool = False
    cpu_s: float = 40.0
    """As if starting had cost so much."""
    now_s: float = 1000.0
    decoding: float = 0.0
    """The share of a core that the camera's thread takes, whatever the loop does."""
    taken: list[int] = field(default_factory=list)
    """Which of the camera's frames the loop got."""

    def run(self, seconds: float) -> None:
        end_s, took = self.now_s + seconds, 0
        while self.now_s < end_s:
            # The newest frame that the loop has not seen, else the next one.
            newest = int(self.now_s * self.fps)
            if self.taken and newest == self.taken[-1]:
                newest += 1
                self.now_s = newest / self.fps + 1e-6
            self.taken.append(newest)
            spent_s = self.base_s
            if took % self.governor.scan_every == 0:
                spent_s += self.scan_s
            took += 1
            self.cpu_s += spent_s
            self.now_s += spent_s
            others_s = self.decoding * self.now_s
            self.now_s += self.governor.wait_s(self.cpu_s, others_s, self.now_s, idle=self.idle)

    def share(self, seconds: float) -> float:
        """What the next `seconds` take of the core."""
        cpu_s, now_s = self.cpu_s, self.now_s
        self.run(seconds)
        return (self.cpu_s - cpu_s) / (self.now_s - now_s)

    @property
    def dropped(self) -> int:
        return sum(b - a - 1 for a, b in pairwise(self.taken))


def test_within_the_budget_every_frame_is_taken_and_every_one_scanned() -> None:
    simulation = Simulation(Governor(0.5), base_s=0.005, scan_s=0.01)
    simulation.run(60)
    assert simulation.dropped == 0
    assert simulation.governor.scan_every == 1


@pytest.mark.parametrize("budget", [0.05, 0.2, 0.5, 0.9])
def test_frames_are_dropped_until_the_share_fits_the_budget(budget: float) -> None:
    simulation = Simulation(Governor(budget), base_s=0.08)  # 1.2 cores at 15 frames a second
    simulation.run(10)
    assert simulation.share(60) == pytest.approx(budget, rel=0.05)
    assert simulation.dropped > 0
    assert simulation.taken == sorted(set(simulation.taken)), "none twice, none out of order"


def test_scans_are_thinned_out_before_any_frame_is_dropped() -> None:
    simulation = Simulation(Governor(0.5), base_s=0.005, scan_s=0.05)  # 0.83 of a core
    simulation.run(60)
    assert simulation.governor.scan_every == 2
    assert simulation.dropped == 0


def test_thin_scans_become_dense_again_only_where_there_is_room_for_them() -> None:
    simulation = Simulation(Governor(0.5), base_s=0.005, scan_s=0.05)
    simulation.run(60)
    simulation.scan_s = 0.03  # now every frame could be scanned, but for the room to be sure
    simulation.run(60)
    assert simulation.governor.scan_every == 2
    simulation.scan_s = 0.01
    simulation.run(2 * CALM_S)
    assert simulation.governor.scan_every == 1


def test_it_does_not_swing() -> None:
    simulation = Simulation(Governor(0.5), base_s=0.005, scan_s=0.05)
    changes = []
    for _ in range(600):
        before = simulation.governor.scan_every
        simulation.run(1)
        changes.append(simulation.governor.scan_every != before)
    assert sum(changes) == 1


def test_one_dear_second_drops_nothing() -> None:
    simulation = Simulation(Governor(0.5), base_s=0.001)
    simulation.run(10)
    simulation.base_s = 0.06
    simulation.run(0.9)
    simulation.base_s = 0.001
    simulation.run(10)
    assert simulation.dropped == 0


def test_what_starting_cost_is_not_counted() -> None:
    governor = Governor(0.05)
    assert governor.wait_s(100.0, 50.0, 5.0, idle=False) == 0.0
    assert governor.wait_s(100.001, 50.001, 5.1, idle=False) == 0.0


def test_with_nobody_there_few_frames_are_taken_and_every_one_once_somebody_comes() -> None:
    simulation = Simulation(Governor(0.5), idle=True)
    simulation.run(10)
    before = len(simulation.taken)
    simulation.run(10)
    assert 3 <= (len(simulation.taken) - before) / 10 <= 5
    last, simulation.idle = simulation.taken[-1], False
    simulation.run(1)
    seen = [frame for frame in simulation.taken if frame > last]
    assert (seen[0] - last) / simulation.fps <= IDLE_S + 2 / simulation.fps
    assert seen == list(range(seen[0], seen[-1] + 1)), "every frame, from the first on"


def test_no_wait_is_longer_than_the_watchdog_can_bear() -> None:
    governor = Governor(0.05)
    governor.wait_s(0.0, 0.0, 0.0, idle=False)
    assert governor.wait_s(30.0, 0.0, 30.0, idle=True) == LONGEST_S


def test_what_other_threads_take_is_part_of_the_budget() -> None:
    simulation = Simulation(Governor(0.5), base_s=0.08, decoding=0.3)
    simulation.run(10)
    assert simulation.share(60) == pytest.approx(0.2, rel=0.1)


def test_a_stream_too_dear_to_decode_does_not_starve_the_loop() -> None:
    simulation = Simulation(Governor(0.5), base_s=0.02, decoding=0.9)
    simulation.run(10)
    before = len(simulation.taken)
    assert simulation.share(60) == pytest.approx(0.5 / 4, rel=0.1)
    assert (len(simulation.taken) - before) / 60 > 5


# Heat


def test_a_hot_board_gets_thinner_scans_and_dense_ones_again_when_it_has_cooled_down() -> None:
    simulation = Simulation(Governor(0.5))
    for expected in (2, 4, 8, 8):
        simulation.governor.update_temperature(Heat(HOT_C + 1, None))
        assert simulation.governor.scan_every == expected
        simulation.run(10)
    simulation.governor.update_temperature(Heat(HOT_C - 1, None))  # not yet cool
    simulation.run(60)
    assert simulation.governor.scan_every == SCAN_EVERY_MOST
    simulation.governor.update_temperature(Heat(HOT_C - 10, None))
    simulation.run(4 * CALM_S)
    assert simulation.governor.scan_every == 1


def test_a_board_that_says_it_is_throttled_is_hot_at_any_temperature() -> None:
    governor = Governor(0.5)
    governor.update_temperature(Heat(60.0, False))
    assert governor.scan_every == 1
    governor.update_temperature(Heat(60.0, True))
    assert governor.scan_every == 2


def test_a_machine_that_tells_nothing_is_not_hot() -> None:
    governor = Governor(0.5)
    governor.update_temperature(Heat(None, None))
    assert governor.scan_every == 1


def sysfs(root: Path, temperature: str | None, flags: str | None, soc: str = "soc") -> Path:
    for path, text in {
        "class/thermal/thermal_zone0/temp": temperature,
        f"devices/platform/{soc}/{soc}:firmware/get_throttled": flags,
    }.items():
        if text is not None:
            (root / path).parent.mkdir(parents=True)
            (root / path).write_text(text)
    return root


@pytest.mark.parametrize(
    ("temperature", "flags", "heat"),
    [
        ("48312\n", "0\n", Heat(48.312, False)),
        ("85000\n", "50005\n", Heat(85.0, True)),
        ("61000\n", "80008\n", Heat(61.0, True)),
        ("61000\n", "50000\n", Heat(61.0, False)),  # it was, since it started
        ("61000\n", None, Heat(61.0, None)),
        (None, "0\n", Heat(None, False)),
        (None, None, Heat(None, None)),
        ("warm\n", "?\n", Heat(None, None)),
        ("", "", Heat(None, None)),
    ],
)
def test_what_the_board_tells_is_read(
    tmp_path: Path, temperature: str | None, flags: str | None, heat: Heat
) -> None:
    assert read(sysfs(tmp_path, temperature, flags)) == heat


def test_a_pi_5_has_an_address_in_its_names(tmp_path: Path) -> None:
    assert read(sysfs(tmp_path, "40000", "4", "soc@107c000000")) == Heat(40.0, True)


def test_this_machine_tells_something_sensible_or_nothing() -> None:
    celsius, throttled = read()
    assert celsius is None or -50 < celsius < 150
    assert throttled in (None, False, True)
