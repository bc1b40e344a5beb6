"""What a file is, by its content; the name's ending is not asked."""

from __future__ import annotations

import contextlib
import json
import zipfile
import zlib
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

import h5py

from edge.errors import RefusedFile, UsageError, first_line

WANTED = "wanted: a Keras .h5, .hdf5 or .keras, a SavedModel folder, or model.json with its weights"
#: What the libraries raise on a damaged file.
FAULTS = (
    OSError, RuntimeError, ValueError, KeyError, TypeError, EOFError, NotImplementedError,
    AttributeError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


class Kind(StrEnum):
    """What the bytes of a file say it is; the name's ending is not asked."""

    FULL_HDF5 = "a full model in HDF5"
    WEIGHTS = "HDF5 with weights alone"
    KERAS = "a .keras archive"
    CONFIG = "a network's description without weights"
    SAVED_MODEL = "a SavedModel"


def recognise(path: Path) -> Kind:
    """What `path` is. Raises `RefusedFile` with what was seen where it is no Keras model."""
    if path.is_dir():
        if (path / "saved_model.pb").is_file():
            return Kind.SAVED_MODEL
        raise RefusedFile(f"{path}: a folder without saved_model.pb; {WANTED}")
    with reading(path, "it cannot be read"), path.open("rb") as file:
        head = file.read(512)
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return _which_hdf5(path)
    if head.startswith(b"PK"):
        return _which_zip(path)
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b'"'):
        read_json(path)
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


@contextlib.contextmanager
def reading(path: Path, otherwise: str) -> Iterator[None]:
    """Turns what libraries raise on `path` into a `Problem` that says `otherwise`."""
    try:
        yield
    except FileNotFoundError as error:
        raise UsageError(f"{path}: no such file") from error
    except FAULTS as error:
        raise RefusedFile(f"{path}: {otherwise} ({first_line(error):.200})") from error


def _which_hdf5(path: Path) -> Kind:
    with reading(path, "the HDF5 file is damaged or cut short"), h5py.File(path, "r") as file:
        if "model_config" in file.attrs:
            return Kind.FULL_HDF5
        if len(file) == 0:
            raise RefusedFile(f"{path}: an HDF5 file with nothing in it")
        return Kind.WEIGHTS


def _which_zip(path: Path) -> Kind:
    with reading(path, "the archive is damaged or cut short"), zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
    if {"config.json", "model.weights.h5"} <= names:
        return Kind.KERAS
    if any(name.endswith("/data.pkl") for name in names):
        raise RefusedFile(f"{path}: a PyTorch file; {WANTED}")
    raise RefusedFile(f"{path}: a ZIP without config.json and model.weights.h5; {WANTED}")


def read_json(path: Path) -> dict[str, Any]:
    """Keras's description of a network in the file `path`; raises as `parse` does."""
    with reading(path, "it cannot be read"):
        content = path.read_bytes()
    return parse(content, path)


def parse(text: Any, path: Path) -> dict[str, Any]:
    """Keras's description of a network, from the JSON `text` found in `path`.

    Raises `RefusedFile` where it is damaged or describes something else.
    """
    with reading(path, "its JSON is damaged"):  # RecursionError is a RuntimeError
        config = json.loads(text)
    # Some authors saved `json.dump(model.to_json())`: JSON inside a JSON text.
    if isinstance(config, str):
        return parse(config, path)
    if not isinstance(config, dict) or "class_name" not in config or "config" not in config:
        raise RefusedFile(f"{path}: JSON, but not a Keras network's description")
    return config
