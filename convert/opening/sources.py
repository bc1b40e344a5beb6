"""Which files belong together, and what they say of the network. Nothing is built or run here."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

from convert.opening import hdf5
from convert.opening.formats import Kind, parse, read_json, reading, recognise
from edge.errors import Problem, RefusedFile, UsageError


@dataclass(frozen=True)
class Source:
    """A float model on disk: `path`, and `weights` where they are in a file of their own.

    `config` is Keras's description of the network; None for a SavedModel.
    """

    kind: Kind
    path: Path
    weights: Path
    config: dict[str, Any] | None


def find(path: Path, weights: Path | None) -> Source:
    """The model at `path`, completed by the other half of the pair where it is only one.

    Raises `UsageError` where a file is missing or several could be the other half, `RefusedFile`
    where a file is not what it should be.
    """
    kind = recognise(path)
    if kind is Kind.SAVED_MODEL:
        return Source(kind, path, path, None)
    if kind is not Kind.CONFIG:
        hdf5.check(path)
    if kind is Kind.WEIGHTS:
        description = _description_beside(path)
        return Source(Kind.CONFIG, description, path, read_json(description))
    if kind is Kind.CONFIG:
        config = read_json(path)
        chosen = weights or _weights_beside(path)
        if recognise(chosen) not in (Kind.WEIGHTS, Kind.FULL_HDF5):
            raise RefusedFile(f"{chosen}: is {recognise(chosen)}; --weights wants HDF5")
        hdf5.check(chosen)
        return Source(kind, path, chosen, config)
    if weights is not None:
        raise UsageError(f"--weights goes with a model.json; {path} is {kind}")
    return Source(kind, path, path, _config_inside(path, kind))


def _config_inside(path: Path, kind: Kind) -> dict[str, Any]:
    """The network's description, with the version of Keras that wrote it."""
    if kind is Kind.KERAS:
        with reading(path, "the archive is damaged"), zipfile.ZipFile(path) as archive:
            text: Any = archive.read("config.json")
            about = archive.read("metadata.json") if "metadata.json" in archive.namelist() else "{}"
            version = json.loads(about).get("keras_version")
    else:
        with reading(path, "its model_config cannot be read"), h5py.File(path, "r") as file:
            text, version = file.attrs["model_config"], file.attrs.get("keras_version")
    return {"keras_version": _text(version), **parse(text, path)}


def _text(value: Any) -> str:
    """HDF5 holds text as text or as bytes."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _weights_beside(path: Path) -> Path:
    """The file that holds the weights of the network that `path` describes."""
    beside = [other for other in _readable(path) if other[1] in (Kind.WEIGHTS, Kind.FULL_HDF5)]
    alone = [file for file, kind in beside if kind is Kind.WEIGHTS]
    same = [file for file, _ in beside if file.name.split(".")[0] == path.name.split(".")[0]]
    found = next((files for files in _narrowing(same, alone) if len(files) == 1), alone)
    return _the_only(found, path, "weights", "--weights FILE")


def _narrowing(same: list[Path], alone: list[Path]) -> Iterator[list[Path]]:
    """Files of the same stem, then of those the ones with weights alone, then all of these."""
    yield same
    yield [file for file in same if file in alone]
    yield alone


def _description_beside(path: Path) -> Path:
    """The `.json` that describes the network whose weights `path` holds."""
    beside = [file for file, kind in _readable(path) if kind is Kind.CONFIG]
    same = [file for file in beside if file.name.split(".")[0] == path.name.split(".")[0]]
    return _the_only(same or beside, path, "a description (model.json)", "the .json")


def _readable(path: Path) -> Iterator[tuple[Path, Kind]]:
    for other in sorted(path.parent.iterdir()):
        if other != path and other.suffix in (".h5", ".hdf5", ".keras", ".json"):
            try:
                yield other, recognise(other)
            except Problem:  # a damaged neighbour is not the other half
                continue


def _the_only(found: list[Path], path: Path, what: str, option: str) -> Path:
    if not found:
        raise UsageError(f"{path}: half of a pair, and no {what} beside it; give {option}")
    if len(found) > 1:
        names = ", ".join(file.name for file in found)
        raise UsageError(f"{path}: several files could hold {what}: {names}; give {option}")
    return found[0]
