"""Actions: what is published after an alert, byte for byte, and that none is lost."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from edge.config.actions import ActionConfig
from edge.config.alerts import AlertConfig, reactions_of
from edge.config.checks import warnings
from edge.config.loader import parse
from edge.errors import ConfigError
from edge.messaging.actions import Outgoing, messages
from edge.messaging.outbox import Outbox
from edge.messaging.reactions import Reactions
from edge.records import AlertEvent
from tests.conftest import Mosquitto
from tests.support.mqtt import NewBroker, Said, alerts, at, guarded, kept, listening
from tests.support.pipeline import RULE, Pipeline, alert, running

CLEARED = AlertEvent.CLEARED


def acting(*actions: ActionConfig) -> AlertConfig:
    """The rule of the pipeline, with these actions."""
    return dataclasses.replace(RULE, actions=actions)


def text(payload: Any) -> str:
    """What is published for `payload`."""
    ((_, message),) = messages(SAD, [ActionConfig(topic="t", payload=payload)], "pi")
    return message.text


SAD = dataclasses.replace(alert(), emotion="sad")
TIME = "2026-03-01T12:00:00.000+00:00"


# What is written, and what is published


@pytest.mark.parametrize(
    ("payload", "published"),
    [
        ("", ""),
        ("ON", "ON"),
        ("{emotion} {count} {name} {device}", "sad 30 negative pi"),
        ("{time}", TIME),
        ("{{count}} is {count}", "{count} is 30"),
        ('{"a":{"b":1},"n":{count}}', '{"a":{"b":1},"n":30}'),
        ("{} { count } {'x'} {{ states('y') }}", "{} { count } {'x'} {{ states('y') }}"),
        ("{{{count}}}", "{{count}}"),
        ("one\ntwo", "one\ntwo"),
        ({}, "{}"),
        ({"scene_store": 1, "on": True, "x": [1.5, "{name}"]},
         '{"scene_store":1,"on":true,"x":[1.5,"negative"]}'),
        ({"count": "{count}", "text": "{count} of {{count}}"},
         '{"count":30,"text":"30 of {count}"}'),
        ({"{count}": "ü \n"}, '{"{count}":"ü \\n"}'),
    ],
)  # fmt: skip
def test_five_words_are_replaced_and_nothing_else(payload: Any, published: str) -> None:
    assert text(payload) == published


def test_what_replaces_a_placeholder_is_not_looked_into() -> None:
    odd = dataclasses.replace(alert(), name="{count}", emotion='{time}"')
    action = ActionConfig(topic="t", payload={"text": "{name} {emotion}"})
    ((_, message),) = messages(odd, [action], "{device}")
    assert json.loads(message.text) == {"text": '{count} {time}"'}


def test_each_event_has_its_own_actions_in_their_order() -> None:
    actions = [ActionConfig(on, f"t/{at}") for at, on in enumerate(["cleared", "raised"] * 2)]
    raised = [(at, each.topic) for at, each in messages(alert(), actions, "pi")]
    assert raised == [(1, "t/1"), (3, "t/3")]
    cleared = [(at, each.topic) for at, each in messages(alert(1, CLEARED), actions, "pi")]
    assert cleared == [(0, "t/0"), (2, "t/2")]


# What is refused

A = "[[alerts]]\n[[alerts.actions]]\n"
WRONG = [
    ('topic = "a/+"', "actions[0].topic: 'a/+': wildcards + and # are for reading"),
    ('topic = "a/#"', "actions[0].topic: 'a/#': wildcards"),
    ('topic = "a b"', "actions[0].topic: 'a b': must not contain spaces"),
    ('topic = "$SYS/x"', "actions[0].topic: '$SYS/x': topics with $ are the broker's own"),
    ('topic = "a/{name}"', "placeholders are for the payload"),
    ('topic = "a\\u0000"', "actions[0].topic: must not contain control characters"),
    (f'topic = "{"x" * 65536}"', "actions[0].topic: must not be longer than 65535 bytes"),
    ("", "actions[0].topic: must name the topic to publish to"),
    ('topic = "fer-edge/pi/state"', "is this device's own; name a topic outside fer-edge/pi/"),
    ('topic = "fer-edge/pi"', "is this device's own"),
    ('topic = "homeassistant/status"', "is for announcing devices to Home Assistant"),
    ('topic = "homeassistant/light/x/config"\nretain = true', "is for announcing devices"),
    ('topic = "t"\npayload = 3', "payload: must be a string or a table, not 3"),
    ('topic = "t"\npayload = true', "payload: must be a string or a table, not true"),
    ('topic = "t"\npayload = ["x"]', "payload: must be a string or a table"),
    ('topic = "t"\npayload = 2026-03-01', "payload: must be a string or a table"),
    ('topic = "t"\npayload = {at = 2026-03-01}', "payload.at: must be a string, a finite number"),
    ('topic = "t"\npayload = {x = [1, {y = nan}]}', "payload.x[1].y: must be a string, a finite"),
    ('topic = "t"\npayload = "\\u0007"', "payload: must not contain control characters"),
    ('topic = "t"\npayload = "{cuont}"', "payload: unknown placeholder {cuont}; valid: {emotion}"),
    ('topic = "t"\npayload = "{count!r}"', "unknown placeholder {count!r}"),
    ('topic = "t"\npayload = "{name.upper}"', "unknown placeholder {name.upper}"),
    ('topic = "t"\npayload = "{0}"', "unknown placeholder {0}"),
    ('topic = "t"\npayload = {a = [{b = "{x}"}]}', "payload.a[0].b: unknown placeholder {x}"),
    ('topic = "t"\nqos = 2', "qos: must be one of 0, 1, not 2"),
    ('topic = "t"\non = "raise"', "on: must be one of raised, cleared, not 'raise'"),
    ('topic = "t"\nretain = 1', "retain: must be true or false, not 1"),
    ('topic = "t"\ndelay = 1', "actions[0].delay: unknown key; valid keys: on, topic, payload"),
]


@pytest.mark.parametrize(("lines", "said"), WRONG, ids=[said[:60] for _, said in WRONG])
def test_what_is_wrong_is_named_with_its_place(lines: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(f'device = "pi"\n{A}{lines}\n', "c")
    (line,) = str(refused.value).splitlines()
    assert line.startswith("c: alerts[0].actions[0].")
    assert said in line


@pytest.mark.parametrize("table", ["blind", "trend"])
@pytest.mark.parametrize(("lines", "said"), WRONG, ids=[said[:60] for _, said in WRONG])
def test_of_every_alert_the_same_is_wrong(lines: str, said: str, table: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(f'device = "pi"\n[[{table}.actions]]\n{lines}\n', "c")
    (line,) = str(refused.value).splitlines()
    assert line.startswith(f"c: {table}.actions[0].")
    assert said.partition("; valid: {")[0] in line


def test_placeholders_that_would_be_right_elsewhere_are_not_offered() -> None:
    with pytest.raises(ConfigError) as refused:
        parse('[[trend.actions]]\ntopic = "t"\npayload = "{count} {cuont}"\n', "c")
    hint = "valid: {name}, {time}, {device}; literally it is"
    where = "c: trend.actions[0].payload: "
    assert [line.removeprefix(where) for line in str(refused.value).splitlines()] == [
        f"{{count}} is of alerts that count readings; {hint} {{{{count}}}}",
        f"unknown placeholder {{cuont}}; {hint} {{{{cuont}}}}",
    ]


@pytest.mark.parametrize("table", ["blind", "trend"])
@pytest.mark.parametrize("word", ["count", "emotion"])
def test_a_placeholder_about_readings_is_refused_where_none_are_counted(
    table: str, word: str
) -> None:
    hint = f"valid: {{name}}, {{time}}, {{device}}; literally it is {{{{{word}}}}}"
    lines = (
        f'[[{table}.actions]]\ntopic = "t"\npayload = {{ a = ["{{{word}}}"] }}\n'
        f'[[{table}.notify]]\nntfy = "https://ntfy.sh/t"\ntitle = "{{name}}: {{{word}}}"\n'
        f'message = "{{{{{word}}}}} {{{word}}}"\n'
    )
    with pytest.raises(ConfigError) as refused:
        parse(lines, "c")
    assert str(refused.value).splitlines() == [
        f"c: {table}.{key}: {{{word}}} is of alerts that count readings; {hint}"
        for key in ("actions[0].payload.a[0]", "notify[0].title", "notify[0].message")
    ]


def test_the_other_placeholders_mean_the_same_for_every_alert() -> None:
    lines = (
        'device = "pi"\n[faces]\nblind_after_h = 1\n[[blind.actions]]\ntopic = "t"\n'
        'payload = "{device} {name} {time} {{count}}"\n'
    )
    _, blind = parse(lines, "c").reactions
    ((_, message),) = messages(alert(name="blind"), blind.actions, "pi")
    assert message == Outgoing("t", f"pi blind {TIME} {{count}}", 1, False)


def test_what_follows_an_alert_that_is_off_is_valid_and_warned_of_and_does_not_follow() -> None:
    trend = '[[trend.notify]]\nntfy = "https://ntfy.sh/t"\n'
    blind = '[[blind.actions]]\ntopic = "t"\n'
    config = parse(trend + blind, "c")
    assert [each.name for each in config.reactions] == ["negative"]
    assert config.last_reactions == (), "nothing is to follow their ends"
    assert list(warnings(config)) == [
        "blind: this alert is off, so it is never raised; set faces.blind_after_h",
        "trend: this alert is off, so it is never raised; set trend.enabled",
    ]
    on = parse(f"[faces]\nblind_after_h = 1\n{trend}{blind}[trend]\nenabled = true\n", "c")
    assert [each.name for each in on.reactions] == ["negative", "blind", "trend"]
    assert list(warnings(on)) == [
        "blind.actions: nothing is sent without a broker; set mqtt.host",
    ]
    ends = parse(f'{trend}on = "cleared"\n{blind}', "c")
    assert [each.name for each in ends.last_reactions] == ["trend"]
    # A name that is free may be taken by an alert that counts.
    own = parse(f'{trend}on = "cleared"\n[[alerts]]\nname = "trend"\n', "c")
    assert own.last_reactions == ()
    assert [(each.name, each.where, each.notify) for each in own.reactions] == [
        ("trend", "alerts[0]", ())
    ]


def test_everything_wrong_is_said_at_once() -> None:
    lines = 'topic = "a b/+"\non = "x"\nqos = 2\npayload = "{y}"\n[[alerts.actions]]\ntopci = "t"\n'
    with pytest.raises(ConfigError) as refused:
        parse(A + lines, "c")
    found = [line.split(": ")[1] for line in str(refused.value).splitlines()]
    one = ["topic", "topic", "on", "qos", "payload"]
    assert sorted(found) == sorted(
        [f"alerts[0].actions[0].{key}" for key in one]
        + [f"alerts[0].actions[1].{key}" for key in ("topci", "topic")]
    )


def test_a_table_instead_of_a_list_is_told_how_to_be_written() -> None:
    with pytest.raises(ConfigError, match=r"each written \[\[alerts\.actions\]\]"):
        parse('[[alerts]]\n[alerts.actions]\ntopic = "t"\n', "c")


# On a real broker

LAMP = "zigbee2mqtt/lamp/set"
SCENES = (
    ActionConfig("raised", LAMP, {"scene_store": 1}),
    ActionConfig("raised", LAMP, {"brightness": 40}),
    ActionConfig("cleared", LAMP, {"scene_recall": 1}),
    ActionConfig("raised", "zero", "{count}", qos=0),
    ActionConfig("raised", "kept", "{name}", retain=True),
)
RAISED = [(LAMP, '{"scene_store":1}'), (LAMP, '{"brightness":40}'), ("zero", "1"),
          ("kept", "negative")]  # fmt: skip
ALL = [*RAISED, (LAMP, '{"scene_recall":1}')]


def test_they_are_published_once_and_in_order_and_retained_only_where_asked(
    broker: Mosquitto, tmp_path: Path
) -> None:
    with running(tmp_path, at(broker), acting(*SCENES)) as pipeline:
        with listening(broker, topic="#") as subscriber:
            pipeline.frame("sad")
            pipeline.wait_for(lambda: not pipeline.outbox.actions, "the acknowledgement")
            pipeline.frame()
            pipeline.wait_for(lambda: len(alerts(subscriber)) == 2, "the end")
            pipeline.wait_for(lambda: not pipeline.outbox.actions, "the acknowledgement")
            theirs = [(t, text) for _, t, text in subscriber.messages() if "fer-edge" not in t]
        assert theirs == ALL
        retained = kept(broker, topic="#")
    assert {t: text for t, text in retained.items() if "fer-edge" not in t} == {"kept": "negative"}


def test_they_wait_for_a_broker_that_is_away_through_a_restart_and_keep_their_order(
    new_broker: NewBroker, tmp_path: Path
) -> None:
    broker = new_broker("")
    dead = Pipeline(tmp_path, at(broker), acting(*SCENES))
    dead.frame("sad")
    dead.frame()
    dead.outbox._database.close()  # as if killed
    broker.start()
    with listening(broker, topic="#") as subscriber:
        with running(tmp_path, at(broker), acting()) as pipeline:  # a reload took them away
            pipeline.wait_for(lambda: not pipeline.outbox.actions, "the acknowledgement")
            pipeline.wait_for(lambda: len(alerts(subscriber)) == 2, "both alerts")
        theirs = [(t, text) for _, t, text in subscriber.messages() if "fer-edge" not in t]
    assert theirs == ALL


def test_what_the_broker_refuses_is_said_once_and_kept_and_the_rest_goes_on(
    new_broker: NewBroker, tmp_path: Path, said: Said
) -> None:
    broker = guarded(new_broker, tmp_path, f"topic write fer-edge/#\ntopic write {LAMP}")
    mqtt = at(broker, username="pi", password_file=tmp_path / "right")
    door = ActionConfig("raised", "door/open", "now")
    with running(tmp_path, mqtt, acting(door, SCENES[0])) as pipeline:
        pipeline.frame("sad")
        pipeline.wait_for(lambda: said("refuses door/open"), "the complaint")
        pipeline.wait_for(lambda: len(pipeline.outbox.actions) == 1, "the other")
        pipeline.wait_for(lambda: not pipeline.outbox.waiting, "the alert")
        (left,) = pipeline.outbox.actions.values()
    assert left == Outgoing("door/open", "now", 1, False)
    assert len(said("refuses")) == 1


def test_the_end_waits_for_their_acknowledgement(broker: Mosquitto, tmp_path: Path) -> None:
    with running(tmp_path, at(broker), acting(*SCENES)) as pipeline:
        pipeline.wait_for(pipeline.connected, "the connection")
        with listening(broker, topic="#") as subscriber:
            pipeline.frame("sad")
            assert pipeline.close() < 2.0
            assert not pipeline.outbox.actions
            theirs = [(t, text) for _, t, text in subscriber.messages() if "fer-edge" not in t]
    assert theirs == RAISED


def test_too_many_make_room_and_it_is_said(
    tmp_path: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.messaging.reactions._ACTIONS", 3)
    reactions = Reactions(reactions_of([acting(*SCENES[:2])]), "pi")
    with Outbox(tmp_path, reactions) as outbox:
        for number in range(3):
            outbox.add(alert(number))
        assert list(outbox.actions) == ["id-1/1", "id-2/0", "id-2/1"]
        assert len(outbox.waiting) == 3
    assert said("dropping") == [f"3 actions wait for the broker; dropping the oldest: {LAMP}"]


def test_an_alert_and_its_actions_are_in_one_transaction(tmp_path: Path) -> None:
    with Outbox(tmp_path, Reactions(reactions_of([acting(*SCENES)]), "pi")) as outbox:
        outbox.add(alert())
        outbox.remove(["id-1"])
    with Outbox(tmp_path) as outbox:
        assert not outbox.waiting
        assert list(outbox.actions) == [f"id-1/{at}" for at in (0, 1, 3, 4)]
