"""Which pictures are for validation, where their source does not say."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from convert.training.pool import Item

#: The share of a source without a validation part that is chosen for validation.
SHARE = 0.1


def divided(items: Sequence[Item]) -> tuple[list[Item], list[Item], list[str]]:
    """`(train, validation, notes)`: by the sources' own parts, else by hash.

    Nobody is on both sides: whom a source's own parts have, the hash has no say about, and who
    would be on both by the parts of two sources is left out of training. A class that this leaves
    without a validation picture gets the subject, or the picture, whose hash is the smallest.
    """
    own = _settled(items)
    settled = [item for item in items if item.source in own and item.subject]
    held = {item.subject for item in settled if item.validation}
    taught = {item.subject for item in settled} - held
    chosen = {
        group(item)
        for item in items
        if item.source not in own
        and (item.subject in held or (item.subject not in taught and _rank(item) < SHARE))
    }

    def validates(item: Item) -> bool:
        return item.validation if item.source in own else group(item) in chosen

    seen = {item.label for item in items if validates(item)}
    for label in sorted({item.label for item in items} - seen):
        free = [item for item in items if item.label == label and item.source not in own]
        if free:
            chosen.add(group(min(free, key=_rank)))
    validation = [item for item in items if validates(item)]
    people = {item.subject for item in validation} - {""}
    train = [item for item in items if not validates(item) and item.subject not in people]
    notes = _notes(train, validation, own)
    if both := len(items) - len(train) - len(validation):
        notes.append(f"left out of training, people who are on validation pictures: {both}")
    return train, validation, notes


def group(item: Item) -> bytes:
    """What must not be on both sides: a subject, else a picture with all its copies."""
    return item.subject.encode() or item.digest


def _settled(items: Sequence[Item]) -> set[Path]:
    """The sources whose own validation part can be trusted: no subject is on both sides."""
    sides: dict[tuple[Path, str], set[bool]] = {}
    for item in items:
        sides.setdefault((item.source, item.subject), set()).add(item.validation)
    leaking = {source for (source, subject), both in sides.items() if subject and len(both) == 2}
    return {item.source for item in items if item.validation} - leaking


def _rank(item: Item) -> float:
    """From 0 to 1, the same for all of a group in whatever source."""
    return int.from_bytes(hashlib.sha256(group(item)).digest()[:8], "big") / 2**64


def _notes(train: Sequence[Item], validation: Sequence[Item], own: set[Path]) -> list[str]:
    notes = []
    for source in dict.fromkeys(item.source for item in (*train, *validation)):
        here = [[item for item in part if item.source == source] for part in (train, validation)]
        subjects = [{item.subject for item in part} - {""} for part in here]
        rule = "by a hash of the pixels"
        if source in own:
            rule = "its own validation part"
        elif any(subjects):
            rule = f"by a hash of the subject: {len(subjects[0])} and {len(subjects[1])} people"
            if any(item.validation for part in here for item in part):
                rule += ", as its own parts have people in common"
        notes.append(
            f"{source.name}: to train on {len(here[0])}, to validate on {len(here[1])} ({rule})"
        )
    return notes
