"""What should be published, without any broker."""

from __future__ import annotations

import dataclasses

from edge.alert_state import Episode
from edge.messaging.alert_queue import payload
from edge.messaging.desired import DesiredTopics
from edge.records import AlertEvent, Snapshot
from tests.support.pipeline import alert

NOW = Snapshot(0.0, False, {"a": False}, {"a": 0}, {"faces": 1}, {"fps": 9.5})


def test_availability_comes_first_then_alerts_and_reports() -> None:
    desired = DesiredTopics("p/d")
    assert desired.payloads == {"p/d/availability": "online"}
    desired.update(NOW)
    assert list(desired.payloads.items()) == [
        ("p/d/availability", "online"),
        ("p/d/watching", "ON"),
        ("p/d/alert/a", "OFF"),
        ("p/d/state", '{"faces": 1}'),
        ("p/d/stats", '{"fps": 9.5, "waiting": 0}'),
    ]
    desired.announce("homeassistant/device/x/config", "all of it")
    desired.update(dataclasses.replace(NOW, raised={"a": True}, stats={"fps": 9.0}), waiting=2)
    assert list(desired.payloads)[-1] == "homeassistant/device/x/config", "after what it names"
    assert desired.payloads["p/d/stats"] == '{"fps": 9.0, "waiting": 2}'
    assert desired.payloads["p/d/alert/a"] == "ON"
    desired.go_offline()
    assert desired.payloads["p/d/availability"] == "offline"


def test_watching_is_off_while_it_is_paused() -> None:
    desired = DesiredTopics("p/d")
    desired.update(dataclasses.replace(NOW, paused=("file", "quiet")))
    assert desired.payloads["p/d/watching"] == "OFF"
    desired.update(NOW)
    assert desired.payloads["p/d/watching"] == "ON"


def test_a_report_that_was_not_renewed_is_not_looked_at() -> None:
    desired = DesiredTopics("p/d")
    state: dict[str, object] = {"faces": 1}
    desired.update(dataclasses.replace(NOW, state=state))
    state["faces"] = 2
    desired.update(dataclasses.replace(NOW, state=state, monotonic_s=1.0))
    assert desired.payloads["p/d/state"] == '{"faces": 1}'
    desired.update(dataclasses.replace(NOW, state=dict(state)))
    assert desired.payloads["p/d/state"] == '{"faces": 2}'


def test_alerts_of_an_earlier_process_are_on_where_their_episode_is_open() -> None:
    waiting = [
        payload(alert(1, name="over")),
        payload(alert(1, AlertEvent.CLEARED, name="over")),
        payload(alert(2, name="open")),
    ]
    desired = DesiredTopics("p/d", [Episode("open", None, "episode-2", ("sad",), 9.0)], waiting)
    assert desired.payloads == {
        "p/d/availability": "online",
        "p/d/alert/over": "OFF",
        "p/d/alert/open": "ON",
    }


def test_only_topics_that_are_not_ours_any_more_are_emptied() -> None:
    old = ["p/d/state", "p/d/alert/a", "p/d2/state", "p/d/x/state", "p/d/alert/a/b", "q/d/stats"]
    desired = DesiredTopics("p/d", remembered=old)
    assert desired.abandoned == {"p/d2/state", "p/d/x/state", "p/d/alert/a/b", "q/d/stats"}
    assert desired.payloads == {"p/d/availability": "online"}
    desired.empty_abandoned()
    assert desired.payloads == {"p/d/availability": "online"} | dict.fromkeys(desired.abandoned, "")
    desired.forget(["p/d2/state"])
    assert "p/d2/state" not in desired.payloads
    assert desired.abandoned == {"p/d/x/state", "p/d/alert/a/b", "q/d/stats"}


def test_topics_of_an_alert_that_is_gone_are_emptied_once_it_is_not_raised() -> None:
    gone = ["p/d/alert/gone", "p/d/alert/gone/limit"]
    old = [*gone, "p/d/alert/kept", "p/d/alert/kept/limit"]
    desired = DesiredTopics("p/d", remembered=old, alerts=("kept",))
    assert desired.abandoned == set(gone)
    raised = {"gone": True, "kept": True}
    desired.update(Snapshot(0.0, False, raised, {}, {}, {}))
    desired.empty_abandoned()
    assert [desired.payloads[topic] for topic in gone] == ["ON", ""]
    raised = {"gone": False, "kept": False}
    desired.update(Snapshot(1.0, False, raised, {}, {}, {}))
    desired.empty_abandoned()
    assert desired.payloads[gone[0]] == "OFF", "whoever has heard ON hears of the end first"
    desired.empty_abandoned()
    assert desired.payloads[gone[0]] == ""
    desired.forget(gone)
    desired.update(Snapshot(2.0, False, raised, {}, {}, {}))
    assert not desired.payloads.keys() & set(gone)
    assert desired.payloads["p/d/alert/kept"] == "OFF"


def test_the_announcement_is_ours_as_long_as_this_device_announces_itself() -> None:
    old = ["homeassistant/device/fer_edge_1f/config", "homeassistant/device/fer_edge_2e/config"]
    assert DesiredTopics("p/d", remembered=old, device_id="1f").abandoned == {old[1]}
    assert DesiredTopics("p/d", remembered=old).abandoned == set(old)
