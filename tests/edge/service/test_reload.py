"""SIGHUP at a running service: what is right takes over, what is wrong changes nothing."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from edge.config.loader import parse
from edge.config.schema import Config
from edge.diary import layout, reader
from edge.diary.writer import DiaryWriter
from edge.errors import FerEdgeError
from edge.messaging.outbox import NAME
from edge.service.parts import validate
from edge.service.systemd import Notifier
from tests.conftest import ROOT, Mosquitto, wait_for
from tests.support.mqtt import alerts, listening, retained, texts
from tests.support.notify import Manager
from tests.support.service import CLIP, Service, service

SLOW = ("--source", CLIP, "--realtime", "--loop", 99)
LINES = 'device = "pi"\n[mood]\nreading_interval_s = 0\n'


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(str(tmp_path / "notify"))
    yield made
    made.socket.close()


def reload(running: Service, lines: str) -> None:
    (running.directory / "config.toml").write_text(lines)
    running.process.send_signal(signal.SIGHUP)


def growing(running: Service, by: int = 5) -> bool:
    wait_for((running.directory / "log" / layout.NAME).exists, "the diary")
    before = len(running.diary())
    wait_for(lambda: len(running.diary()) >= before + by, "the diary to go on")
    return True


def heard_next(manager: Manager, beginning: str) -> str:
    """The next message that begins so; beats in between are passed over."""
    while not (text := manager.hears()).startswith(beginning):
        assert text.startswith("WATCHDOG=1"), text
    return text


def test_a_right_configuration_takes_over_in_the_same_process(
    broker: Mosquitto, manager: Manager, tmp_path: Path
) -> None:
    mqtt = f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n'
    with (
        listening(broker) as subscriber,
        service(tmp_path / "run", LINES + mqtt, *SLOW, NOTIFY_SOCKET=manager.address) as running,
    ):
        heard_next(manager, "READY=1")
        growing(running)
        before_us = time.monotonic_ns() // 1000
        reload(running, LINES + mqtt + 'prefix = "fer-edge/other"\n')
        told = heard_next(manager, "RELOADING=1").splitlines()
        assert told[0] == "RELOADING=1"
        name, _, moment_us = told[1].partition("=")
        assert name == "MONOTONIC_USEC"
        assert before_us <= int(moment_us) <= time.monotonic_ns() // 1000
        heard_next(manager, "READY=1")
        wait_for(
            lambda: (
                ("fer-edge/other/pi/availability", "online")
                in [(topic, text) for _, topic, text in subscriber.messages()]
            ),
            "the new prefix",
        )
        wait_for(lambda: texts(subscriber, "stats")[-1] == "", "the old topics to be emptied")
        assert texts(subscriber, "availability") == ["online", "offline", ""]
        assert growing(running)
        assert "the new configuration takes over" in running.said()
        assert running.stop()[0] == 0
    assert manager.heard()[-1] == "STOPPING=1"


@pytest.mark.slow
def test_where_the_camera_cannot_be_opened_again_the_same_process_starts_afresh(
    tmp_path: Path, manager: Manager
) -> None:
    """As with picamera2, whose presence among the modules is what is asked about."""
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "picamera2.py").write_text("")
    (modules / "sitecustomize.py").write_text("import picamera2\n")
    environ = {"PYTHONPATH": f"{modules}:{ROOT}", "NOTIFY_SOCKET": manager.address}
    with service(tmp_path, LINES, *SLOW, **environ) as running:
        growing(running)
        heard_next(manager, "READY=1")
        reload(running, LINES + "rate_hz = 3.0\n")
        wait_for(lambda: "starting afresh to open the camera again" in running.said(), "a start")
        heard_next(manager, "RELOADING=1")
        heard_next(manager, "READY=1")
        growing(running)
        assert running.process.poll() is None
        assert running.said().count("starting afresh") == 1
        assert running.stop()[0] == 0


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ("[camera]\nfsp = 3\n", "camera.fsp: unknown key; did you mean 'fps'?"),
        ('[model]\npath = "/none.tflite"\n', "/none.tflite: cannot read the model"),
        ("not toml", "not valid TOML"),
    ],
    ids=["key", "model", "syntax"],
)
def test_a_wrong_one_is_said_and_the_old_one_goes_on(
    manager: Manager, tmp_path: Path, lines: str, complaint: str
) -> None:
    with service(tmp_path / "run", LINES, *SLOW, NOTIFY_SOCKET=manager.address) as running:
        heard_next(manager, "READY=1")
        reload(running, lines)
        heard_next(manager, "RELOADING=1")
        heard_next(manager, "READY=1")
        assert growing(running)
        watching, line = running.said().splitlines()
        assert watching.startswith("INFO: watching ")
        assert complaint in line
        assert line.endswith("; the configuration stays as it was")
        # A restart would have begun the clip again.
        seconds = [row[:12] for row in running.diary()]
        assert seconds == sorted(seconds)


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ('[[alerts]]\nemotions = ["bored"]', "the model does not know 'bored'"),
        ('[mqtt]\nhost = "h"\nusername = "u"\npassword_file = "/none"', "mqtt.password_file"),
        ('[mqtt]\nhost = "h"\ntls = true\ntls_ca = "/none"', "mqtt.tls_ca"),
        ('[diary]\ndirectory = "/dev/null/x"', "diary.directory: /dev/null/x"),
        ('[state]\ndirectory = "/dev/null/x"', "state.directory: /dev/null/x"),
        ('[diary]\ndirectory = "~nobody-here/x"', "no such home directory"),
        ('[camera]\nsource = "/dev/video77"', "/dev/video77: no such camera"),
        ('[camera]\nsource = "77"', "/dev/video77: no such camera"),
        ('[camera]\nsource = "film.mp4"', "no such file, folder or camera"),
        ('[camera]\nsource = "/etc/hostname"', "/etc/hostname: no picture can be read from it"),
        ('[camera]\nsource = "/etc"', "/etc: no readable picture in this folder"),
        ('[camera]\nsource = "/dev/null"', "/dev/null: not a camera"),
        # A restart would end with it, and only an installation can mend it.
        ('[camera]\nsource = "picamera2"', "picamera2 is not installed here"),
    ],
)
def test_everything_is_looked_at_before_it_is_taken(lines: str, complaint: str) -> None:
    with pytest.raises(FerEdgeError, match=complaint):
        validate(parse(lines, "x"), Config())


@pytest.mark.parametrize("source", ["auto", "rtsp://host/live", str(CLIP)])
def test_what_may_be_right_is_not_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    monkeypatch.setenv("LOGS_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    validate(parse(f'[camera]\nsource = "{source}"', "x"), Config())


def test_validation_makes_no_directories(tmp_path: Path) -> None:
    tables = f'[diary]\ndirectory = "{tmp_path}/a/b"\n[state]\ndirectory = "{tmp_path}/a/c"'
    validate(parse(tables, "x"), Config())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_reload_with_a_full_disk_goes_on_and_the_end_says_what_is_missing(
    tmp_path: Path,
) -> None:
    (tmp_path / "run" / "log").mkdir(parents=True)
    (tmp_path / "run" / "log" / layout.NAME).symlink_to("/dev/full")
    with service(tmp_path / "run", LINES, "--source", CLIP, "--realtime") as running:
        wait_for(lambda: "cannot write the diary" in running.said(), "a word about the disk")
        reload(running, LINES + "[faces]\nmin_px = 40\n")
        wait_for(lambda: "rows could not be written" in running.said(), "the reload")
        wait_for(lambda: running.said().count("cannot write the diary") == 2, "the new writer")
        assert running.process.wait(60) == 1
    last = running.said().splitlines()[-1]
    assert last.startswith("fer-edge: ")
    assert "rows could not be written: No space left on device" in last


def test_a_diary_that_another_process_writes_is_refused_and_our_own_is_not(tmp_path: Path) -> None:
    config = parse(f'[diary]\ndirectory = "{tmp_path}"', "x")
    with DiaryWriter(config.diary, tmp_path, ("happy",)):
        with pytest.raises(FerEdgeError, match=f"{tmp_path}: another fer-edge writes there"):
            validate(config, Config())
        validate(config, config)
    validate(config, Config())


def test_a_source_without_pictures_does_not_end_the_service(tmp_path: Path) -> None:
    film = f'{LINES}[camera]\nsource = "{CLIP}"\n'
    with service(tmp_path / "run", film, "--realtime", "--loop", 99) as running:
        growing(running)
        for source in ("/etc/hostname", "/dev/null"):
            reload(running, f'{LINES}[camera]\nsource = "{source}"\n')
            wait_for(partial(mentioned, running, f"{source}: "), "the refusal")
        assert growing(running)
        assert running.said().count("; the configuration stays as it was") == 2


def mentioned(running: Service, text: str) -> bool:
    return text in running.said()


def descriptors_and_threads(running: Service) -> tuple[int, int]:
    place = Path(f"/proc/{running.process.pid}")
    return len(list((place / "fd").iterdir())), len(list((place / "task").iterdir()))


@pytest.mark.slow
def test_a_storm_of_signals_harms_nothing(tmp_path: Path) -> None:
    with service(tmp_path / "run", LINES, *SLOW) as running:
        growing(running)
        reload(running, LINES)
        growing(running)
        before = descriptors_and_threads(running)
        for _ in range(500):
            running.process.send_signal(signal.SIGHUP)
            time.sleep(0.004)
        taken = running.said().count("takes over")
        assert 2 <= taken < 500
        reload(running, LINES)
        wait_for(lambda: running.said().count("takes over") > taken, "the last of them")
        growing(running, 20)
        after = descriptors_and_threads(running)
        code, took_s = running.stop()
    assert code == 0
    assert took_s < 5
    assert after[0] <= before[0] + 2, "descriptors"
    assert after[1] <= before[1] + 2
    path = tmp_path / "run" / "log" / layout.NAME
    lines = path.read_bytes().split(b"\r\n")
    assert lines.pop() == b""
    assert len(list(reader.rows(path))) == len(lines) - 1, "no row is torn, none doubled"
    faces = [row.face for row in reader.rows(path) if row.face]
    assert faces == sorted(faces), "numbers only grow"


#: Raised by neutral half a second into the clip.
CALM = """
[[alerts]]
name = "calm"
emotions = ["neutral"]
count = 3
window_s = 600.0
clear_count = 0
min_confidence = 0
"""


@pytest.mark.slow
def test_an_alert_that_waits_for_the_broker_waits_through_it_and_goes_out_once(
    new_broker: Callable[[str], Mosquitto], tmp_path: Path
) -> None:
    broker = new_broker("")
    mqtt = f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n'
    with service(tmp_path / "run", LINES + mqtt + CALM, *SLOW) as running:
        wait_for(lambda: "'calm' raised" in running.said(), "the alert")
        reload(running, LINES + mqtt)
        wait_for(lambda: "'calm' cleared" in running.said(), "its end, as it is gone")
        growing(running)
        with closing(sqlite3.connect(tmp_path / "run" / "state" / NAME)) as database:
            kept = [key for (key,) in database.execute("SELECT id FROM waiting ORDER BY number")]
        broker.start()
        with listening(broker) as subscriber:
            wait_for(lambda: len(alerts(subscriber)) >= 2, "both messages")
            growing(running)
            assert [a["id"] for a in alerts(subscriber)][:2] == kept[:2]
            assert len({a["id"] for a in alerts(subscriber)}) == len(alerts(subscriber))
            state = json.loads(retained(broker)["state"])
        assert state["negative"].keys() == {"negative"}, "what is not configured is not counted"


@pytest.mark.slow
def test_neither_a_reload_nor_a_restart_clears_what_is_raised(
    new_broker: Callable[[str], Mosquitto], tmp_path: Path
) -> None:
    old, new = new_broker("").start(), new_broker("").start()

    def lines(broker: Mosquitto) -> str:
        return f'{LINES}[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n{CALM}'

    with listening(old) as before, listening(new) as after:
        with service(tmp_path / "run", lines(old), *SLOW) as running:
            wait_for(lambda: alerts(before), "raised")
            reload(running, lines(new))
            wait_for(lambda: retained(new).get("alert/calm") == "ON", "the new broker to know it")
            growing(running)
            assert running.stop()[0] == 0
        with service(tmp_path / "run", lines(new), *SLOW) as running:
            wait_for(lambda: retained(new).get("availability") == "online", "the restart")
            growing(running)
            running.kill()
        with service(tmp_path / "run", lines(new), *SLOW) as running:
            growing(running)
            wait_for(lambda: retained(new).get("availability") == "online", "the second restart")
            growing(running)
        assert [a["event_type"] for a in alerts(before)] == ["raised"]
        assert alerts(after) == []
        assert set(texts(after, "alert/calm")) == {"ON"}


def test_without_a_broker_a_reload_neither_clears_nor_raises_again(tmp_path: Path) -> None:
    with service(tmp_path / "run", LINES + CALM, *SLOW) as running:
        wait_for(lambda: "'calm' raised" in running.said(), "the alert")
        reload(running, LINES + "[faces]\nmin_px = 40\n" + CALM)
        wait_for(lambda: "takes over" in running.said(), "the reload")
        assert growing(running, 30)
        assert running.stop()[0] == 0
        assert running.said().count("alert 'calm'") == 1


def test_signals_before_the_first_frame_take_effect_after_it(tmp_path: Path) -> None:
    with service(tmp_path / "run", LINES, *SLOW) as running:
        maps = Path(f"/proc/{running.process.pid}/maps")
        wait_for(lambda: "/cv2/" in maps.read_text(), "OpenCV to be loaded")
        reload(running, LINES)
        wait_for(lambda: "takes over" in running.said(), "the signal to take effect")
        assert growing(running)


def test_a_terminals_hangup_ends_the_program() -> None:
    program = (
        "import os, signal; signal.signal(signal.SIGHUP, signal.SIG_DFL);"
        "from edge.service import signals; signals.listen(); os.kill(os.getpid(), signal.SIGHUP)"
    )
    ours, theirs = os.openpty()
    done = subprocess.run([sys.executable, "-c", program], stdin=theirs, cwd=ROOT, check=False)
    os.close(ours)
    os.close(theirs)
    assert done.returncode == -signal.SIGHUP


def test_without_a_manager_reloading_says_nothing() -> None:
    with Notifier("") as notifier:
        notifier.reloading()
        notifier.beat(0.0, "")
