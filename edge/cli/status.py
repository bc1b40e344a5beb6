"""`fer-edge status`: in five lines, what is true of the service now."""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from edge.cli.arguments import ConfigUse
from edge.cli.log import where
from edge.cli.output import say
from edge.config import pause
from edge.config.names import slug
from edge.config.pause import Reason
from edge.config.schema import Config
from edge.diary import layout, reader
from edge.errors import FerEdgeError
from edge.redact import redacted
from edge.service import status_file
from edge.service.status_file import Kept

HELP = "show what is true now: watching, faces, alerts, broker, diary"
CONFIG_USE = ConfigUse.REQUIRED
_STOPPED = "no: the service is not running; start it: sudo systemctl start fer-edge"


class _Diary(NamedTuple):
    """Where the diary is, when its newest row was written, and how much room is left."""

    directory: str
    newest: datetime | None
    free_gb: float

    def __str__(self) -> str:
        newest = f"newest row {self.newest:%Y-%m-%d %H:%M:%S}" if self.newest else "no rows yet"
        return f"{self.directory}: {newest}; {self.free_gb:.1f} GB free"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the option of another form."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def execute(config: Config, options: argparse.Namespace) -> int:
    """Print what the service says of itself, and what the diary has; 1 if it does not run."""
    try:
        kept = status_file.read(pause.files_of(config, options.config))
        diary = _diary(config)
    except PermissionError as error:
        raise FerEdgeError(f"{error.filename}: not allowed; try: sudo fer-edge status") from error
    if kept is not None and not kept.running:
        kept = None
    if options.json:
        say(json.dumps(_object(config, kept, diary)))
    else:
        for name, text in _lines(config, kept, diary):
            say(f"{name + ':':<10}{text}")
    return 0 if kept else 1


def _diary(config: Config) -> _Diary:
    directory = where(config)
    there = next(path for path in (directory, *directory.absolute().parents) if path.exists())
    newest = reader.newest(layout.files(directory))
    return _Diary(str(directory), newest, round(shutil.disk_usage(there).free / 1e9, 1))


def _lines(config: Config, kept: Kept | None, diary: _Diary) -> Iterator[tuple[str, str]]:
    yield "watching", _watching(kept) if kept else _STOPPED
    yield "faces", _faces(kept) if kept else "-"
    yield "alerts", ("; ".join(_alerts(kept, config)) or "none configured") if kept else "-"
    yield "broker", _broker(config, kept)
    yield "diary", str(diary)


def _watching(kept: Kept) -> str:
    state = kept.state
    if reasons := state["paused"]:
        return pause.pause_line(map(Reason, reasons))
    if not state["camera"]:
        return f"{redacted(kept.source)}: no picture since {state['time']}"
    return f"{redacted(kept.source)}, {state['fps']:.1f} frames/s"


def _faces(kept: Kept) -> str:
    state = kept.state
    if not state["faces"]:
        return "none"
    return f"{state['faces']}; expression: {state['emotion']} ({state['confidence']:.2f})"


def _alerts(kept: Kept, config: Config) -> Iterator[str]:
    configured = {slug(rule.name): rule.count for rule in config.alerts}
    negative, snoozed = kept.state["negative"], kept.state["snoozed"]
    for name, raised in kept.raised.items():
        facts = ["raised"] if raised else []
        if name in negative:
            of = f" of {kept.limits[name]}" if name in kept.limits else ""
            facts.append(f"{negative[name]}{of} negative readings")
        count = configured.get(name)
        if kept.limits.get(name, count) != count and count is not None:
            facts.append(f"set over MQTT instead of {count}")
        if least := kept.least_shares.get(name):
            facts.append(f"share {kept.state['share'][name]:.2f} of {least:g}")
        if name in snoozed:
            facts.append("snoozed")
        yield f"{name}: {', '.join(facts) or 'not raised'}"


def _broker(config: Config, kept: Kept | None) -> str:
    if not config.mqtt.host:
        return "none configured (mqtt.host)"
    if kept is None or kept.broker is None:
        return config.mqtt.host
    connected = "connected" if kept.broker.connected else "not connected; journalctl -u fer-edge"
    return f"{config.mqtt.host}: {connected}; messages waiting: {kept.broker.waiting}"


def _object(config: Config, kept: Kept | None, diary: _Diary) -> dict[str, object]:
    """Return the same, for programs; what only the service knows is null without it."""
    newest = diary.newest.isoformat(timespec="milliseconds") if diary.newest else None
    return {
        "running": kept is not None,
        "watching": kept is not None and not kept.state["paused"],
        "source": redacted(config.camera.source),
        "state": kept.state if kept else None,
        "raised": kept.raised if kept else None,
        "limits": kept.limits if kept else None,
        "least_shares": kept.least_shares if kept else None,
        "broker": kept.broker._asdict() if kept and kept.broker else None,
        "diary": {"directory": diary.directory, "newest": newest, "free_gb": diary.free_gb},
    }
