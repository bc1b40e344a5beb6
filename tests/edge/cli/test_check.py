"""`fer-edge check`: one line a part, ok or what to do; exit code 0 or 1."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.cli.check import check
from edge.config import loader
from edge.messaging.outbox import Outbox
from edge.packaged import MODELS
from tests.conftest import Mosquitto, Run, command, environment
from tests.support.mqtt import retained
from tests.support.service import CLIP

Config = Callable[[str], Path]
PARTS = ["config", "model", "faces", "alerts", "camera", "diary", "state", "broker"]


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
    said = {line.split()[1]: line for line in done.stdout.splitlines()}
    assert [line.split()[:2] for line in said.values()] == [["ok", part] for part in PARTS]
    assert said["config"].endswith("/config.toml; topics fer-edge/pi/...")
    assert "48x48" in said["model"]
    assert said["faces"].endswith("faces.tflite")
    assert said["alerts"].endswith("negative")
    assert said["camera"].endswith("a picture of 640x480")
    assert said["broker"].endswith(f"127.0.0.1:{broker.port}: connection accepted, MQTT 5")


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
    assert "none configured (mqtt.host)" in done.stdout.splitlines()[-1]


def test_checking_makes_no_directories(fer_edge: Run, config: Config, tmp_path: Path) -> None:
    path = config(lines(diary=f'directory = "{tmp_path}/a/b/c"'))
    assert fer_edge("check", "--config", path).returncode == 0
    assert list(tmp_path.iterdir()) == [path]


def test_names_that_were_changed_and_secrets_that_all_can_read_are_warnings(
    fer_edge: Run, config: Config, tmp_path: Path, broker: Mosquitto
) -> None:
    (tmp_path / "word").write_text("secret")
    (tmp_path / "word").chmod(0o644)
    more = f'\nusername = "u"\npassword_file = "{tmp_path}/word"'
    text = lines(mqtt=f'host = "127.0.0.1"\nport = {broker.port}{more}')
    path = config(text.replace('device = "pi"', 'device = "Küche"'))
    done = fer_edge("check", "--config", path)
    assert done.returncode == 0, done.stdout
    assert [line for line in done.stdout.splitlines() if line.startswith("WARN")] == [
        "WARN  config  device: 'Küche' is 'kuche' in topics",
        f"WARN  config  mqtt.password_file: all users can read {tmp_path}/word;"
        f" run chmod o-r {tmp_path}/word",
    ]
    assert "topics fer-edge/kuche/..." in done.stdout


def test_without_a_file_check_says_that_it_took_the_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(loader, "SYSTEM_CONFIG", tmp_path / "none.toml")
    monkeypatch.setenv("LOGS_DIRECTORY", str(tmp_path / "log"))
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    first = next(check(loader.load(None), loader.found(None)))
    assert first.text.startswith("no file, so the defaults; topics fer-edge/")
    (tmp_path / "none.toml").touch()
    first = next(check(loader.load(None), loader.found(None)))
    assert first.text.startswith(f"{tmp_path}/none.toml; ")


@pytest.mark.parametrize(
    ("part", "changed", "advice"),
    [
        ("model", {"model": 'path = "/none.tflite"'}, "/none.tflite: cannot read the model"),
        ("faces", {"faces": 'model = "/none.tflite"'}, "/none.tflite: cannot read the model"),
        ("faces", {"faces": f'model = "{MODELS}/tiny.tflite"'}, "tiny.tflite: not a face detector"),
        ("alerts", {"[alerts]": 'emotions = ["bored"]'}, "the model does not know 'bored'"),
        ("camera", {"camera": 'source = "/dev/video99"'}, "plug it in, or set camera.source"),
        ("camera", {"camera": 'source = "/no/such.mp4"'}, "see camera.source"),
        ("diary", {"diary": 'directory = "/dev/null/x"'}, "diary.directory: cannot write to"),
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
    path = config(lines(None, **changed))
    done = fer_edge("check", "--config", path)
    assert done.returncode == 1
    said = {line.split()[1]: line for line in done.stdout.splitlines()}
    assert list(said) == PARTS
    assert [name for name, line in said.items() if line.startswith("FAIL ")] == [part]
    assert advice in said[part]
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_an_alert_that_one_face_cannot_raise_is_told_by_check_and_run(
    fer_edge: Run, config: Config
) -> None:
    path = config(lines(mood="reading_interval_s = 5"))
    told = "alerts[0].count: 30 within window_s is more than one face gives"
    done = fer_edge("check", "--config", path)
    assert f"WARN  alerts  {told}" in done.stdout
    assert done.returncode == 0, "it may still be raised, by several faces"
    (odd,) = [
        part
        for part in json.loads(fer_edge("check", "--json", "--config", path).stdout)["parts"]
        if part["level"] == "warn"
    ]
    assert (odd["part"], odd["ok"]) == ("alerts", True)
    assert f"WARNING: {told}" in fer_edge("run", "--config", path).stderr


def test_a_part_that_could_not_be_checked_is_skipped_and_not_ok(
    fer_edge: Run, config: Config
) -> None:
    path = config(lines(model='path = "/none.tflite"'))
    assert "skip  alerts  skipped: the model" in fer_edge("check", "--config", path).stdout
    told = json.loads(fer_edge("check", "--json", "--config", path).stdout)
    (alerts,) = [part for part in told["parts"] if part["part"] == "alerts"]
    assert (alerts["ok"], alerts["level"]) == (False, "skip")


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
    done = fer_edge("check", "--config", config(lines(diary='directory = "/proc/self"')))
    assert done.returncode == 1
    assert "diary.directory: cannot write to /proc/self" in done.stdout


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
    assert f"diary.directory: cannot write to {tmp_path / 'log'}: File too large" in done.stdout


def test_tls_on_a_port_without_it_gets_a_hint_about_tls(
    fer_edge: Run, config: Config, broker: Mosquitto
) -> None:
    path = config(lines(mqtt=f'host = "127.0.0.1"\nport = {broker.port}\ntls = true'))
    (line,) = [
        line
        for line in fer_edge("check", "--config", path).stdout.splitlines()
        if line.startswith("FAIL")
    ]
    assert line.endswith("; check that mqtt.tls is right for this port")
    assert line.count("check ") == 1


def test_a_wrong_password_gets_one_hint(
    fer_edge: Run, config: Config, new_broker: Callable[[str], Mosquitto], tmp_path: Path
) -> None:
    (tmp_path / "word").write_text("wrong")
    (tmp_path / "word").chmod(0o600)
    broker = new_broker("allow_anonymous false\n").start()
    user = f'username = "pi"\npassword_file = "{tmp_path}/word"'
    path = config(lines(mqtt=f'host = "127.0.0.1"\nport = {broker.port}\n{user}'))
    (line,) = [
        line
        for line in fer_edge("check", "--config", path).stdout.splitlines()
        if line.startswith("FAIL")
    ]
    assert "Not authorized; check mqtt.username and mqtt.password_file" in line
    assert line.count("check ") == 1


def test_who_is_notified_is_said_with_secrets_that_all_can_read_and_actions_without_a_broker(
    fer_edge: Run, config: Config, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("tk_secret\n")
    token.chmod(0o644)
    path = config(
        lines()
        + f'[[alerts]]\n[[alerts.notify]]\nntfy = "https://ntfy.sh/t"\ntoken_file = "{token}"\n'
        + '[[alerts.actions]]\ntopic = "lamp"\n'
    )
    done = fer_edge("check", "--config", path)
    assert done.returncode == 0, done.stdout
    said = done.stdout.splitlines()
    assert "ok    alerts  negative; negative/0 notifies ntfy at ntfy.sh" in said
    assert [line for line in said if line.startswith("WARN")] == [
        f"WARN  config  alerts[0].notify[0].token_file: all users can read {token};"
        f" run chmod o-r {token}",
        "WARN  alerts  alerts[0].actions: nothing is sent without a broker; set mqtt.host",
    ]
    token.write_text("two words\n")
    done = fer_edge("check", "--config", path)
    assert done.returncode == 1
    assert "FAIL  alerts  alerts[0].notify[0].token_file: " in done.stdout


def test_who_is_notified_of_an_alert_that_counts_nothing_is_said_unless_it_is_off(
    fer_edge: Run, config: Config
) -> None:
    trend = '[[trend.notify]]\nntfy = "https://ntfy.sh/t"\n[[trend.actions]]\ntopic = "lamp"\n'
    done = fer_edge("check", "--config", config(lines(trend="enabled = true") + trend))
    said = done.stdout.splitlines()
    assert "ok    alerts  negative, trend; trend/0 notifies ntfy at ntfy.sh" in said
    assert [line for line in said if line.startswith("WARN")] == [
        "WARN  alerts  trend.actions: nothing is sent without a broker; set mqtt.host"
    ]
    said = fer_edge("check", "--config", config(lines() + trend)).stdout.splitlines()
    assert "ok    alerts  negative" in said
    assert [line for line in said if line.startswith("WARN")] == [
        "WARN  alerts  trend: this alert is off, so it is never raised; set trend.enabled"
    ]
    wrong = config(lines(trend="enabled = true") + trend + 'payload = "{count}"\n')
    done = fer_edge("check", "--config", wrong)
    assert done.returncode == 78
    (line,) = done.stderr.splitlines()
    assert "trend.actions[0].payload: {count} is of alerts that count readings; valid:" in line


def test_a_count_that_was_set_over_mqtt_is_told(
    fer_edge: Run, config: Config, tmp_path: Path
) -> None:
    with Outbox(tmp_path / "state") as outbox:
        outbox.keep_limit("negative", 45)
    done = fer_edge("check", "--config", config(f'[camera]\nsource = "{CLIP}"\n'))
    assert "WARN  alerts  alert 'negative': count 45, set over MQTT, overrides 30" in done.stdout
    assert done.returncode == 0
