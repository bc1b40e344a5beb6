"""Recognise a model file by its content; its suffix is ignored."""

from __future__ import annotations

import json
import re
import zipfile
from enum import StrEnum
from pathlib import Path
from typing import Any

import h5py

from convert.damage import printable, refusing_damage
from edge.errors import RefusedFile, UsageError

EXPECTED = (
    "expected a Keras .h5, .hdf5 or .keras, a SavedModel folder, or model.json with its weights"
)

#: Weights in safetensors begin with the length of their JSON in 8 bytes, which may look like
#: anything.
_SAFETENSORS = re.compile(rb".{4}\0{4}\{", re.S)
#: What a file that is not a Keras model is, by its first bytes; the first that fits. The last
#: three are Protocol Buffers: SavedModel begins with its version, 1; ONNX's ModelProto with its own
#: and a string, graph or operators; GraphDef with a node, its name and its operation.
_FOREIGN = tuple(
    (re.compile(pattern, re.S), description)
    for pattern, description in (
        (rb"\Z", "the file is empty"),
        (
            rb"version https://git-lfs",
            "a Git LFS pointer, not the file itself; fetch it with: git lfs pull",
        ),
        (rb".{4}TFL3", "already a .tflite; print its card with --inspect"),
        # The number that torch.save wrote first until PyTorch 1.6.
        (rb"\x80\x02\x8a\x0a\x6c\xfc\x9cF\xf9 j\xa8P\x19\.", "a PyTorch file"),
        (
            rb"\x80[\x02-\x05]",
            "a Python pickle, which could run code when opened, so it is not opened",
        ),
        (rb"GGUF", "a GGUF file (llama.cpp)"),
        (rb"\x93NUMPY", "a NumPy array, without a network"),
        (rb"MATLAB 5\.0 MAT-file", "a MATLAB file"),
        (rb"model_checkpoint_path:", "TensorFlow's list of checkpoints, without a network"),
        (rb"\x1f\x8b|BZh|\xfd7zXZ|7z\xbc\xaf|Rar!", "a compressed archive; unpack it first"),
        (rb"\s*<\?xml", "an XML file, as of OpenVINO or OpenCV"),
        (rb"\s*<", "a web page, not the file itself; download the raw file"),
        (
            rb"\x08\x01\x12",
            "a saved_model.pb by itself; give its folder",
        ),
        (rb"\x08[\x03-\x20][\x12\x1a\x22\x32\x3a\x42]", "an ONNX model"),
        (
            rb"\x0a[\x80-\xff]{0,4}[\x01-\x7f]\x0a[\x01-\x7f][\x21-\x7e]+\x12",
            "a frozen TensorFlow graph (.pb), which has no Keras layers",
        ),
    )
)


class Kind(StrEnum):
    """The kind of a model file; the values are for messages."""

    FULL_HDF5 = "a full model in HDF5"
    WEIGHTS = "HDF5 with only weights"
    KERAS = "a .keras archive"
    CONFIG = "a network's description without weights"
    SAVED_MODEL = "a SavedModel"


def recognise(path: Path) -> Kind:
    """Return the kind of the model at `path`.

    Raises `UsageError` if it does not exist, `RefusedFile`, saying what it is instead, if it is not
    a Keras model.
    """
    if path.is_dir():
        if (path / "saved_model.pb").is_file():
            return Kind.SAVED_MODEL
        raise RefusedFile(f"{path}: a folder without saved_model.pb; {EXPECTED}")
    with refusing_damage(path):
        if not path.exists():
            raise UsageError(f"{path}: no such file")
        with path.open("rb") as file:
            head = file.read(512)
    if _SAFETENSORS.match(head):
        raise RefusedFile(f"{path}: weights in safetensors, without a network; {EXPECTED}")
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return _which_hdf5(path)
    if head.startswith(b"PK"):
        return _which_zip(path)
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b'"'):
        read_json(path)
        return Kind.CONFIG
    raise RefusedFile(f"{path}: {_foreign(head)}; {EXPECTED}")


def _foreign(head: bytes) -> str:
    """Describe a file that is not a Keras model by its first bytes."""
    fitting = (description for pattern, description in _FOREIGN if pattern.match(head))
    return next(fitting, "not a format that Keras writes")


def _which_hdf5(path: Path) -> Kind:
    with (
        refusing_damage(path, "the HDF5 file is damaged or truncated"),
        h5py.File(path, "r") as file,
    ):
        if "model_config" in file.attrs:
            return Kind.FULL_HDF5
        if len(file) == 0:
            raise RefusedFile(f"{path}: an empty HDF5 file")
        return Kind.WEIGHTS


def _which_zip(path: Path) -> Kind:
    with (
        refusing_damage(path, "the archive is damaged or truncated"),
        zipfile.ZipFile(path) as archive,
    ):
        names = set(archive.namelist())
    if {"config.json", "model.weights.h5"} <= names:
        return Kind.KERAS
    if any(name.endswith("/data.pkl") for name in names):
        raise RefusedFile(f"{path}: a PyTorch file; {EXPECTED}")
    inside = sorted(name for name in names if name.endswith((".h5", ".hdf5", ".keras", ".pb")))
    if inside:
        found = printable(inside[0])
        raise RefusedFile(f"{path}: a ZIP archive that contains {found}; unpack it first")
    raise RefusedFile(f"{path}: a ZIP without config.json and model.weights.h5; {EXPECTED}")


def read_json(path: Path) -> dict[str, Any]:
    """Read Keras's description of a network from `path`; raises as `parse` does."""
    with refusing_damage(path):
        content = path.read_bytes()
    return parse(content, path)


def parse(text: Any, path: Path) -> dict[str, Any]:
    """Parse Keras's description of a network, the JSON `text` found in `path`.

    Raises `RefusedFile` if it is damaged or describes something else.
    """
    with refusing_damage(path, "its JSON is damaged"):  # RecursionError is a RuntimeError
        config = json.loads(text)
    # Some authors saved `json.dump(model.to_json())`: JSON inside a JSON string.
    if isinstance(config, str):
        return parse(config, path)
    if isinstance(config, dict) and {"modelTopology", "weightsManifest"} & set(config):
        raise RefusedFile(f"{path}: a TensorFlow.js model; {EXPECTED}")
    if not isinstance(config, dict) or "class_name" not in config or "config" not in config:
        raise RefusedFile(f"{path}: valid JSON, but not the description of a Keras network")
    return config
