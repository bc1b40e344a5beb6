"""What may befall a service, done to the installed one: it comes back, and has lost nothing."""

from __future__ import annotations

import time

import numpy as np

from tests.conftest import Mosquitto
from tests.support.diaries import parsed
from tests.support.mqtt import alerts, listening, retained
from tests.systems.conftest import LONG, Figure
from tests.systems.pi import LOGS, Pi, once_each, paired, waited
from tests.systems.stream import Stream, jpeg

#: The unit's RestartSec, and what starting takes on a busy machine.
BACK_S = 5.0 + 10.0


def grows(pi: Pi, by: int = 5) -> float:
    """Waits for that many more rows; how long that took."""
    before = len(pi.rows())
    return waited(lambda: len(pi.rows()) >= before + by, f"{by} more rows in the diary")


def test_a_loop_that_hangs_is_killed_and_started_again(running: Pi, figure: Figure) -> None:
    watchdog_s = 30.0 if LONG else 4.0
    if not LONG:
        running.drop_in(f"WatchdogSec={watchdog_s:.0f}")
        running.machine.run("systemctl restart fer-edge")
    grows(running)
    hung = running.pid()
    running.kill("SIGSTOP")
    killed_s = waited(lambda: running.pid() != hung, "the watchdog", watchdog_s + 30)
    back_s = running.ready(hung)
    grows(running)
    figure(f"killed after {killed_s:.1f} s (WatchdogSec={watchdog_s:.0f}), up {back_s:.1f} s later")
    assert "Watchdog timeout" in running.said()
    assert killed_s < watchdog_s + 3
    assert back_s < BACK_S


def test_a_camera_that_falls_silent_is_reported_and_taken_back(
    running: Pi, camera: Stream, figure: Figure
) -> None:
    grows(running)
    camera.silent = True
    told_s = waited(lambda: "no picture" in running.said(), "a word about the camera")
    process = running.pid()
    gave_up_s = waited(lambda: running.pid() != process, "it to be started again") + told_s
    camera.silent = False
    back_s = grows(running)
    figure(
        f"reported after {told_s:.1f} s, ended after {gave_up_s:.1f} s, rows {back_s:.1f} s later"
    )
    assert told_s < 3.0 + 0.5
    assert back_s < BACK_S


def test_a_camera_that_is_away_is_looked_for_until_it_is_back(
    running: Pi, camera: Stream, figure: Figure
) -> None:
    grows(running)
    camera.absent = True
    tries = 10 if LONG else 2
    waited(lambda: int(running.show("NRestarts")) >= tries, "it to try again and again", 200)
    assert running.show("ActiveState") in {"activating", "deactivating"}
    camera.absent = False
    back_s = grows(running)
    figure(f"rows {back_s:.1f} s after its return, {tries} restarts in vain before")
    assert back_s < BACK_S


def test_alerts_wait_for_a_broker_that_is_away(
    running: Pi, broker: Mosquitto, figure: Figure
) -> None:
    with listening(broker, "-c", "-i", "sub", "-x", "60"):
        grows(running)
    broker.stop()
    rows = len(running.rows())
    time.sleep(30 if LONG else 8)
    assert len(running.rows()) > rows + 15, "the diary must go on"
    broker.start()
    with listening(broker) as subscriber:
        back_s = waited(lambda: len(alerts(subscriber)) >= 2, "the alerts that waited")
        running.stop()
        got = alerts(subscriber)
    twice = len(got) - len(once_each(got))
    figure(f"{len(got)} alerts, {twice} of them twice, {back_s:.1f} s after its return")
    assert paired(once_each(got))


def test_a_full_and_then_read_only_card_is_said_once_each_and_costs_no_row(
    pi: Pi, camera: Stream, broker: Mosquitto, figure: Figure
) -> None:
    pi.fresh(camera.url, broker)
    pi.machine.run(f"mount -t tmpfs -o size=128k,mode=0750 tmpfs {LOGS}; chown fer-edge: {LOGS}")
    word = f"{LOGS}/expressions.csv: cannot write the diary: "
    with listening(broker) as subscriber:
        pi.start()
        grows_inside(pi, 5)
        pi.machine.run(f"cat /dev/zero >{LOGS}/filler", check=False)
        # The file is closed now, so that the card can be made read-only under it.
        waited(lambda: f"{word}No space left" in pi.said(), "a word about the full card")
        remount = f"until mount {LOGS} -o remount,r{{}} 2>/dev/null; do sleep 0.05; done"
        pi.machine.run(remount.format("o"))
        waited(lambda: f"{word}Read-only" in pi.said(), "a word about the read-only card")
        so_far = len(alerts(subscriber))
        waited(lambda: len(alerts(subscriber)) > so_far + 1, "alerts to go on")
        assert pi.said().count(word) == 2
        pi.machine.run(f"{remount.format('w')}; rm {LOGS}/filler")
        back_s = grows_inside(pi, 5)
        pi.stop()
        gap_s = longest_gap_s(inside(pi))
    figure(f"rows again after {back_s:.1f} s; longest gap between rows {gap_s:.1f} s, none torn")
    assert gap_s < 1.0, "rows wait in memory"


def test_a_log_directory_that_is_removed_and_comes_back(
    running: Pi, broker: Mosquitto, figure: Figure
) -> None:
    grows(running)
    running.machine.run(f"rm -rf {LOGS}")
    waited(lambda: "cannot write the diary" in running.said(), "a word about it")
    with listening(broker) as subscriber:
        waited(lambda: len(alerts(subscriber)) >= 1, "alerts to go on")
    running.machine.run(f"install -d -o fer-edge -g fer-edge -m 0750 {LOGS}")
    back_s = grows(running)
    figure(f"rows again {back_s:.1f} s after it came back")
    assert running.said().count("cannot write the diary") == 1
    assert running.show("NRestarts") == "0"


def test_more_memory_than_it_may_have(running: Pi, camera: Stream, figure: Figure) -> None:
    running.drop_in("MemoryMax=200M")  # whatever the decoder makes of the picture below, it is more
    running.machine.run("systemctl restart fer-edge")
    grows(running)
    process, before = running.pid(), running.rows()
    camera.odd = jpeg(np.zeros((15000, 15000), np.uint8))
    killed_s = waited(lambda: running.pid() != process, "it to be killed")
    back_s = running.ready(process)
    grows(running)
    figure(f"killed after {killed_s:.1f} s, up {back_s:.1f} s later, no row lost")
    assert running.rows()[: len(before)] == before
    assert back_s < BACK_S


def test_a_stop_is_prompt_and_told(running: Pi, broker: Mosquitto, figure: Figure) -> None:
    grows(running)
    took_s = running.stop()
    assert retained(broker)["availability"] == "offline"
    running.start(block=False)
    time.sleep(0.3)  # it is loading its parts
    early_s = running.stop()
    figure(f"{took_s:.1f} s; during start-up {early_s:.1f} s")
    assert took_s < 2.5
    assert early_s < 2.5
    assert running.show("Result") == "success"
    running.rows()


def test_a_wrong_configuration_is_named_and_not_tried_again(
    running: Pi, camera: Stream, broker: Mosquitto, figure: Figure
) -> None:
    running.configure(camera.url, broker, more="[camera2]\n")
    running.machine.run("systemctl restart fer-edge", check=False)
    assert running.show("ActiveState") == "failed"
    assert running.show("ExecMainStatus") == "78"
    assert running.show("NRestarts") == "0"
    assert "config.toml: camera2: unknown key; did you mean 'camera'?" in running.said()
    figure("exit 78, the key named, not restarted")


def test_reloading_takes_a_good_configuration_and_keeps_the_old_for_a_bad(
    running: Pi, camera: Stream, broker: Mosquitto, figure: Figure
) -> None:
    grows(running)
    process = running.pid()
    running.configure(camera.url, broker, more="[camera2]\n")
    assert running.machine.run("systemctl reload fer-edge", check=False).returncode
    waited(lambda: "camera2" in running.said(), "a word about the mistake")
    grows(running)
    running.configure(camera.url, broker)
    reloads = 300 if LONG else 40
    running.machine.run(f"for i in $(seq {reloads}); do systemctl reload fer-edge; done")
    grows(running)
    figure(f"a bad one named, {reloads} more reloads, the same process")
    assert running.pid() == process
    assert running.show("ActiveState") == "active"


def inside(pi: Pi) -> str:
    """The diary as the container sees it: a mount of its own is not seen from without."""
    return pi.machine.run(f"cat {LOGS}/expressions.csv").stdout


def grows_inside(pi: Pi, by: int) -> float:
    before = inside(pi).count("\n")
    return waited(lambda: inside(pi).count("\n") >= before + by, f"{by} more rows in the diary")


def longest_gap_s(text: str) -> float:
    """Between two rows; the text must consist of whole rows."""
    lines = text.splitlines(keepends=True)
    rows = parsed(lines)
    assert len(rows) == len(lines) - 1, "torn row"
    times = [row.time.timestamp() for row in rows]
    return float(max(np.diff(times)))
