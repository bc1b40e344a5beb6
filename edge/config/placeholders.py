"""Placeholders in the texts of actions and notifications: five words in braces, nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

#: What each stands for is in docs/mqtt.md.
PLACEHOLDERS = ("emotion", "count", "name", "time", "device")
#: Those that mean nothing where an alert counts no readings.
OF_READINGS = ("emotion", "count")
#: `{{word}}` is a literal `{word}`. Braces around anything but a word, as in JSON, are literal.
_MARK = re.compile(r"""\{\{(\w[^\s{}"',]*)\}\}|\{(\w[^\s{}"',]*)\}""")


def wrong(text: str, *, counts: bool) -> Iterator[str]:
    """Yield a line for every wrong placeholder in `text`, or one that says nothing.

    `counts`: whether the alert counts readings.
    """
    valid = [each for each in PLACEHOLDERS if counts or each not in OF_READINGS]
    listed = ", ".join(f"{{{each}}}" for each in valid)
    for literal, word in _MARK.findall(text):
        if literal or word in valid:
            continue
        what = f"unknown placeholder {{{word}}}"
        if word in OF_READINGS:
            what = f"{{{word}}} is of alerts that count readings"
        yield f"{what}; valid: {listed}; literally it is {{{{{word}}}}}"


def fill(text: str, values: Mapping[str, str]) -> str:
    """Return `text` with its placeholders replaced; replacements are not looked into."""

    def replaced(found: re.Match[str]) -> str:
        literal, word = found.groups()
        return f"{{{literal}}}" if literal else values[word]

    return _MARK.sub(replaced, text)
