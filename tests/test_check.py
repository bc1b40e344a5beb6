"""`fer-edge check`: one line a part, ok or what to do; exit code 0 or 1."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Mosquitto, Run, command, environment
from tests.house import CLIP, retained

Config = Callable[[str], Path]
PARTS = ["model", "camera", "diary", "state", "broker"]


def lines(broker: Mosquitto | None = None, **changed: str) -> str:
    """A configuration where all is well, but for what is `changed`: table to lines."""
    tables = {"camera": f'source = "{CLIP}"'}
    if broker is not None:
        tables["mqtt"] = f'host = "127.0.0.1"\nport = {broker.port}'
    tables |= changed
    return 'device = "pi"\n' + "".join(f"[{table}]\n{text}\n" for table, text in tables.items())


def test_where_all_is_well_every_part_is_ok(
    fer_edge: Run, config: Config, broker: Mosquitto
) -> None:
    done = fer_edge("check", "--config", config(lines(broker)))
    assert done.returncode == 0, done.stdout
    said = done.stdout.splitlines()
    assert [line.split()[:2] for line in said] == [["ok", part] for part in PARTS]
    assert "48x48" in said[0]
    assert said[1].endswith("a picture of 640x480")
    assert said[4].endswith(f"127.0.0.1:{broker.port}: accepts us, MQTT 5")


def test_checking_leaves_nothing_at_the_broker(
    fer_edge: Run, config: Config, broker: Mosquitto
) -> None:
    fer_edge("check", "--config", config(lines(broker)))
    assert retained(broker) == {}


def test_json_is_one_object_with_every_part(
    fer_edge: Run, config: Config, broker: Mosquitto
) -> None:
    done = fer_edge("check", "--json", "--config", config(lines(broker)))
    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert told["ok"] is True
    assert [part["part"] for part in told["parts"]] == PARTS
    assert all(part["ok"] is True and part["text"] for part in told["parts"])


def test_without_a_broker_configured_check_says_so_and_is_content(
    fer_edge: Run, config: Config
) -> None:
    done = fer_edge("check", "--config", config(lines()))
    assert done.returncode == 0
    assert "none configured (mqtt.host)" in done.stdout.splitlines()[4]


@pytest.mark.parametrize(
    ("part", "changed", "advice"),
    [
        ("model", {"model": 'path = "/none.tflite"'}, "/none.tflite: cannot read the model"),
        ("model", {"[alerts]": 'emotions = ["bored"]'}, "the model does not know 'bored'"),
        ("camera", {"camera": 'source = "/dev/video99"'}, "plug it in, or set camera.source"),
        ("camera", {"camera": 'source = "/no/such.mp4"'}, "see camera.source"),
        ("diary", {"log": 'directory = "/dev/null/x"'}, "log.directory: cannot write to"),
        ("state", {"state": 'directory = "/dev/null/x"'}, "state.directory: cannot write to"),
        ("broker", {"mqtt": 'host = "127.0.0.1"\nport = 1'}, "Connection refused; check [mqtt]"),
        ("broker", {"mqtt": 'host = "nobody.invalid"'}, "no such host; check [mqtt]"),
        (
            "broker",
            {"mqtt": 'host = "h"\nusername = "u"\npassword_file = "/none"'},
            "mqtt.password_file: /none: No such file",
        ),
    ],
)
def test_a_part_that_is_not_well_is_named_with_what_to_do_and_the_others_are_tried(
    fer_edge: Run, config: Config, part: str, changed: dict[str, str], advice: str
) -> None:
    path = config(lines(**changed))
    done = fer_edge("check", "--config", path)
    assert done.returncode == 1
    said = {line.split()[1]: line for line in done.stdout.splitlines()}
    assert list(said) == PARTS
    assert [name for name, line in said.items() if line.startswith("FAIL ")] == [part]
    assert advice in said[part]
    assert "Traceback" not in done.stderr


def test_an_alert_that_one_face_cannot_raise_is_told_by_check_and_run(
    fer_edge: Run, config: Config
) -> None:
    path = config(lines(mood="reading_interval_s = 5"))
    told = "alerts[0].count: 30 within window_s is more than one face gives"
    assert told in fer_edge("check", "--config", path).stdout.splitlines()[0]
    assert f"WARNING: {told}" in fer_edge("run", "--config", path).stderr


def test_json_says_what_is_wrong_too(fer_edge: Run, config: Config) -> None:
    done = fer_edge("check", "--json", "--config", config(lines(mqtt='host = "nobody.invalid"')))
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert told["ok"] is False
    assert [part["part"] for part in told["parts"] if not part["ok"]] == ["broker"]


def test_a_broken_configuration_is_one_line_and_78(fer_edge: Run, config: Config) -> None:
    path = config("[mqtt]\nprot = 1883\n")
    done = fer_edge("check", "--json", "--config", path)
    assert done.returncode == 78
    assert not done.stdout
    assert done.stderr == f"fer-edge: {path}: mqtt.prot: unknown key; did you mean 'port'?\n"


def test_a_directory_that_takes_no_file_is_found(fer_edge: Run, config: Config) -> None:
    done = fer_edge("check", "--config", config(lines(log='directory = "/proc/self"')))
    assert done.returncode == 1
    assert "log.directory: cannot write to /proc/self" in done.stdout


def test_a_disk_without_room_is_found(config: Config, tmp_path: Path) -> None:
    line = shlex.join(command("check", "--config", config(lines())))
    done = subprocess.run(
        ["sh", "-c", f"ulimit -f 0; exec {line}"],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout.count("FAIL") == 2
    assert f"log.directory: cannot write to {tmp_path / 'log'}: File too large" in done.stdout
