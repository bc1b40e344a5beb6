"""The address of a stream, which may hold a password, and how it may be printed."""

from __future__ import annotations

import re


def shown(source: str) -> str:
    """`source` as it may be printed: of an address, what can hold no secret.

    Cameras take passwords before the host, in the query, and as `name=value` in the path.
    """
    scheme, mark, rest = source.partition("://")
    if not mark:
        return source
    end = re.search("[/?#]|$", rest)
    assert end is not None
    server, path = rest[: end.start()], rest[end.start() :]
    host = server.rpartition("@")[2]
    # Of a password that nobody wrote as %2F, a part may stand where the host does.
    if "@" in path or not re.fullmatch(r"(\[[\w:.%]*\]|[\w.-]*)(:\d*)?", host):
        return f"{scheme}://..."
    return f"{scheme}://{host}" + ("/..." if re.search("[?=&;#]", path) else path)
