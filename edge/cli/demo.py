"""`fer-edge demo`: the real loop on a bundled clip, with a broker inside the process."""

from __future__ import annotations

import argparse
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli import demo_story, output
from edge.cli.arguments import ConfigUse
from edge.config.alerts import AlertConfig
from edge.config.schema import (
    CameraConfig,
    Config,
    DiaryConfig,
    ModelConfig,
    MoodConfig,
    MqttConfig,
    StateConfig,
)
from edge.packaged import CLIP
from edge.service import signals

if TYPE_CHECKING:
    from edge.records import Reading  # loads numpy

HELP = "see it work: no camera, no broker"
CONFIG_USE = ConfigUse.OPTIONAL


def add_arguments(_: argparse.ArgumentParser) -> None:
    """Add no options: the demo has none of its own."""


def execute(config: Config, _: argparse.Namespace) -> int:
    """Show the demo with the configured model."""
    stop, _reload = signals.listen()
    show(config.model, stop)
    return 0


def show(model: ModelConfig, stop: threading.Event) -> None:
    """Play the clip; print readings, MQTT messages, and an example of the diary.

    Nothing of it stays on the disk.

    Raises `FerEdgeError` where amqtt, the embedded broker, is missing.
    """
    import tempfile  # noqa: PLC0415

    from edge.cli.demo_broker import HOST, broker, subscriber  # noqa: PLC0415
    from edge.service import loop  # noqa: PLC0415
    from edge.service.systemd import Notifier  # noqa: PLC0415
    from edge.service.watching import Conditions  # noqa: PLC0415

    with (
        broker() as port,
        subscriber(port, _say),
        tempfile.TemporaryDirectory(prefix="fer-edge-demo-") as folder,
    ):
        mqtt = MqttConfig(host=HOST, port=port, discovery=False)
        config = _config(model, Path(folder), mqtt)
        _say("A clip of average faces, nobody's picture, through the real loop.")
        usual = Config()
        interval_s, usual_s = config.mood.reading_interval_s, usual.mood.reading_interval_s
        _say(demo_story.rule(config.alerts[0], interval_s, usual.alerts[0], usual_s) + "\n")
        until = Conditions(stop)
        loop.serve(config, until, Notifier(""), realtime=True, listener=_print_readings)
        _show_diary(Path(folder))
    _say(f"\n{demo_story.NEXT}")


def _show_diary(directory: Path) -> None:
    """Print what the diary in `directory` has, its columns, and its last reading."""
    from edge.diary import layout, reader  # noqa: PLC0415

    rows = list(reader.rows(directory / layout.NAME))
    readings = [row for row in rows if row.face is not None]
    events = len(rows) - len(readings)
    _say(f"\nThe diary had {len(readings)} readings, {events} events; it is deleted with the demo.")
    for row in readings[-1:]:
        _say(f"Its columns, and the last reading:\n{','.join(row.header)}\n{','.join(row.values)}")


def _config(model: ModelConfig, directory: Path, mqtt: MqttConfig) -> Config:
    return Config(
        device="demo",
        camera=CameraConfig(source=str(CLIP)),
        model=model,
        mood=MoodConfig(reading_interval_s=0.5),
        diary=DiaryConfig(directory=directory),
        state=StateConfig(directory=directory),
        mqtt=mqtt,
        alerts=(AlertConfig("negative", count=4, window_s=4.0, clear_count=1, min_confidence=0.3),),
    )


def _print_readings(readings: Iterable[Reading]) -> None:
    for reading in readings:
        bar = "█" * round(reading.confidence * 20)
        clock = f"{reading.source_s // 60:02.0f}:{reading.source_s % 60:02.0f}"
        shown = demo_story.shown(reading.source_s)
        read = f"read {reading.emotion:<8} {reading.confidence:4.0%} {bar}"
        _say(f"{clock}  face {reading.face}  shows {shown:<8}  {read}")


def _say(line: str) -> None:
    """Print a line at once and in one piece: two threads have something to say."""
    output.say(f"{line}\n", end="", flush=True)
