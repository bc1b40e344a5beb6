"""A message of somebody else, as a connection hands it on."""

from __future__ import annotations

from typing import NamedTuple

#: Longer than any payload that means something.
_KEPT_BYTES = 32


class Received(NamedTuple):
    """`payload` is cut off, one byte after the longest that can mean something."""

    topic: str
    payload: bytes
    retained: bool

    @classmethod
    def of(cls, topic: str, payload: bytes | bytearray, *, retained: bool) -> Received:
        """Keep no more of a message than is looked at."""
        return cls(topic, bytes(payload[: _KEPT_BYTES + 1]), retained)
