"""What to do about the reasons that a broker gives, by the names of MQTT's reason codes."""

from __future__ import annotations

_ACCESS = "check mqtt.username and mqtt.password_file"
_HINTS = {
    "Not authorized": f"{_ACCESS}, and that the broker allows client ids fer-edge-*",
    "Bad user name or password": _ACCESS,
    "Client identifier not valid": "the broker must allow client ids fer-edge-*",
    "Retain not supported": "the broker must allow retained messages",
    "QoS not supported": "the broker must allow QoS 1",
    "Session taken over": "another client has this name; give each device its own `device`",
}
TLS_HINT = "; check that mqtt.tls is right for this port"
#: How a port without TLS answers a handshake.
_NO_TLS = ("Connection reset", "WRONG_VERSION_NUMBER", "EOF")


def with_hint(reason: str) -> str:
    """Return `reason`, and what to do about it where that is known."""
    hint = _HINTS.get(reason)
    return f"{reason}; {hint}" if hint else reason


def with_tls_hint(problem: str) -> str:
    """Return the `problem` of a TLS connection, with a hint if the port may lack it."""
    return problem + TLS_HINT if any(sign in problem for sign in _NO_TLS) else problem
