"""python -m tests.benchmarks.fleet: many devices on one mosquitto over loopback.

Each device is the service's own rules, status, outbox and publisher, fed with frames; a subscriber
in a process of its own takes every alert. All share this machine, so the figures are those of a
machine that is also two hundred devices.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import NamedTuple

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge.messaging.discovery import Features
from tests.conftest import Mosquitto
from tests.support.mqtt import at
from tests.support.pipeline import running

FRAMES_PER_S = 5.0
#: How often each device raises an alert, on average; it is cleared by the next frame.
RAISED_EVERY_S = 10.0
_CONNECT_S, _DRAIN_S = 120.0, 10.0
_FORK = multiprocessing.get_context("fork")


class Report(NamedTuple):
    """What one process of devices did: when each alert was raised, and the CPU time it took."""

    sent_s: dict[str, float]
    cpu_s: float


def devices(
    names: list[str], broker: Mosquitto, directory: Path, go: Event, end_s: float, out: Connection
) -> None:
    """Be the devices `names` for `end_s` seconds after `go`; send a `Report`."""
    features = Features(("happy", "sad"), ("negative",))
    chances = random.Random(names[0])
    sent_s: dict[str, float] = {}
    with ExitStack() as stack:
        fleet = [
            stack.enter_context(
                running(directory / name, at(broker), device=name, features=features)
            )
            for name in names
        ]
        until_s = time.monotonic() + _CONNECT_S
        while not all(device.connected() for device in fleet) and time.monotonic() < until_s:
            for device in fleet:
                device.frame()
        out.send(sum(device.connected() for device in fleet))
        while not go.wait(0.05):
            for device in fleet:
                device.frame()
        cpu_s, from_s = time.process_time(), time.monotonic()
        raise_share = 1 / (RAISED_EVERY_S * FRAMES_PER_S)
        for turn in range(int(end_s * FRAMES_PER_S)):
            for number, device in enumerate(fleet):
                due_s = from_s + (turn + number / len(fleet)) / FRAMES_PER_S
                time.sleep(max(0.0, due_s - time.monotonic()))
                began_s = time.monotonic()
                sad = chances.random() < raise_share
                sent_s |= {a.id: began_s for a in device.frame(*(["sad"] if sad else []))}
        cpu_s = time.process_time() - cpu_s
        until_s = time.monotonic() + _DRAIN_S
        while any(device.outbox.waiting for device in fleet) and time.monotonic() < until_s:
            for device in fleet:
                sent_s |= {a.id: time.monotonic() for a in device.frame()}
        out.send(Report(sent_s, cpu_s))
        out.close()


def subscriber(port: int, ready: Event, stop: Event, out: Connection) -> None:
    """Note when each alert arrives, until `stop`."""
    arrived: list[tuple[str, float]] = []
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.on_subscribe = lambda *_: ready.set()
    client.on_message = lambda _, __, message: arrived.append(
        (json.loads(message.payload)["id"], time.monotonic())
    )
    client.connect("127.0.0.1", port)
    client.subscribe("fer-edge/+/alert", qos=1)
    client.loop_start()
    stop.wait()
    client.loop_stop()
    out.send(arrived)


def cpu_time_s(pid: int) -> float:
    """Return the processor time of a process (proc(5), `stat`)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(count: int, seconds: float, processes: int, directory: Path) -> dict[str, object]:
    """Run `count` devices for `seconds`; return the figures."""
    broker = Mosquitto(directory, "allow_anonymous true\nmax_inflight_messages 0\n").start()
    ready, go, stop = _FORK.Event(), _FORK.Event(), _FORK.Event()
    hearing, told = _FORK.Pipe(duplex=False)
    listener = _FORK.Process(target=subscriber, args=(broker.port, ready, stop, told))
    listener.start()
    ready.wait(30)
    names = [f"device-{number}" for number in range(count)]
    pipes, workers = [], []
    for first in range(processes):
        ours, theirs = _FORK.Pipe(duplex=False)
        line = (names[first::processes], broker, directory, go, seconds, theirs)
        workers.append(_FORK.Process(target=devices, args=line))
        pipes.append(ours)
        workers[-1].start()
    connected = sum(pipe.recv() for pipe in pipes)
    before_s, from_s = cpu_time_s(broker.pid), time.monotonic()
    go.set()
    time.sleep(seconds)
    broker_share = (cpu_time_s(broker.pid) - before_s) / (time.monotonic() - from_s)
    reports: list[Report] = [pipe.recv() for pipe in pipes]
    time.sleep(1.0)
    stop.set()
    arrived: list[tuple[str, float]] = hearing.recv()
    for process in (*workers, listener):
        process.join()
    broker.stop()
    return figures(reports, arrived) | {
        "devices": count,
        "connected": connected,
        "seconds": seconds,
        "broker_cpu_share": round(broker_share, 4),
        "device_cpu_share": round(sum(r.cpu_s for r in reports) / seconds / count, 5),
    }


def figures(reports: list[Report], arrived: list[tuple[str, float]]) -> dict[str, object]:
    """Return alerts, losses, and the latency from a reading to its alert's arrival."""
    sent_s = {key: at_s for report in reports for key, at_s in report.sent_s.items()}
    first_s: dict[str, float] = {}
    for key, at_s in arrived:
        first_s.setdefault(key, at_s)
    latencies_ms = [1000 * (first_s[key] - at_s) for key, at_s in sent_s.items() if key in first_s]
    hundredths = statistics.quantiles(latencies_ms, n=100, method="inclusive")
    return {
        "alerts": len(sent_s),
        "lost": len(sent_s.keys() - first_s.keys()),
        "twice": sum(n > 1 for n in Counter(key for key, _ in arrived).values()),
        "p50_ms": round(hundredths[49], 2),
        "p99_ms": round(hundredths[98], 2),
        "most_ms": round(max(latencies_ms), 2),
    }


def main() -> int:
    """Print the figures; return 1 if an alert was lost or a device did not connect."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.fleet", description=__doc__)
    parser.add_argument("--devices", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--processes", type=int, default=2, help="that the devices share")
    options = parser.parse_args()
    # In memory: here all devices would share one disk, which they do not at home.
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=memory) as directory:
        found = measure(options.devices, options.seconds, options.processes, Path(directory))
    json.dump(found, sys.stdout, indent=2)
    print()
    return 0 if not found["lost"] and found["connected"] == found["devices"] else 1


if __name__ == "__main__":
    sys.exit(main())
