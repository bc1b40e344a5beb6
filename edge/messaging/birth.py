"""Home Assistant's birth message: it has started, and hears of this device again.

All that a message there can do is to make the device announce itself again, at most once every ten
seconds.
"""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Callable

from edge.messaging.received import Received
from edge.messaging.topics import BIRTH

#: Devices that all heard the same message do not answer at the same time.
_DELAY_S = 5.0
_REST_S = 10.0
#: What Home Assistant says there; anything else is not for us.
_ONLINE, _OFFLINE = b"online", b"offline"
log = logging.getLogger(__name__)


class Births:
    """When to announce the device again; `delay_s` returns how long to wait."""

    def __init__(self, delay_s: Callable[[], float] = lambda: random.uniform(0, _DELAY_S)) -> None:
        self._delay_s = delay_s
        self._due_s, self._not_before_s = math.inf, -math.inf
        self._logged = False

    def hear(self, message: Received, now_s: float) -> None:
        """Take a message: all but `online`, not retained, changes nothing."""
        if message.topic == BIRTH.of() and message.payload == _ONLINE and not message.retained:
            wished_s = max(now_s + self._delay_s(), self._not_before_s)
            self._due_s = min(self._due_s, wished_s)
        elif message.payload not in {_ONLINE, _OFFLINE} and not self._logged:
            self._logged = True
            log.warning("%s: %r is neither online nor offline", message.topic, message.payload)

    def due(self, now_s: float) -> bool:
        """Return whether the time has come, once per birth."""
        if now_s < self._due_s:
            return False
        self._due_s, self._not_before_s = math.inf, now_s + _REST_S
        return True
