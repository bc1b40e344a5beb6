"""Find the files of a model and read the description of its network.

Nothing is built or run here.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

from convert.damage import refusing_damage
from convert.loading import hdf5
from convert.loading.formats import Kind, parse, read_json, recognise
from edge.errors import FerEdgeError, RefusedFile, UsageError


@dataclass(frozen=True)
class ModelFiles:
    """A float model on disk.

    `weights` equals `path` unless the weights have their own file. `config` is Keras's description
    of the network; None for a SavedModel.
    """

    kind: Kind
    path: Path
    weights: Path
    config: dict[str, Any] | None

    def weight_files(self) -> list[Path]:
        """Return the file with the weights; for a folder, its files sorted by name."""
        if self.weights.is_dir():
            return sorted(file for file in self.weights.rglob("*") if file.is_file())
        return [self.weights]

    def digest(self) -> str:
        """Return the SHA-256 of the weight file; of a folder, over all its files."""
        total = hashlib.sha256()
        for file in self.weight_files():
            with file.open("rb") as stream:
                while block := stream.read(1 << 20):
                    total.update(block)
        return total.hexdigest()


def find(path: Path, weights: Path | None) -> ModelFiles:
    """Return the model at `path`, with both files if it is split into two.

    If `path` has only the description or only the weights, the other file is `weights`, or searched
    for next to `path`. Raises `UsageError` if a file is missing or several files could be the other
    half, `RefusedFile` for a file of the wrong kind.
    """
    kind = recognise(path)
    if kind is Kind.SAVED_MODEL:
        return ModelFiles(kind, path, path, None)
    if kind is not Kind.CONFIG:
        hdf5.check(path)
    if kind is Kind.WEIGHTS:
        description = _description_beside(path)
        return ModelFiles(Kind.CONFIG, description, path, read_json(description))
    if kind is Kind.CONFIG:
        config = read_json(path)
        chosen = weights or _weights_beside(path)
        if recognise(chosen) not in (Kind.WEIGHTS, Kind.FULL_HDF5):
            raise RefusedFile(f"{chosen}: is {recognise(chosen)}; --weights requires HDF5")
        hdf5.check(chosen)
        return ModelFiles(kind, path, chosen, config)
    if weights is not None:
        raise UsageError(f"--weights is only for a model.json; {path} is {kind}")
    return ModelFiles(kind, path, path, _config_inside(path, kind))


def _config_inside(path: Path, kind: Kind) -> dict[str, Any]:
    """Return the network's description, with the version of Keras that wrote it."""
    if kind is Kind.KERAS:
        with refusing_damage(path, "the archive is damaged"), zipfile.ZipFile(path) as archive:
            text: Any = archive.read("config.json")
            about = archive.read("metadata.json") if "metadata.json" in archive.namelist() else "{}"
            version = json.loads(about).get("keras_version")
    else:
        with (
            refusing_damage(path, "its model_config cannot be read"),
            h5py.File(path, "r") as file,
        ):
            text, version = file.attrs["model_config"], file.attrs.get("keras_version")
    return {"keras_version": _text(version), **parse(text, path)}


def _text(value: Any) -> str:
    """Decode an HDF5 string, which is either text or bytes."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _weights_beside(path: Path) -> Path:
    """Return the file with the weights of the network that `path` describes."""
    beside = [other for other in _readable(path) if other[1] in (Kind.WEIGHTS, Kind.FULL_HDF5)]
    weights = [file for file, kind in beside if kind is Kind.WEIGHTS]
    same_stem = [file for file, _ in beside if _stem(file) == _stem(path)]
    narrowed = (same_stem, [file for file in same_stem if file in weights], weights)
    found = next((files for files in narrowed if len(files) == 1), weights)
    return _only(found, path, "weights", "--weights FILE")


def _description_beside(path: Path) -> Path:
    """Return the `.json` that describes the network whose weights are in `path`."""
    beside = [file for file, kind in _readable(path) if kind is Kind.CONFIG]
    same_stem = [file for file in beside if _stem(file) == _stem(path)]
    return _only(same_stem or beside, path, "description (model.json)", "the .json")


def _stem(path: Path) -> str:
    return path.name.split(".")[0]


def _readable(path: Path) -> Iterator[tuple[Path, Kind]]:
    for other in sorted(path.parent.iterdir()):
        if other != path and other.suffix in (".h5", ".hdf5", ".keras", ".json"):
            try:
                yield other, recognise(other)
            except FerEdgeError:  # a damaged neighbour is not the other half
                continue


def _only(found: list[Path], path: Path, what: str, option: str) -> Path:
    if not found:
        raise UsageError(f"{path}: {what} not found next to it; give {option}")
    if len(found) > 1:
        names = ", ".join(file.name for file in found)
        raise UsageError(f"{path}: several files could be the {what}: {names}; give {option}")
    return found[0]
