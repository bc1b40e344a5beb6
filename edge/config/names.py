"""Names of devices and alerts: free for people, `[a-z0-9_-]{1,32}` in topics."""

from __future__ import annotations

import re

_NAME = re.compile(r"[a-z0-9_-]{1,32}")


def slug(name: str) -> str:
    """Return `name` as in topics: without accents, `-` for what they cannot hold."""
    return re.sub(r"[^a-z0-9_-]", "-", _plain(name))


def fits(name: str) -> bool:
    """Return whether `slug` keeps the distinguishing letters and digits of `name`."""
    plain = _plain(name)
    letters = [letter for letter in plain if letter.isalnum()]
    return bool(letters) and all(map(str.isascii, letters)) and bool(_NAME.fullmatch(slug(name)))


def _plain(name: str) -> str:
    import unicodedata  # noqa: PLC0415 (1 MB, which few names need)

    if name.isascii():
        return name.lower()
    apart = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in apart if not unicodedata.combining(letter))
