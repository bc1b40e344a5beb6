"""Print a stream's address without the password that it may hold."""

from __future__ import annotations

import re


def redacted(source: str) -> str:
    """Return `source` for printing: of a URL, the parts that can hold no secret.

    Cameras take passwords before the host, in the query, and as `name=value` in the path.
    """
    scheme, mark, rest = source.partition("://")
    if not mark:
        return source
    end = re.search("[/?#]|$", rest)
    assert end is not None
    server, path = rest[: end.start()], rest[end.start() :]
    host = server.rpartition("@")[2]
    # An unescaped slash in a password puts part of it where the host should be.
    if "@" in path or not re.fullmatch(r"(\[[\w:.%]*\]|[\w.-]*)(:\d*)?", host):
        return f"{scheme}://..."
    return f"{scheme}://{host}" + ("/..." if re.search("[?=&;#]", path) else path)
