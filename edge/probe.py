"""Whether a broker is there and takes us, for `fer-edge check`."""

from __future__ import annotations

import threading
import time

from edge.access import access
from edge.config import Mqtt
from edge.errors import Problem
from edge.link import V5, V311, VERSIONS, Link


def probe(config: Mqtt, device: str, timeout_s: float = 5.0) -> str:
    """Connects once, as `check` does, and says what it found; raises `Problem` if it cannot."""
    to = access(config)
    for version in (V5, V311):
        link = Link(to, f"fer-edge-{device}-check", None, version)
        thread = threading.Thread(target=link.serve, name="probe", daemon=True)
        thread.start()
        until_s = time.monotonic() + timeout_s
        while thread.is_alive() and not link.open.is_set() and time.monotonic() < until_s:
            link.open.wait(0.05)
        if link.opened_s is not None:
            link.end(farewell=True)
            thread.join(1.0)
            return f"{to}: accepts us, {VERSIONS[version]}"
        link.end(farewell=False)
        if not link.version_refused:
            break
    raise Problem(f"{to}: {link.problem or 'no answer'}; check [mqtt], and that the broker runs")
