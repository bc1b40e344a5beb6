"""config.toml: the documented defaults, and one line for whatever is wrong."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.alerts.rules import Rules
from edge.config import binding, loader
from edge.config.actions import ActionConfig, NotifyConfig
from edge.config.alerts import AlertConfig, resolve
from edge.config.checks import unreachable_rules, warnings
from edge.config.loader import load, parse
from edge.config.schema import CameraConfig, Config, MoodConfig
from edge.errors import ConfigError
from edge.expressions.smoothing import Smoother as Moods
from edge.records import Box, Face, Frame
from tests.conftest import ROOT


def keys(record: Any, where: str = "") -> set[str]:
    """Every key of a configuration, `alerts` counting as one table."""
    found = set()
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        if field.name in {"actions", "notify"}:  # there are none unless written
            continue
        if field.name == "alerts":
            value = value[0]
        if dataclasses.is_dataclass(value):
            found |= keys(value, f"{where}{field.name}.")
        else:
            found.add(f"{where}{field.name}")
    return found


def written_keys(table: dict[str, Any], where: str = "") -> set[str]:
    found = set()
    for key, value in table.items():
        inner = value[0] if key == "alerts" else value
        found |= written_keys(inner, f"{where}{key}.") if isinstance(inner, dict) else {where + key}
    return found


def test_the_documented_file_is_exactly_the_defaults() -> None:
    assert load(ROOT / "config.toml") == Config()


def test_the_documented_file_lists_every_key_and_explains_each_table() -> None:
    text = (ROOT / "config.toml").read_text()
    assert written_keys(tomllib.loads(text)) == keys(Config())
    for line, after in re.findall(r"^(\[.*\]|device.*)\n(.*)$", text, re.MULTILINE):
        assert line.startswith("device") or after.startswith("#"), f"nothing is said about {line}"


def test_the_documented_examples_of_what_follows_an_alert_name_every_key() -> None:
    text = re.sub(r"^#(?![ #])", "", (ROOT / "config.toml").read_text(), flags=re.MULTILINE)
    text = re.sub(r"^##", "#", text, flags=re.MULTILINE)
    (written,) = tomllib.loads(text)["alerts"]
    for key, kind in {"actions": ActionConfig, "notify": NotifyConfig}.items():
        (example,) = written[key]
        assert set(example) == {field.name for field in dataclasses.fields(kind)}
    (rule,) = parse(text, "c").alerts
    assert rule.actions == (
        ActionConfig(topic="zigbee2mqtt/lamp/set", payload={"brightness": 40, "transition": 5}),
    )
    assert rule.notify == (NotifyConfig(ntfy="https://ntfy.sh/a-name-that-nobody-guesses"),)
    assert parse(text, "c").trend.notify == parse(text, "c").blind.notify == rule.notify
    for other in (parse(text, "c").trend, parse(text, "c").blind):
        assert [each.topic for each in other.actions] == ["home/display/line"]


def test_nothing_given_is_the_defaults_too() -> None:
    assert parse("", "x") == Config()
    assert parse("[camera]\n[mood]\n[[alerts]]\n", "x") == Config()


def test_without_a_system_file_the_defaults_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader, "SYSTEM_CONFIG", tmp_path / "none.toml")
    assert load(None) == Config()
    (tmp_path / "none.toml").write_text("[camera]\nfps = 5\n")
    assert load(None).camera.fps == 5.0


def test_old_diaries_are_kept_for_at_least_90_days() -> None:
    assert Config().diary.keep_days >= 90


def test_values_of_every_kind_are_taken_over() -> None:
    text = """
    device = "Küche 2"
    faces.ignore = [[0, 0.1, 0.2, 0.3]]
    [camera]
    rotation = 270
    flip = true
    fps = 30
    [[alerts]]
    name = "a"
    emotions = ["Anger", "sad"]
    [[alerts]]
    name = "b"
    """
    config = parse(text, "x")
    assert config.device_name == "kuche-2"
    assert config.faces.ignore == ((0.0, 0.1, 0.2, 0.3),)
    assert config.camera == CameraConfig(rotation=270, flip=True, fps=30.0)
    assert [rule.name for rule in config.alerts] == ["a", "b"]
    assert parse("alerts = []", "x").alerts == ()


def test_a_byte_order_mark_and_windows_line_ends_are_no_matter(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xef\xbb\xbf[camera]\r\nfps = 5\r\n")
    assert load(path).camera.fps == 5.0


WRONG = [
    # what is written, what the line must say
    ("camra = 1", "camra: unknown key; did you mean 'camera'?"),
    ("[mqtt]\nprot = 1883", "mqtt.prot: unknown key; did you mean 'port'?"),
    ('[[alerts]]\nnmae = "x"', "alerts[0].nmae: unknown key; did you mean 'name'?"),
    ("[[alerts]]\n[[alerts]]\nwindow = 3", "alerts[1].window: unknown key"),
    ("[camera]\nzzz = 1", "camera.zzz: unknown key; valid keys: source, width"),
    ("camera = 3", "camera: must be a table, written [camera]"),
    ("[alerts]\nname = 'x'", "alerts: must be a list of tables, each written [[alerts]]"),
    ('[camera]\nfps = "fast"', "camera.fps: must be a number, not 'fast'"),
    ("[camera]\nfps = true", "camera.fps: must be a number, not true"),
    ("[camera]\nwidth = 640.0", "camera.width: must be a whole number, not 640.0"),
    ("[camera]\nflip = 1", "camera.flip: must be true or false, not 1"),
    ("[camera]\nsource = -1", "camera.source: must be a string, not -1"),
    ("[camera]\nsource = 0.5", "camera.source: must be a string, not 0.5"),
    ("device = 7", "device: must be a string, not 7"),
    ("[camera]\nrotation = 45", "camera.rotation: must be one of 0, 90, 180, 270, not 45"),
    ("[camera]\nfps = 0", "camera.fps: must be between 0.1 and 240, not 0.0"),
    ("[camera]\nfps = nan", "camera.fps: must be between 0.1 and 240, not nan"),
    ("[camera]\nfps = inf", "camera.fps: must be between 0.1 and 240, not inf"),
    ("[camera]\nwidth = -5", "camera.width: must be between 64 and 7680, not -5"),
    ('[camera]\nsource = ""', "camera.source: must not be empty"),
    (f"[camera]\nfps = 1{'0' * 400}", "camera.fps: must be a number, not 1000"),
    (f"[camera]\nwidth = 1{'0' * 400}", "camera.width: must be between 64 and 7680, not 1000"),
    (
        '[log]\nlevel = "info"\ndirectory = "/d"',
        "log: is now [diary] (directory, max_bytes, keep_days, keep_files, fsync_s)"
        " and [logging] (level)",
    ),
    ('[diary]\ndirectory = "a\\u0000b"', "diary.directory: must not contain control characters"),
    ('[model]\npath = "a\\nb"', "model.path: must not contain control characters"),
    ('"a\\nb" = 1', r"'a\nb': unknown key"),
    (
        '[logging]\nlevel = "loud"',
        "logging.level: must be one of debug, info, warning, error, not 'loud'",
    ),
    ("[faces]\nignore = [0, 0, 1, 1]", "faces.ignore[0]: must be a list of 4 numbers"),
    ("[faces]\nignore = [[0, 0, 1]]", "faces.ignore[0]: must be a list of 4 numbers"),
    (
        "[faces]\nignore = [[0, 0, 2, 1]]",
        "faces.ignore[0]: [x, y, width, height] must be frac",
    ),
    (
        "[faces]\nignore = [[0, 0, nan, 1]]",
        "faces.ignore[0]: [x, y, width, height] must be frac",
    ),
    ('[[alerts]]\nemotions = "sad"', "alerts[0].emotions: must be a list"),
    ("[[alerts]]\nemotions = [1]", "alerts[0].emotions[0]: must be a string, not 1"),
    ('[[alerts]]\nname = "!"', "alerts[0].name: '!' cannot be written with 1 to 32 of a-z 0-9 _ -"),
    ('[[alerts]]\nname = "A b"\n[[alerts]]\nname = "a-b"', "alerts[1].name: duplicate name 'a-b'"),
    ("[[alerts]]\n[[alerts]]", "alerts[1].name: duplicate name 'negative', see alerts[0].name"),
    ("[[alerts]]\ncount = 3\nclear_count = 3", "alerts[0].clear_count: must be below count (3)"),
    ("[[alerts]]\nshare = 25", "alerts[0].share: must be between 0 and 1, not 25.0; 25 % is 0.25"),
    ("share = 0.5", "share: belongs below [[alerts]]"),
    ("directory = '/d'", "directory: belongs below [diary] or [state]"),
    ("[blind]\nafter_h = 12", "blind.after_h: is blind_after_h below [faces] (faces.blind_after"),
    (
        '[watching]\nquiet = "22:00-07:00"',
        "watching.quiet: must be a list, such as ['22:00-07:00']",
    ),
    ("[[alerts]]\nemotions = 1", 'alerts[0].emotions: must be a list, such as ["..."]'),
    (
        '[mqtt]\nhost = "mqtt://10.0.0.1:1883"',
        "mqtt.host: a name or an address only; the port goes",
    ),
    (
        '[mqtt]\nhost = "u:secret@pi"',
        "mqtt.host: a name or an address only; the port goes in mqtt.p",
    ),
    (
        '[mqtt]\nhost = "10.0.0.1:1883"',
        "mqtt.host: a name or an address only; the port goes in mqtt",
    ),
    ('[mqtt]\nhost = "[::1]"', "mqtt.host: a name or an address only; the port goes in mqtt.port"),
    ("[mqtt]\nport = 65536", "mqtt.port: must be between 1 and 65535, not 65536"),
    ('[mqtt]\nprefix = "a/#"', "mqtt.prefix: must be a topic without"),
    ('[mqtt]\nprefix = ""', "mqtt.prefix: must be a topic without"),
    (f'device = "{"x" * 33}"', "cannot be written with 1 to 32 of a-z 0-9 _ - in topics; choose"),
    (
        "[performance]\ncpu_budget = 0",
        "cpu_budget: must be between 0.05 and 1, not 0.0",
    ),
    (
        "[performance]\ncpu_budget = 1.5",
        "cpu_budget: must be between 0.05 and 1, not 1.5",
    ),
    ("[faces]\nblind_after_h = -1", "faces.blind_after_h: must be between 0 and 8784, not -1.0"),
    (
        "[faces]\nblind_after_h = 0.5\n[mood]\nreading_interval_s = 1800",
        "faces.blind_after_h: must be longer than mood.reading_interval_s",
    ),
    (
        "[faces]\nblind_after_h = 1\n[[alerts]]\nname = 'blind'",
        "alerts[0].name: duplicate name 'blind', see faces.blind_after_h",
    ),
    (
        "[mood]\nreading_interval_s = 5\n[[alerts]]\nper_face = true\ncount = 25",
        "alerts[0].count: with per_face it is never raised: within window_s a face has at most 24"
        " readings, one every mood.reading_interval_s",
    ),
    ('[mqtt]\nhost = "a..b"', "mqtt.host: not a host name"),
    (f'[mqtt]\nhost = "{"x" * 64}.org"', "mqtt.host: not a host name"),
    (f'[mqtt]\nprefix = "{"x" * 70_000}"', "mqtt.prefix: must not be longer than 1000 bytes"),
    (f'[mqtt]\nusername = "{"ü" * 33_000}"', "mqtt.username: must not be longer than 65535"),
    (
        "[mood]\nreading_interval_s = -1",
        "must be between 0 and 3600, not -1",
    ),
    ("a =\nb = 1", "not valid TOML: Invalid value (at line 1, column 4)"),
    ("[camera]\n[camera]", "not valid TOML: Cannot declare ('camera',) twice (at line 2"),
    ("x = 1\n[camera\n", "a table declaration (at line 2, column 8)"),
    ("x = '''abc\n\n", "not valid TOML: Expected \"'''\" (at line 1, column 11)"),
    ("a = " + "[" * 5000, "not valid TOML: "),
    ("a = " + "9" * 5000, "not valid TOML: "),
]


@pytest.mark.parametrize(("text", "said"), WRONG, ids=[said[:40] for _, said in WRONG])
def test_what_is_wrong_is_named_with_its_place(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(text, "config.toml")
    line = str(refused.value)
    assert line.startswith("config.toml: ")
    assert said in line
    assert line.isprintable()
    assert len(line) < 270


def test_everything_wrong_is_told_at_once_and_nothing_that_only_follows_from_it() -> None:
    text = """
    device = "x/y" # fits
    devise = "z"
    [camera]
    fps = 0
    width = "wide"
    [mqtt]
    port = true
    prefix = "#" # beside a wrong port: not looked at
    [[alerts]]
    count = "many" # the default, 30, stands in for it
    clear_count = 40
    [[alerts]]
    clear_count = 30
    emotions = ["sad", 3]
    [[alerts]]
    clear_count = 30
    """
    with pytest.raises(ConfigError) as refused:
        parse(text, "c")
    assert str(refused.value).splitlines() == [
        "c: devise: unknown key; did you mean 'device'?",
        "c: camera.fps: must be between 0.1 and 240, not 0.0",
        "c: camera.width: must be a whole number, not 'wide'",
        "c: mqtt.port: must be a whole number, not true",
        "c: alerts[0].count: must be a whole number, not 'many'",
        "c: alerts[1].emotions[1]: must be a string, not 3",
        "c: alerts[2].name: duplicate name 'negative', see alerts[0].name",
        "c: alerts[2].clear_count: must be below count (30)",
    ]


def test_the_number_of_a_camera_needs_no_quotes() -> None:
    assert parse("[camera]\nsource = 0", "x").camera.source == "0"
    assert parse("[camera]\nsource = 12", "x").camera.source == "12"


@pytest.mark.parametrize(
    "name", ["厨房", "卧室", "Øst", "кухня", "kitchen 厨", "🏠", "!", "", "x" * 33, "ß" * 17]
)
def test_a_name_that_topics_cannot_hold_is_refused_and_not_made_one_with_others(name: str) -> None:
    for key, text in {
        "device": f'device = "{name}"',
        "alerts[0].name": f'[[alerts]]\nname = "{name}"',
    }.items():
        if key == "device" and not name:  # the host's name
            continue
        with pytest.raises(ConfigError) as refused:
            parse(text, "c")
        assert str(refused.value) == (
            f"c: {key}: {name!r} cannot be written with 1 to 32 of a-z 0-9 _ - in topics;"
            " choose another name"
        )


@pytest.mark.parametrize(
    ("name", "in_topics"),
    [
        ("Küche 2", "kuche-2"),
        ("Wohnzimmer/Süd", "wohnzimmer-sud"),
        ("Straße", "strasse"),
        ("café", "cafe"),
        ("PI", "pi"),
    ],
)
def test_a_name_that_was_changed_is_told_for_devices_and_alerts_alike(
    name: str, in_topics: str
) -> None:
    config = parse(f'device = "{name}"\n[[alerts]]\nname = "{name}"', "x")
    assert config.device_name == in_topics
    (rule,) = resolve(config.alerts, ("sad",))
    assert rule.name == in_topics
    assert list(warnings(config)) == [
        f"device: '{name}' is '{in_topics}' in topics",
        f"alerts[0].name: '{name}' is '{in_topics}' in topics",
    ]


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("Pi.local", ["device: the host name 'Pi.local' is 'pi-local' in topics"]),
        ("x" * 40, [f"device: the host name '{'x' * 40}' is '{'x' * 32}' in topics"]),
        ("raspberrypi", []),
    ],
)
def test_a_host_name_that_was_changed_is_told_too(
    monkeypatch: pytest.MonkeyPatch, host: str, said: list[str]
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: host)
    assert list(warnings(Config())) == said
    assert list(warnings(Config(device="pi"))) == []


def test_a_name_that_fits_is_not_worth_a_word() -> None:
    config = parse('device = "kitchen_2"\n[[alerts]]\nname = "a-b"', "x")
    assert list(warnings(config)) == list(warnings(Config())) == []


def test_every_emotion_that_the_model_lacks_is_named() -> None:
    rules = [AlertConfig("a", ("joy", "pride")), AlertConfig("b", ("sad", "envy"))]
    with pytest.raises(ConfigError) as refused:
        resolve(rules, ("happy", "sad"))
    assert str(refused.value).splitlines() == [
        "alerts 'a': emotions: the model does not know 'pride'; it knows happy, sad",
        "alerts 'b': emotions: the model does not know 'envy'; it knows happy, sad",
    ]


def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: cannot read.*No such file"):
        load(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match=r"cannot read.*Is a directory"):
        load(tmp_path)
    (tmp_path / "latin.toml").write_bytes('\n\ndevice = "Küche"'.encode("latin-1"))
    with pytest.raises(ConfigError, match=r"latin\.toml: must be UTF-8 text \(at line 3\)"):
        load(tmp_path / "latin.toml")


def complaint(action: Callable[[], object]) -> str:
    """What a `ConfigError` says, "" where there is none."""
    try:
        action()
    except ConfigError as error:
        return str(error)
    return ""


TOML = st.recursive(
    st.one_of(
        st.integers(),
        st.floats(),
        st.booleans(),
        st.text(max_size=8),
        st.dates(),
        st.sampled_from(["auto", "info", "negative"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from([*sorted(keys(Config())), "x"]), inner, max_size=3),
    ),
    max_leaves=6,
)
NAMES = sorted({part for key in keys(Config()) for part in key.split(".")})


@pytest.mark.slow
@given(st.dictionaries(st.sampled_from(NAMES), TOML, max_size=3), st.sampled_from(NAMES))
@settings(max_examples=300, deadline=None)
def test_no_table_whatsoever_ends_in_anything_but_a_config_or_its_one_line(
    table: dict[str, Any], section: str
) -> None:
    for attempt in (table, {section: table}, {section: [table]}):
        problems: list[str] = []
        assert isinstance(binding.bind(Config, attempt, problems), Config)
        assert "".join(problems).isprintable()


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_no_text_whatsoever_ends_in_a_traceback(text: str) -> None:
    said = complaint(lambda: parse(text, "x"))
    assert not said or said.startswith("x: ")


def test_hosts_of_every_kind_are_taken() -> None:
    for host in ("pi", "broker.local.", "192.168.1.2", "::1", "fe80::1%eth0", "küche.example"):
        assert parse(f'[mqtt]\nhost = "{host}"', "x").mqtt.host == host


@pytest.mark.parametrize(
    ("count", "window_s", "interval_s", "rare"),
    [(24, 120, 5, 0), (25, 120, 5, 1), (2, 1, 0.6, 0), (3, 1, 0.6, 1), (1, 1, 60, 0), (9, 1, 0, 0)],
)
def test_an_alert_that_one_face_cannot_raise_is_told(
    count: int, window_s: float, interval_s: float, rare: int
) -> None:
    """By the real mood and alarm: what is told is not raised by any number of readings."""
    rule = AlertConfig(count=count, window_s=window_s, emotions=("sad",), clear_count=0)
    settings = Config(mood=MoodConfig(reading_interval_s=interval_s), alerts=(rule,))
    assert len(list(unreachable_rules(settings))) == rare
    mood = Moods(settings.mood, ("sad",), lambda *_: np.ones(1, np.float32))
    alarm, face, raised = Rules([rule]), Face(1, Box(0, 0, 48, 48)), 0
    clear = np.random.default_rng(3).integers(0, 256, (48, 48), np.uint8)
    now = datetime(2026, 3, 1, tzinfo=UTC)
    for at in range(3000):
        frame = Frame(clear, now, at / 10, at / 10)
        raised += len(alarm.update(frame, mood.read(frame, [face])))
    assert (raised == 0) == bool(rare)


def test_an_alert_that_one_clear_reading_prevents_is_told() -> None:
    whole, half = (Config(alerts=(AlertConfig(share=share),)) for share in (1.0, 0.5))
    (line,) = unreachable_rules(whole)
    assert line.startswith("alerts[0].share: 1 is all of them: ")
    assert list(unreachable_rules(half)) == []


# Directories


def test_directories_come_from_the_key_then_systemd_then_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.delenv("LOGS_DIRECTORY", raising=False)
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    assert Config().diary.directory == tmp_path / ".local" / "state" / "fer-edge"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    assert Config().state.directory == tmp_path / "xdg" / "fer-edge"
    monkeypatch.setenv("LOGS_DIRECTORY", "/var/log/a:/var/log/b")
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/a")
    assert Config().diary.directory == Path("/var/log/a")
    assert Config().state.directory == Path("/var/lib/a")
    config = parse('[diary]\ndirectory = "~/diary"\n[mqtt]\ntls_ca = "~/ca.pem"', "x")
    assert config.diary.directory == tmp_path / "diary"
    assert config.mqtt.tls_ca == tmp_path / "ca.pem"
    config = parse('[diary]\ndirectory = ""\n[mqtt]\ntls_ca = ""', "x")
    assert (config.diary.directory, config.mqtt.tls_ca) == (Path("/var/log/a"), None)
    monkeypatch.chdir("/")
    monkeypatch.setenv("HOME", "/elsewhere")
    monkeypatch.setenv("LOGS_DIRECTORY", "/elsewhere")
    assert config.diary.directory == Path("/var/log/a"), "resolved when it was loaded"


def test_the_shipped_models_have_names_and_others_are_files(tmp_path: Path) -> None:
    assert Config().model.path == parse('[model]\npath = "default"', "x").model.path
    assert Config().model.path.is_file()
    assert parse('[model]\npath = "tiny"', "x").model.path.name == "tiny.tflite"
    assert parse(f'[model]\npath = "{tmp_path}/default"', "x").model.path == tmp_path / "default"


def test_the_home_of_nobody_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match=r"x: diary\.directory: ~no-such-user/x: there is no"):
        parse('[diary]\ndirectory = "~no-such-user/x"', "x")


# Rules and models


def test_default_emotions_are_cut_to_what_the_model_has() -> None:
    labels = ("angry", "happy", "sad")
    assert resolve([AlertConfig()], labels)[0].emotions == ("angry", "sad")
    assert resolve([AlertConfig()], ("calm", "awake"))[0].emotions == ()


def test_a_named_emotion_is_known_by_its_aliases_and_refused_where_the_model_lacks_it() -> None:
    labels = ("angry", "happy", "sad")
    rule = AlertConfig(emotions=("Anger", "SADNESS", "angry"))
    assert resolve([rule], labels)[0].emotions == ("angry", "sad")
    with pytest.raises(ConfigError, match="does not know 'fear'; it knows angry, happy, sad"):
        resolve([AlertConfig(emotions=("scared",))], labels)


@pytest.mark.parametrize(("count", "given", "expected"), [(30, -1, 15), (1, -1, 0), (9, 2, 2)])
def test_clear_count_is_half_of_count_unless_given(count: int, given: int, expected: int) -> None:
    assert (
        resolve([AlertConfig(count=count, clear_count=given)], ("sad",))[0].clear_count == expected
    )
