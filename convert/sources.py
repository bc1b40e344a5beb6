"""What a file is, by its content, and which files belong together. Nothing is built or run here."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import h5py

from edge.errors import Problem, RefusedFile, UsageError, first_line

WANTED = "wanted: a Keras .h5, .hdf5 or .keras, a SavedModel folder, or model.json with its weights"


class Kind(StrEnum):
    """What the bytes of a file say it is; the name's ending is not asked."""

    FULL_HDF5 = "a full model in HDF5"
    WEIGHTS = "HDF5 with weights alone"
    KERAS = "a .keras archive"
    CONFIG = "a network's description without weights"
    SAVED_MODEL = "a SavedModel"


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
    if kind is Kind.WEIGHTS:
        description = _description_beside(path)
        return Source(Kind.CONFIG, description, path, _read_json(description))
    if kind is Kind.CONFIG:
        config = _read_json(path)
        chosen = weights or _weights_beside(path)
        if recognise(chosen) not in (Kind.WEIGHTS, Kind.FULL_HDF5):
            raise RefusedFile(f"{chosen}: is {recognise(chosen)}; --weights wants HDF5")
        return Source(kind, path, chosen, config)
    if weights is not None:
        raise UsageError(f"--weights goes with a model.json; {path} is {kind}")
    return Source(kind, path, path, _config_inside(path, kind))


def recognise(path: Path) -> Kind:
    """What `path` is. Raises `RefusedFile` with what was seen where it is no Keras model."""
    if path.is_dir():
        if (path / "saved_model.pb").is_file():
            return Kind.SAVED_MODEL
        raise RefusedFile(f"{path}: a folder without saved_model.pb; {WANTED}")
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except FileNotFoundError as error:
        raise UsageError(f"{path}: no such file") from error
    except OSError as error:
        raise RefusedFile(f"{path}: cannot be read: {error.strerror}") from error
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return _which_hdf5(path)
    if head.startswith(b"PK"):
        return _which_zip(path)
    if head.lstrip()[:1] == b"{":
        _read_json(path)
        return Kind.CONFIG
    raise RefusedFile(f"{path}: {_foreign(head)}; {WANTED}")


def _foreign(head: bytes) -> str:
    """In words, what a file that is no Keras model begins like."""
    if not head:
        return "the file is empty"
    if head.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer, not the file itself; fetch it with: git lfs pull"
    if head[4:8] == b"TFL3":
        return "already a .tflite; look into it with --inspect"
    if head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05":
        return "a Python pickle, which can run code when opened, so it is not"
    if head.lstrip()[:1] == b"<":
        return "a web page, not the file itself; download the raw file"
    return "no format that Keras writes"


def _which_hdf5(path: Path) -> Kind:
    try:
        with h5py.File(path, "r") as file:
            if "model_config" in file.attrs:
                return Kind.FULL_HDF5
            if len(file) == 0:
                raise RefusedFile(f"{path}: an HDF5 file with nothing in it")
            return Kind.WEIGHTS
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise RefusedFile(
            f"{path}: the HDF5 file is damaged or cut short ({first_line(error)})"
        ) from error


def _which_zip(path: Path) -> Kind:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise RefusedFile(f"{path}: the archive is damaged or cut short") from error
    if {"config.json", "model.weights.h5"} <= names:
        return Kind.KERAS
    if any(name.endswith("/data.pkl") for name in names):
        raise RefusedFile(f"{path}: a PyTorch file; {WANTED}")
    raise RefusedFile(f"{path}: a ZIP without config.json and model.weights.h5; {WANTED}")


def _config_inside(path: Path, kind: Kind) -> dict[str, Any]:
    if kind is Kind.KERAS:
        try:
            with zipfile.ZipFile(path) as archive:
                text = archive.read("config.json")
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError) as error:
            raise RefusedFile(f"{path}: the archive is damaged ({first_line(error)})") from error
    else:
        try:
            with h5py.File(path, "r") as file:
                text = file.attrs["model_config"]
        except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
            raise RefusedFile(f"{path}: its model_config cannot be read") from error
    return _parse(text, path)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return _parse(path.read_bytes(), path)
    except FileNotFoundError as error:
        raise UsageError(f"{path}: no such file") from error
    except OSError as error:
        raise RefusedFile(f"{path}: cannot be read: {error.strerror}") from error


def _parse(text: Any, path: Path) -> dict[str, Any]:
    try:
        config = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise RefusedFile(f"{path}: its JSON is damaged ({first_line(error)})") from error
    # Some authors saved `json.dump(model.to_json())`: JSON inside a JSON text.
    if isinstance(config, str):
        return _parse(config, path)
    if not isinstance(config, dict) or "class_name" not in config or "config" not in config:
        raise RefusedFile(f"{path}: JSON, but not a Keras network's description")
    return config


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
