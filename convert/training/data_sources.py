"""Choose a reader for each path, and match FER+ votes with FER2013's CSV files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from convert.damage import refusing_damage
from convert.faces import class_folders, fer_csv, ferplus, npz
from convert.faces.ferplus import Votes
from convert.faces.splits import Picture, split_named
from edge.errors import RefusedFile, UsageError

WHERE_TO_GET = (
    "FER2013 is on Kaggle: challenges-in-representation-learning-facial-expression-recognition-"
    "challenge, fer2013.csv or icml_face_data.csv; FER+'s votes are fer2013new.csv in"
    " microsoft/FERPlus on GitHub; download them and give the path"
)
EXPECTED = "expected a FER2013 .csv, an .npz, or a folder of class folders"
ARCHIVES = (".zip", ".gz", ".tgz", ".tar", ".7z", ".rar")


@dataclass
class DataSource:
    """A path with pictures; `notes` are complete once all have been read."""

    path: Path
    votes: Votes | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def origin(self) -> Path:
        """The parent of a folder named like a split (`faces/train`), else the path."""
        whole = self.path.resolve()
        return whole.parent if split_named(whole.name) and whole.is_dir() else whole

    def pictures(self, names: Sequence[str]) -> Iterator[Picture]:
        """Yield all pictures; numeric classes are indices into `names`."""
        with refusing_damage(self.path):
            if self.path.is_dir():
                yield from self._in_folders()
            elif self.path.suffix.lower() == ".npz":
                yield from npz.pictures(self.path, names)
            else:
                yield from fer_csv.pictures(self.path, names, votes=self.votes, require_usage=True)

    def _in_folders(self) -> Iterator[Picture]:
        unreadable: list[Path] = []
        yield from class_folders.pictures(self.path, unreadable)
        if unreadable:
            self.notes.append(
                f"{self.path.name}: skipped, unreadable: {len(unreadable)},"
                f" first {unreadable[0].relative_to(self.path)}"
            )


def data_sources(paths: Sequence[Path]) -> list[DataSource]:
    """Return a source for each path, with FER+'s votes attached to FER2013's CSV.

    Votes belong to the last CSV file before them, else to the first. Raises `UsageError` for a path
    that does not exist, a duplicate, or votes without a CSV file; `RefusedFile` for files of other
    kinds.
    """
    for number, path in enumerate(paths):
        _check(path)
        if path.resolve() in [other.resolve() for other in paths[:number]]:
            raise UsageError(f"{path}: duplicate path")
    votes = [path for path in paths if _is_ferplus(path)]
    found = {path: DataSource(path) for path in paths if path not in votes}
    tables = [path for path in found if path.suffix.lower() == ".csv"]
    for path in votes:
        if not tables:
            raise UsageError(f"{path}: only votes; also give FER2013's csv. {WHERE_TO_GET}")
        before = [table for table in tables if paths.index(table) < paths.index(path)]
        owner = found[[*tables[:1], *before][-1]]
        if owner.votes:
            raise UsageError(f"{path}: {owner.path} already has votes from {owner.votes.path}")
        with refusing_damage(path):
            owner.votes = ferplus.read_votes(path)
    return list(found.values())


def _check(path: Path) -> None:
    ending = path.suffix.lower()
    with refusing_damage(path):
        if not path.exists():
            raise UsageError(f"{path}: no such file or folder. {WHERE_TO_GET}")
    if ending in ARCHIVES:
        raise RefusedFile(f"{path}: unpack it first; {EXPECTED}")
    if not path.is_dir() and ending not in (".npz", ".csv"):
        raise RefusedFile(f"{path}: {EXPECTED}")
    inside = sorted([*path.glob("*.csv"), *path.glob("*.npz")]) if path.is_dir() else []
    if inside and not any(entry.is_dir() for entry in path.iterdir()):
        raise RefusedFile(f"{path}: no class folders in it; did you mean {inside[0]}?")


def _is_ferplus(path: Path) -> bool:
    with refusing_damage(path):
        return path.suffix.lower() == ".csv" and path.is_file() and ferplus.is_ferplus(path)
