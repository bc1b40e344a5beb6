"""`kill -9` at random moments, systemd starting it again: what is on disk, what was delivered."""

from __future__ import annotations

import os
import random
import time
from itertools import pairwise
from typing import Any

from edge.diary import schema
from tests.conftest import Mosquitto
from tests.support.mqtt import alerts, listening
from tests.systems.conftest import Figure
from tests.systems.pi import Pi, once_each, paired, waited

KILLS = int(os.environ.get("FER_EDGE_KILLS", "4"))
#: How long a run lives after it is ready; this many plays of the clip outlast it.
LIVES_S = (0.0, 3.0)
PLAYS = 8
RAISED = "raised"


def clip(pi: Pi) -> str:
    """The demo's clip, as installed: every frame of it is used, so every run is the same."""
    find = "find /opt/fer-edge -name average-faces.mp4"
    return pi.machine.run(find).stdout.strip()


def play(pi: Pi, broker: Mosquitto, plays: int) -> None:
    pi.configure(clip(pi), broker)
    text = pi.folder("/etc/fer-edge/config.toml").read_text()
    text = text.replace("reading_interval_s = 0.2", "reading_interval_s = 0")
    text = text.replace("[diary]\n", "[diary]\nmax_bytes = 100000\n")
    pi.machine.put("/etc/fer-edge/config.toml", text)
    run = f"/opt/fer-edge/bin/fer-edge run --loop {plays}"
    pi.drop_in(f"ExecStart=\nExecStart={run}\nRestartSec=1")


def readings(pi: Pi) -> list[schema.Row]:
    """The rows about a face: those of events depend on what was raised before a kill."""
    return [row for row in pi.rows() if row.face is not None]


def runs(rows: list[schema.Row]) -> list[list[schema.Row]]:
    """The rows of each process: a file's time begins again at midnight with it."""
    found: list[list[schema.Row]] = []
    for row in rows:
        if not found or row.time < found[-1][-1].time:
            found.append([])
        found[-1].append(row)
    return found


def content(run: list[schema.Row]) -> list[tuple[str, ...]]:
    """What must be the same in each run: all but where its face numbers begin."""
    first = run[0].face or 0
    return [(r.values[0][11:], str((r.face or 0) - first), *r.values[2:]) for r in run]


def clock(message: dict[str, Any]) -> str:
    """The time of day, without the date."""
    return str(message["time"])[11:]


def raised(messages: list[dict[str, Any]]) -> list[str]:
    return [clock(message) for message in messages if message["event_type"] == RAISED]


def what_a_whole_run_gives(pi: Pi, broker: Mosquitto) -> tuple[list[tuple[str, ...]], list[str]]:
    """The rows, and the times of the alerts, of `PLAYS` plays without a kill."""
    pi.fresh(clip(pi), broker)
    play(pi, broker, PLAYS)
    with listening(broker) as subscriber:
        pi.start()
        waited(lambda: pi.show("ActiveState") == "inactive", "the clip to end", 300)
        return content(readings(pi)), raised(once_each(alerts(subscriber)))


def kill_again_and_again(pi: Pi) -> list[float]:
    """How long each time it took to be up again."""
    dice, back_s = random.Random(7), []
    for _ in range(KILLS):
        time.sleep(dice.uniform(*LIVES_S))
        process = pi.pid()
        pi.kill("SIGKILL")
        back_s.append(pi.ready(process))
    return back_s


def test_kills_cost_nothing(pi: Pi, broker: Mosquitto, figure: Figure) -> None:
    rows, times = what_a_whole_run_gives(pi, broker)
    pi.fresh(clip(pi), broker)
    play(pi, broker, PLAYS)
    with listening(broker) as subscriber:
        pi.start()
        back_s = kill_again_and_again(pi)
        time.sleep(1)
        pi.stop()
        got = alerts(subscriber)
    left = runs(readings(pi))
    for at, run in enumerate(left):
        assert content(run) == rows[: len(run)], f"run {at}"
    numbers = [{row.face for row in run if row.face is not None} for run in left]
    assert all(max(a) < min(b) for a, b in pairwise(numbers)), "a face's number came again"
    seen = once_each(got)
    assert paired(seen)
    delivered = check_alerts(left, times, raised(seen))
    figure(
        f"{KILLS} kills: 0 of {sum(map(len, left))} rows torn, doubled or missing; 0 of {delivered}"
        f" alerts lost, {len(got) - len(seen)} sent twice (same id); up again after"
        f" {sorted(back_s)[len(back_s) // 2]:.1f} s, at most {max(back_s):.1f} s (RestartSec=1)"
    )


def check_alerts(left: list[list[schema.Row]], times: list[str], got: list[str]) -> int:
    """Each run must have delivered all that was raised before its last row, in order.

    The last row of a killed run may have raised one that was not on disk yet.
    """
    places = {0}
    for number, run in enumerate(left):
        last = run[-1].values[0][11:]
        due = [time for time in times if time < last]
        places = {at + len(due) for at in places if got[at : at + len(due)] == due}
        assert places, f"run {number} of {len(left)}, until {last}"
        if last in times:
            places |= {at + 1 for at in places if got[at : at + 1] == [last]}
    assert len(got) in places
    return len(got)
