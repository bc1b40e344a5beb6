"""`fer-edge demo`: the real loop on a bundled clip, with a broker inside the process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import tempfile
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edge import daemon, diary
from edge.config import AlertRule, Camera, Config, Log, Mood, Mqtt, State
from edge.errors import Problem
from edge.records import Reading
from edge.show import say
from edge.systemd import Notifier

CLIP = Path(__file__).parent / "assets" / "average-faces.mp4"
_HOST = "127.0.0.1"


def show(settings: Config, stop: threading.Event) -> None:
    """Plays the clip, prints readings and MQTT messages as they come, and says where the diary is.

    Only the model is taken from `settings`. Raises `Problem` without amqtt, the embedded broker.
    """
    with _broker() as port, _subscriber(port):
        _say("A clip of average faces, nobody's picture, through the real loop.\n")
        directory = Path(tempfile.mkdtemp(prefix="fer-edge-demo-"))
        config = Config(
            device="demo",
            camera=Camera(source=str(CLIP)),
            model=settings.model,
            mood=Mood(reading_interval_s=0.5),
            log=Log(directory=str(directory)),
            state=State(directory=str(directory)),
            mqtt=Mqtt(host=_HOST, port=port),
            alerts=(
                AlertRule("negative", count=4, window_s=4.0, clear_count=1, min_confidence=0.3),
            ),
        )
        daemon.serve(config, stop, Notifier(""), realtime=True, listener=_print_readings)
    path = directory / diary.NAME
    count = sum(1 for _ in diary.rows(path))
    _say(f"\nThe diary has {count} rows: {path}")


def _print_readings(readings: Iterable[Reading]) -> None:
    for reading in readings:
        bar = "█" * round(reading.confidence * 20)
        clock = reading.time.strftime("%M:%S")
        _say(f"{clock}  face {reading.face}  {reading.emotion:<9} {reading.confidence:4.0%} {bar}")


def _say(line: str) -> None:
    """Prints a line at once and in one piece: two threads have something to say."""
    say(f"{line}\n", end="", flush=True)


@contextlib.contextmanager
def _broker() -> Iterator[int]:
    """amqtt in a thread of its own; its port on loopback."""
    try:
        from amqtt.broker import Broker  # noqa: PLC0415
    except ImportError as error:
        raise Problem("the demo's broker is missing: pip install 'fer-edge[demo]'") from error
    logging.getLogger("amqtt").setLevel(logging.CRITICAL)
    logging.getLogger("transitions").setLevel(logging.CRITICAL)
    with socket.create_server((_HOST, 0)) as free:
        port = int(free.getsockname()[1])
    settings = {
        "listeners": {"default": {"type": "tcp", "bind": f"{_HOST}:{port}"}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    }
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="demo broker", daemon=True)
    thread.start()

    async def start() -> Any:
        broker = Broker(settings)
        await broker.start()
        return broker

    broker = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    try:
        yield port
    finally:
        asyncio.run_coroutine_threadsafe(broker.shutdown(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(2)


@contextlib.contextmanager
def _subscriber(port: int) -> Iterator[None]:
    """Prints what arrives on `fer-edge/#`, as any subscriber would."""
    client = paho.Client(CallbackAPIVersion.VERSION2, "subscriber")
    subscribed = threading.Event()

    def on_connect(*_: object) -> None:
        client.subscribe("fer-edge/#", qos=1)

    def on_message(_client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        with contextlib.suppress(Problem, BrokenPipeError):  # the readings' next line ends the demo
            _say(f"       MQTT  {message.topic}  {message.payload.decode()}")

    client.on_connect, client.on_message = on_connect, on_message
    client.on_subscribe = lambda *_: subscribed.set()
    client.connect(_HOST, port)
    client.loop_start()
    if not subscribed.wait(5):
        raise Problem("the demo's broker does not answer on this machine's loopback")
    try:
        yield
    finally:
        client.disconnect()
        client.loop_stop()
