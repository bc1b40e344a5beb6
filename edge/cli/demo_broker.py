"""The demo's other side: an MQTT broker inside the process, and a subscriber that prints."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edge.errors import FerEdgeError
from edge.extras import installing

HOST = "127.0.0.1"


@contextlib.contextmanager
def broker() -> Iterator[int]:
    """Run amqtt in a thread of its own; yield its port on loopback."""
    try:
        from amqtt.broker import Broker  # noqa: PLC0415
    except ImportError as error:
        raise FerEdgeError(f"the demo's broker is missing; {installing('demo')}") from error
    logging.getLogger("amqtt").setLevel(logging.CRITICAL)
    logging.getLogger("transitions").setLevel(logging.CRITICAL)
    with socket.create_server((HOST, 0)) as free:
        port = int(free.getsockname()[1])
    settings = {
        "listeners": {"default": {"type": "tcp", "bind": f"{HOST}:{port}"}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    }
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="demo broker", daemon=True)
    thread.start()

    async def start() -> Any:
        started = Broker(settings)
        await started.start()
        return started

    running = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    try:
        yield port
    finally:
        asyncio.run_coroutine_threadsafe(running.shutdown(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(2)


@contextlib.contextmanager
def subscriber(port: int, say: Callable[[str], None]) -> Iterator[None]:
    """Print what arrives on `fer-edge/#`, as any subscriber would."""
    client = paho.Client(CallbackAPIVersion.VERSION2, "subscriber")
    subscribed = threading.Event()

    def on_connect(*_: object) -> None:
        client.subscribe("fer-edge/#", qos=1)

    def on_message(_client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        # Where nobody reads any more, the next line about a reading ends the demo.
        with contextlib.suppress(FerEdgeError, BrokenPipeError):
            say(f"       MQTT  {message.topic}  {message.payload.decode()}")

    client.on_connect, client.on_message = on_connect, on_message
    client.on_subscribe = lambda *_: subscribed.set()
    client.connect(HOST, port)
    client.loop_start()
    if not subscribed.wait(5):
        raise FerEdgeError("the demo's broker does not answer on this machine's loopback")
    try:
        yield
    finally:
        client.disconnect()
        client.loop_stop()
