"""Which reader is for which path, and which votes of FER+ are for which csv."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from convert.faces import fer_csv, folders, npz
from convert.faces.fer_csv import Votes
from convert.faces.parts import Picture, part_named, readable
from edge.errors import RefusedFile, UsageError

WHERE_TO_GET = (
    "FER2013 is on Kaggle: challenges-in-representation-learning-facial-expression-recognition-"
    "challenge, fer2013.csv or icml_face_data.csv; the votes of FER+ are fer2013new.csv of"
    " microsoft/FERPlus on GitHub; put them anywhere and give the path"
)
WANTED = "wanted a FER2013 .csv, an .npz, or a folder of class folders"
ARCHIVES = (".zip", ".gz", ".tgz", ".tar", ".7z", ".rar")


@dataclass
class Source:
    """A path with pictures; `notes` is complete when all have been read."""

    path: Path
    votes: Votes | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def origin(self) -> Path:
        """The folder whose part the path is, where its name says so (`faces/train`)."""
        whole = self.path.resolve()
        return whole.parent if part_named(whole.name) and whole.is_dir() else whole

    def pictures(self, names: Sequence[str]) -> Iterator[Picture]:
        """All of them; classes that are numbers are indices into `names`."""
        with readable(self.path):
            if self.path.is_dir():
                yield from self._in_folders()
            elif self.path.suffix.lower() == ".npz":
                yield from npz.pictures(self.path, names)
            else:
                yield from fer_csv.pictures(self.path, names, votes=self.votes, usage_needed=True)

    def _in_folders(self) -> Iterator[Picture]:
        unreadable: list[Path] = []
        yield from folders.pictures(self.path, unreadable)
        if unreadable:
            self.notes.append(
                f"{self.path.name}: skipped, cannot be read: {len(unreadable)},"
                f" first {unreadable[0].relative_to(self.path)}"
            )


def sources(paths: Sequence[Path]) -> list[Source]:
    """A source for each path, but for the votes of FER+: they go to a csv of FER2013.

    That is the last csv before them, else the first. Raises `UsageError` where there is nothing at
    a path, one comes twice, or votes have no csv; `RefusedFile` for files of other kinds.
    """
    for number, path in enumerate(paths):
        _check(path)
        if path.resolve() in [other.resolve() for other in paths[:number]]:
            raise UsageError(f"{path}: given twice")
    votes = [path for path in paths if _is_ferplus(path)]
    found = {path: Source(path) for path in paths if path not in votes}
    tables = [path for path in found if path.suffix.lower() == ".csv"]
    for path in votes:
        if not tables:
            raise UsageError(f"{path}: has votes alone; give FER2013's csv too. {WHERE_TO_GET}")
        before = [table for table in tables if paths.index(table) < paths.index(path)]
        owner = found[[*tables[:1], *before][-1]]
        if owner.votes:
            raise UsageError(f"{path}: {owner.path} has votes already, of {owner.votes.path}")
        with readable(path):
            owner.votes = fer_csv.read_votes(path)
    return list(found.values())


def _check(path: Path) -> None:
    ending = path.suffix.lower()
    with readable(path):
        if not path.exists():
            raise UsageError(f"{path}: no such file or folder. {WHERE_TO_GET}")
    if ending in ARCHIVES:
        raise RefusedFile(f"{path}: unpack it first; {WANTED}")
    if not path.is_dir() and ending not in (".npz", ".csv"):
        raise RefusedFile(f"{path}: {WANTED}")
    inside = sorted([*path.glob("*.csv"), *path.glob("*.npz")]) if path.is_dir() else []
    if inside and not any(entry.is_dir() for entry in path.iterdir()):
        raise RefusedFile(f"{path}: has no class folders; if {inside[0]} is meant, name that file")


def _is_ferplus(path: Path) -> bool:
    with readable(path):
        return path.suffix.lower() == ".csv" and path.is_file() and fer_csv.is_ferplus(path)
