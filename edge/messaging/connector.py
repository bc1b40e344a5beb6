"""Keep a connection to the broker: a thread of its own connects and reconnects."""

from __future__ import annotations

import contextlib
import logging
import threading
import time

from paho.mqtt.enums import MQTTProtocolVersion

from edge.config.schema import MqttConfig
from edge.errors import ConfigError
from edge.messaging.connection import V5, V311, VERSIONS, Connection, Will
from edge.messaging.credentials import read_credentials
from edge.messaging.session import ACKNOWLEDGE_S

#: Shortest and longest delay between two attempts; it doubles in between.
_BACKOFF_S = (1.0, 60.0)
#: A connection that ends sooner, and as the previous one did, is not worth another line in the log.
_STABLE_S = 120.0
#: After this many of them, their most frequent cause is logged.
_UNSTABLE = 5
_NAMESAKE = (
    "the connection breaks again and again; is there another device called %s?"
    " Give each its own `device`, and the copy of a card its own state.directory"
)
#: Why a connection was dropped whose broker still answers pings.
STALLED = f"no acknowledgement for {ACKNOWLEDGE_S:.0f} s"
log = logging.getLogger(__name__)


class Connector:
    """`connection` is the current one, open or not; a new one replaces it when it has ended.

    `will` is the topic that gets `offline` when a connection breaks, `reads` those to subscribe to.
    Raises `ConfigError` where the password or the certificates cannot be read.
    """

    def __init__(
        self,
        config: MqttConfig,
        client_id: str,
        will: str,
        reads: tuple[tuple[str, int], ...] = (),
    ) -> None:
        self._config, self._client_id, self._reads = config, client_id, reads
        self._will = Will(will, "offline")
        self._credentials = read_credentials(config)
        self.connection = self._new_connection(V5)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="broker", daemon=True)
        self._announce, self._logged, self._repeated = True, "", 0
        self._delay_s = _BACKOFF_S[0]

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    @property
    def stopping(self) -> bool:
        """True once no new connection will be made."""
        return self._stopping.is_set()

    def stop_reconnecting(self) -> None:
        """Let the current connection be the last one."""
        self._stopping.set()

    def close(self, *, graceful: bool) -> None:
        """End the connection; unless `graceful`, the broker publishes the last will."""
        self._stopping.set()
        self.connection.close(graceful=graceful)
        if self._thread.is_alive():
            self._thread.join(0.3)

    def _run(self) -> None:
        while True:
            connection = self.connection
            connection.run(on_open=self._log_opened)
            if self._stopping.is_set():
                return
            if connection.version_refused and connection.version is V5:
                self.connection = self._new_connection(V311)
                continue
            self._log_ended(connection)
            self._stopping.wait(self._delay_s)
            if self._stopping.is_set():
                return
            self._delay_s = min(self._delay_s * 2, _BACKOFF_S[1])
            with contextlib.suppress(ConfigError):  # keep the previous credentials
                self._credentials = read_credentials(self._config)
            # Always the newer version first: a broker that hung up may only have been starting.
            self.connection = self._new_connection(V5)

    def _new_connection(self, version: MQTTProtocolVersion) -> Connection:
        return Connection(self._credentials, self._client_id, self._will, version, self._reads)

    def _log_opened(self) -> None:
        if self._announce:
            version = VERSIONS[self.connection.version]
            log.info("connected to the broker at %s, %s", self._credentials, version)
            self._announce = False

    def _log_ended(self, connection: Connection) -> None:
        """Log why a connection ended, unless it ended as the previous one did."""
        problem, opened_s = connection.problem or "", connection.opened_s
        lasted_s = 0.0 if opened_s is None else time.monotonic() - opened_s
        if problem != self._logged or lasted_s > _STABLE_S:
            self._logged, self._announce, self._repeated = problem, True, 0
            broker = self._credentials
            log.warning("broker %s: %s; trying again, the diary goes on", broker, problem)
            if opened_s is not None:
                self._delay_s = _BACKOFF_S[0]
        elif opened_s is not None and problem != STALLED:
            self._repeated += 1
            if self._repeated == _UNSTABLE:
                log.warning("broker %s: %s", self._credentials, _NAMESAKE % self._client_id)
