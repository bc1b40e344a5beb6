"""Telling a person: by a real HTTP server that fails, hangs and comes back."""

from __future__ import annotations

import base64
import dataclasses
import importlib.util
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edge.alert_state import AlertState
from edge.config.actions import NotifyConfig
from edge.config.alerts import AlertConfig, reactions_of
from edge.config.loader import parse
from edge.errors import ConfigError
from edge.messaging.notification import EXPIRES_S, Clocks, notifications
from edge.messaging.notifier import Notifier
from edge.messaging.notify import open_services
from edge.messaging.outbox import Outbox
from edge.messaging.reactions import Reactions
from edge.records import Alert, AlertEvent
from tests.conftest import wait_for
from tests.support.mqtt import Said
from tests.support.pipeline import RULE, alert
from tests.support.receiver import Mood, Receiver, receiver

needs_apprise = pytest.mark.skipif(
    importlib.util.find_spec("apprise") is None, reason="needs Apprise: fer-edge[notify]"
)
CLEARED = AlertEvent.CLEARED
NOW = Clocks(1000.0, 5e9, "boot")


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries again sooner than the product does."""
    monkeypatch.setattr("edge.messaging.notifier._BACKOFF_S", (0.05, 0.2))


class Notifying:
    """An outbox and its notifier, worked as the loop does."""

    def __init__(self, directory: Path, *entries: NotifyConfig, clocks: Any = Clocks.now) -> None:
        alerts = list(reactions_of([dataclasses.replace(RULE, notify=entries)]))
        self.outbox = Outbox(directory, Reactions(alerts, "pi", clocks))
        self.notifier = Notifier(open_services(alerts), self.outbox, clocks)

    def turn(self, *alerts: Alert) -> None:
        self.outbox.keep(AlertState(), alerts, publish=False)
        self.notifier.work(time.monotonic())

    def wait_for(self, true: Callable[[], object], what: str) -> None:
        def turn() -> object:
            self.turn()
            return true()

        wait_for(turn, what)


@contextmanager
def notifying(directory: Path, *entries: NotifyConfig, **more: Any) -> Iterator[Notifying]:
    running = Notifying(directory, *entries, **more)
    with running.outbox, running.notifier:
        yield running


def to(server: Receiver, **more: Any) -> NotifyConfig:
    return NotifyConfig(ntfy=server.url, **more)


# What is sent


def test_it_is_one_post_with_title_priority_tags_and_token(
    server: Receiver, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("tk_secret\nsecond line\n")
    entry = to(server, priority="high", tags=("warning", "home"), token_file=token)
    with notifying(tmp_path, entry) as running:
        running.turn(dataclasses.replace(alert(), emotion="sad", reason="30 negative readings"))
        running.wait_for(lambda: not running.outbox.notifications, "the answer")
    ((path, headers, text),) = server.taken
    assert (path, text) == (
        "/topic", "30 negative readings, the latest sad, at 12:00:00 on 2026-03-01"
    )  # fmt: skip
    assert headers["Title"] == "pi: alert negative raised"
    assert headers["Priority"] == "high"
    assert headers["Tags"] == "warning,home"
    assert headers["Authorization"] == "Bearer tk_secret"


def test_title_and_message_may_be_ones_own(server: Receiver, tmp_path: Path) -> None:
    entry = to(server, on="cleared", title="Grüße, {name}\nvon {device}", message="{count}\nvorbei")
    with notifying(tmp_path, entry) as running:
        running.turn(alert(), alert(2, CLEARED))
        running.wait_for(lambda: not running.outbox.notifications, "the answer")
    ((_, headers, text),) = server.taken
    kind, text_64 = headers["Title"].removesuffix("?=").rsplit("?", 1)
    assert kind == "=?UTF-8?B"
    assert base64.b64decode(text_64).decode() == "Grüße, negative von pi"
    assert text == "30\nvorbei"


def test_a_test_says_so(server: Receiver, tmp_path: Path) -> None:
    with notifying(tmp_path, to(server)) as running:
        running.turn(dataclasses.replace(alert(), test=True))
        running.wait_for(lambda: server.taken, "the notification")
    assert server.taken[0].headers["Title"] == "Test: pi: alert negative raised"


# Servers that fail


@pytest.mark.parametrize(
    ("mood", "problem"),
    [
        (Mood.REFUSES, "HTTP 500"),
        (Mood.HANGS, "timed out"),
        (Mood.RESETS, "onnection"),
        (Mood.REDIRECTS, "HTTP 302"),
        (Mood.DENIES, "HTTP 403; check token_file"),
    ],
)
def test_a_server_that_fails_is_said_once_and_tried_until_it_is_well_again(
    server: Receiver,
    tmp_path: Path,
    said: Said,
    monkeypatch: pytest.MonkeyPatch,
    mood: Mood,
    problem: str,
) -> None:
    if mood is Mood.HANGS:
        monkeypatch.setattr("edge.messaging.notify._TIMEOUT_S", 1.0)
    server.mood = mood
    with notifying(tmp_path, to(server)) as running:
        running.turn(alert(1), alert(2), alert(3, CLEARED))
        running.wait_for(lambda: len(server.tries) >= 3, "three tries")
        assert not server.taken
        server.mood = Mood.TAKES
        running.turn(alert(4))
        running.wait_for(lambda: not running.outbox.notifications, "all of them")
    assert len(server.taken) == 3
    (line,) = said("cannot notify")
    assert f"of alert 'negative' (notify[0]) by ntfy at 127.0.0.1:{server.port}: " in line
    assert problem in line
    assert said("sent again") == ["notifications of alert 'negative' (notify[0]) are sent again"]
    assert "topic" not in "".join(said())


def test_the_loop_goes_on_while_a_server_keeps_the_thread_waiting(
    server: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.messaging.notify._TIMEOUT_S", 60.0)
    server.mood = Mood.HANGS
    with notifying(tmp_path, to(server)) as running:
        running.turn(alert(1))
        running.wait_for(lambda: server.tries, "the try")
        for number in range(2, 50):
            running.turn(alert(number))
        assert len(server.tries) == 1
        assert len(running.outbox.notifications) == 49


def test_a_server_that_is_not_there_is_tried_again(tmp_path: Path, said: Said) -> None:
    with receiver() as gone:
        entry = to(gone)
    with notifying(tmp_path, entry) as running:
        running.turn(alert())
        running.wait_for(lambda: said("Connection refused"), "the complaint")
    with notifying(tmp_path, NotifyConfig(ntfy="http://no-such-host.invalid/t")) as running:
        running.wait_for(lambda: said("no such host"), "the complaint")
        assert list(running.outbox.notifications) == ["id-1/0"], "it survived the restart"


def test_one_that_fails_does_not_hold_up_another_and_each_keeps_its_order(
    server: Receiver, tmp_path: Path
) -> None:
    with receiver() as other:
        other.mood = Mood.REFUSES
        texts = {"message": "{name} {count}"}
        with notifying(tmp_path, to(other, **texts), to(server, **texts)) as running:
            for number in range(1, 5):
                running.turn(dataclasses.replace(alert(number), count=number))
            running.wait_for(lambda: len(server.taken) == 4, "the well one")
            other.mood = Mood.TAKES
            running.wait_for(lambda: not running.outbox.notifications, "the other")
        order = [f"negative {number}" for number in range(1, 5)]
        assert [taken.text for taken in server.taken] == order
        assert [taken.text for taken in other.taken] == order


def test_what_was_not_sent_is_sent_after_a_restart_once(server: Receiver, tmp_path: Path) -> None:
    server.mood = Mood.REFUSES
    killed = Notifying(tmp_path, to(server))
    killed.notifier._thread.start()
    killed.turn(alert())
    killed.wait_for(lambda: server.tries, "a try")
    killed.outbox._database.close()  # as if killed
    killed.notifier._jobs.put(None)
    server.mood = Mood.TAKES
    with notifying(tmp_path, to(server)) as running:
        running.wait_for(lambda: not running.outbox.notifications, "the notification")
    assert len(server.taken) == 1


def test_the_end_waits_for_an_answer(
    server: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.messaging.notifier._CLOSE_S", 30.0)
    with notifying(tmp_path, to(server)) as running:
        running.turn(alert(1), alert(2))
    assert len(server.taken) == 2


def test_the_end_does_not_wait_for_one_that_hangs(
    server: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.messaging.notify._TIMEOUT_S", 300.0)
    server.mood = Mood.HANGS
    with notifying(tmp_path, to(server)) as running:
        running.turn(alert())
        running.wait_for(lambda: server.tries, "the try")
    assert running.notifier._thread.is_alive(), "it still waits for an answer"
    assert list(running.outbox.notifications) == ["id-1/0"]


def test_without_notifications_there_is_no_thread(tmp_path: Path) -> None:
    with notifying(tmp_path):
        assert "notify" not in {thread.name for thread in threading.enumerate()}


# What is old


@pytest.mark.parametrize(
    ("later", "sent"),
    [
        (NOW._replace(monotonic_s=1059.0), ""),
        (NOW._replace(monotonic_s=1000 + EXPIRES_S - 1), "late"),
        (NOW._replace(monotonic_s=1000 + EXPIRES_S + 1), "dropped"),
        (Clocks(5.0, 5e9 + 30, "another boot"), ""),
        (Clocks(5.0, 5e9 - 1e6, "another boot: its clock is not set yet"), ""),
        (Clocks(5.0, 5e9 + 300, "another boot"), "late"),
        (Clocks(5.0, 5e9 + EXPIRES_S + 1, "another boot"), "dropped"),
        (NOW._replace(wall_s=9e9), ""),
    ],
)
def test_what_is_late_says_so_and_what_is_old_is_dropped(
    server: Receiver, tmp_path: Path, said: Said, later: Clocks, sent: str
) -> None:
    now = NOW
    with notifying(tmp_path, to(server, message="now!"), clocks=lambda: now) as running:
        running.outbox.keep(AlertState(), [alert(1), alert(2)], publish=False)
        now = later
        running.wait_for(lambda: not running.outbox.notifications, "the answer")
    late = "now!\nSent late: this was at 12:00:00 on 2026-03-01."
    text = {"": "now!", "late": late}.get(sent)
    assert [taken.text for taken in server.taken] == ([text] * 2 if text else [])
    dropped = [
        "the notification of alert 'negative' (notify[0]), 12:00:00 on 2026-03-01, is too old to"
        " be sent; dropped, as others will be"
    ]
    assert said("dropped") == ([] if text else dropped)


def test_too_many_make_room_and_it_is_said(
    tmp_path: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.messaging.reactions._NOTIFICATIONS", 2)
    rule = dataclasses.replace(RULE, notify=(NotifyConfig(ntfy="http://127.0.0.1:9/t"),))
    with Outbox(tmp_path, Reactions(reactions_of([rule]), "pi")) as outbox:
        outbox.keep(AlertState(), map(alert, range(4)), publish=False)
        assert list(outbox.notifications) == ["id-2/0", "id-3/0"]
    assert said("dropping") == [
        "2 notifications wait to be sent; dropping the oldest: 12:00:00 on 2026-03-01"
    ]


def test_one_for_nobody_who_is_configured_now_is_dropped_and_said(
    server: Receiver, tmp_path: Path, said: Said
) -> None:
    server.mood = Mood.REFUSES
    with notifying(tmp_path, to(server), to(server)) as running:
        running.turn(alert())
        running.wait_for(lambda: len(server.tries) >= 4 and not running.notifier._sending, "tries")
    server.mood = Mood.TAKES
    with notifying(tmp_path, to(server)) as running:
        running.wait_for(lambda: not running.outbox.notifications, "the other")
    assert len(server.taken) == 1
    (line,) = said("dropped")
    assert "'negative' (notify[1])" in line
    assert "is for nobody who is configured now" in line


# What is refused at the start

N = "[[alerts]]\n[[alerts.notify]]\n"
NTFY = 'ntfy = "https://ntfy.sh/t"\n'
WRONG = [
    ("", "notify[0].ntfy: set this, such as 'https://ntfy.sh/my-topic', or apprise_file, not both"),
    (f'{NTFY}apprise_file = "/x"', "notify[0].ntfy: set this"),
    *(
        (f'ntfy = "{url}"', "notify[0].ntfy: must be https://SERVER/TOPIC, without a password")
        for url in (
            "ntfy.sh/t", "ntfy://ntfy.sh/t", "https://ntfy.sh", "https://ntfy.sh/", "https:///t",
            "https://me:pass@ntfy.sh/t", "https://ntfy.sh/t?auth=x", "https://ntfy.sh/t#x",
            "https://ntfy.sh/a topic", "https://[ntfy.sh/t", "https://ntfy.sh:x/t", "file:///etc/t",
        )
    ),
    (f'{NTFY}title = "{{what}}"', "notify[0].title: unknown placeholder {what}"),
    (f'{NTFY}message = "{{what}}"', "notify[0].message: unknown placeholder {what}"),
    (f'{NTFY}priority = "max"', "notify[0].priority: must be one of min, low, default, high"),
    (f'{NTFY}tags = ["a,b"]', "notify[0].tags[0]: must be ASCII without a comma"),
    (f'{NTFY}tags = [""]', "notify[0].tags[0]: must be ASCII"),
    ('apprise_file = "/x"\ntoken_file = "/y"', "notify[0].token_file: is for ntfy only"),
    ('apprise_file = "/x"\npriority = "high"', "notify[0].priority: is for ntfy only"),
    (f'{NTFY}on = "now"', "notify[0].on: must be one of raised, cleared"),
    (f'{NTFY}url = "x"', "notify[0].url: unknown key; valid keys: on, ntfy"),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "said"), WRONG)
def test_what_is_wrong_is_named_with_its_place(lines: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(f"{N}{lines}\n", "c")
    (line,) = str(refused.value).splitlines()
    assert line.startswith("c: alerts[0].")
    assert said in line
    assert "pass@" not in line


def refused(*entries: NotifyConfig) -> list[str]:
    with pytest.raises(ConfigError) as error:
        open_services(reactions_of([AlertConfig(notify=entries)]))
    return str(error.value).splitlines()


def test_a_token_that_cannot_be_read_or_is_none_is_refused(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("missing", "empty", "two", "binary")]
    files[1].write_text("\nsecond")
    files[2].write_text("tk_1 tk_2\n")
    files[3].write_bytes(b"\xff\xfe\x00")
    entries = [NotifyConfig(ntfy="https://ntfy.sh/t", token_file=file) for file in files]
    first_line = "its first line must be an access token"
    assert refused(*entries) == [
        f"alerts[0].notify[0].token_file: {files[0]}: No such file or directory",
        f"alerts[0].notify[1].token_file: {files[1]}: {first_line}",
        f"alerts[0].notify[2].token_file: {files[2]}: {first_line}",
        f"alerts[0].notify[3].token_file: {files[3]}: must be UTF-8 text",
    ]


def test_of_every_alert_the_entry_is_named_with_its_place() -> None:
    entry = '[[{0}.notify]]\nntfy = "https://ntfy.sh/t"\ntoken_file = "/nowhere"\n'
    on = "[faces]\nblind_after_h = 1\n[trend]\nenabled = true\n"
    config = parse(on + entry.format("blind") + entry.format("trend"), "c")
    with pytest.raises(ConfigError) as error:
        open_services(config.reactions)
    assert str(error.value).splitlines() == [
        f"{name}.notify[0].token_file: /nowhere: No such file or directory"
        for name in ("blind", "trend")
    ]
    with pytest.raises(ConfigError, match=r"c: trend\.notify\[0\]\.ntfy: set this, such as"):
        parse("[[trend.notify]]\n", "c")


# Apprise


@needs_apprise
def test_a_malformed_url_of_apprise_is_refused_by_its_line_and_not_quoted(tmp_path: Path) -> None:
    file = tmp_path / "urls"
    file.write_text("# comment\n\njson://user:hush@localhost/x\nhush://nonsense\nhush\n")
    lines = refused(NotifyConfig(apprise_file=file))
    assert lines == [
        f"alerts[0].notify[0].apprise_file: {file}, line {n}: not a URL of Apprise" for n in (4, 5)
    ]
    file.write_text("# nothing\n")
    (line,) = refused(NotifyConfig(apprise_file=file))
    assert line.endswith(": names no URL; write one a line")


def test_without_apprise_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    file = tmp_path / "urls"
    file.write_text("json://localhost/x\n")
    assert refused(NotifyConfig(apprise_file=file)) == [
        "alerts[0].notify[0].apprise_file: needs Apprise; docs/recipes.md says how to"
        " install it; or use ntfy"
    ]


@needs_apprise
def test_apprise_notifies_each_url_once_though_one_fails_and_prints_no_secret(
    server: Receiver, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    file = tmp_path / "urls"
    with receiver() as other:
        other.mood = Mood.REFUSES
        file.write_text(
            f"# mine\njson://me:hush@127.0.0.1:{server.port}/well\n"
            f"json://me:hush@127.0.0.1:{other.port}/failing?+hush=hush\n"
        )
        with notifying(tmp_path, NotifyConfig(apprise_file=file)) as running:
            running.turn(alert())
            running.wait_for(lambda: len(other.tries) >= 3, "three tries")
            other.mood = Mood.TAKES
            running.wait_for(lambda: not running.outbox.notifications, "the answer")
        assert len(other.taken) == len(server.tries) == 1
    said = [record.getMessage() for record in caplog.records]
    assert [line for line in said if "cannot notify" in line] == [
        f"cannot notify of alert 'negative' (notify[0]) by the services of {file}: not delivered,"
        " of line 3; trying again, for 60 minutes"
    ]
    assert '"title": "pi: alert negative raised"' in server.taken[0].text
    assert not [line for line in said if "hush" in line or "well" in line]


def test_rendering_knows_no_clock_of_its_own() -> None:
    entries = [NotifyConfig(ntfy="https://ntfy.sh/t")]
    ((_, once),) = notifications(alert(), entries, "pi", NOW)
    assert once.asked == NOW
    assert once == type(once).decoded(once.encoded())
