"""Choose the validation pictures of sources without a validation split."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from convert.training.pool import Item

#: The share of a source without a validation split that is chosen for validation.
SHARE = 0.1


def divided(items: Sequence[Item]) -> tuple[list[Item], list[Item], list[str]]:
    """Split into `(train, validation, notes)`: by own splits, otherwise by hash.

    No person is in both: the hash does not decide about people in a source's own split, and people
    whom two sources put in different splits are left out of training. A class left without a
    validation picture gets the subject, or the picture, with the smallest hash.
    """
    own = _with_own_split(items)
    known = [item for item in items if item.source in own and item.subject]
    held_out = {item.subject for item in known if item.validation}
    trained = {item.subject for item in known} - held_out
    chosen = {
        group(item)
        for item in items
        if item.source not in own
        and (item.subject in held_out or (item.subject not in trained and _rank(item) < SHARE))
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
        notes.append(f"left out of training, people in validation pictures: {both}")
    return train, validation, notes


def group(item: Item) -> bytes:
    """Return the key of all items that must be in the same split.

    It is the subject if known, otherwise the digest that all copies of a picture share.
    """
    return item.subject.encode() or item.digest


def _with_own_split(items: Sequence[Item]) -> set[Path]:
    """Return the sources whose own validation split is sound: no subject is in both."""
    splits: dict[tuple[Path, str], set[bool]] = {}
    for item in items:
        splits.setdefault((item.source, item.subject), set()).add(item.validation)
    leaking = {source for (source, subject), both in splits.items() if subject and len(both) == 2}
    return {item.source for item in items if item.validation} - leaking


def _rank(item: Item) -> float:
    """Return a number from 0 to 1, equal for all items of a group in any source."""
    return int.from_bytes(hashlib.sha256(group(item)).digest()[:8], "big") / 2**64


def _notes(train: Sequence[Item], validation: Sequence[Item], own: set[Path]) -> list[str]:
    notes = []
    for source in dict.fromkeys(item.source for item in (*train, *validation)):
        here = [[item for item in part if item.source == source] for part in (train, validation)]
        subjects = [{item.subject for item in part} - {""} for part in here]
        rule = "by a hash of the pixels"
        if source in own:
            rule = "its own validation split"
        elif any(subjects):
            rule = f"by a hash of the subject: {len(subjects[0])} and {len(subjects[1])} people"
            if any(item.validation for part in here for item in part):
                rule += ", as its own splits share people"
        notes.append(f"{source.name}: training {len(here[0])}, validation {len(here[1])} ({rule})")
    return notes
