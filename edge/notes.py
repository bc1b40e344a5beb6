"""The words in the diary's `note` column: why a reading is doubtful, or what event a row is."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Note(StrEnum):
    """One word of caution; a row may have several, separated by spaces."""

    CLOCK = "clock"
    """The wall clock had not been synchronised since boot."""
    SMALL = "small"
    DARK = "dark"
    BLURRED = "blurred"
    TURNED = "turned"
    """The head was turned away: a profile does not show an expression reliably."""
    UNDECIDED = "undecided"
    """The two likeliest expressions were too close for the model to tell them apart."""


#: What keeps a reading out of alerts and of shares. `clock` is not among them: it says nothing
#: about the face, and a device without any network marks every reading with it.
DOUBTS = tuple(note for note in Note if note is not Note.CLOCK)


def is_clear(notes: Iterable[str]) -> bool:
    """Return whether a reading with these notes is one to go by."""
    return not any(note in DOUBTS for note in notes)


class EventWord(StrEnum):
    """First word of the note of a row without a face; some go on with `:` and an alert's name."""

    MODEL = "model"
    """The rows after it were read by this model; the digest of its card and the reading interval
    follow as words."""
    PAUSED = "paused"
    RESUMED = "resumed"
    RAISED = "raised"
    CLEARED = "cleared"
    SNOOZED = "snoozed"

    def of(self, alert: str) -> str:
        """Return the note about an alert, `raised:negative`."""
        return f"{self}:{alert}"
