"""`.tflite` files that carry a card: reading the card, and opening the model with a runtime.

A TFLite file is a FlatBuffer, whose readers start at the front and ignore what follows; a ZIP is
read from the back. TFLite Metadata uses the same trick, so every runtime still loads the file and
`unzip -p model.tflite card.json` prints the card.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import json
import os
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge.errors import TRANSIENT, FerEdgeError, ModelError, first_line, memory_shortage

#: Tried in this order, each by building an interpreter: with numpy 2 the import of tflite-runtime
#: 2.14 works and only the building fails.
RUNTIMES = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter")

#: What zipfile and json raise for damaged, encrypted and hostile archives.
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,  # and its kinds NotImplementedError, RecursionError
    ValueError,
)
#: What a card may have; ours have three thousand.
_CARD_BYTES = 1 << 20
#: What an interpreter raises for a model that it cannot load, build or run.
_FAILURES = (ImportError, AttributeError, ValueError, RuntimeError, SystemError)


def append_card(tflite: bytes, card: Mapping[str, Any], others: Mapping[str, str]) -> bytes:
    """Return the model with `card.json` and the `others` appended, reproducibly.

    Same input, same bytes.
    A checksum of `tflite` goes into the card (`tflite_sha256`), so that a damaged file is noticed
    before a runtime is asked to read it.
    """
    content = {**card, "tflite_sha256": hashlib.sha256(tflite).hexdigest()}
    buffer = io.BytesIO(tflite)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_STORED) as archive:
        # By one space, not two: that is a hundredth of the smallest model.
        for name, text in {**others, "card.json": json.dumps(content, indent=1) + "\n"}.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return buffer.getvalue()


def read_card(path: Path) -> dict[str, Any]:
    """Return the content of the card inside the file at `path`, without the checksum.

    Raises `ModelError` where the file is missing, is not a TFLite file, has no card (as when its
    end was cut off), or was changed since the card was written; `FerEdgeError` where reading fails.
    """
    content = _read(path)
    if content[4:8] != b"TFL3":
        raise ModelError(f"{path}: not a TFLite file; make one with: fer-convert MODEL")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            start = min(entry.header_offset for entry in archive.infolist())
            with archive.open("card.json") as file:
                text = file.read(_CARD_BYTES + 1)
            if len(text) > _CARD_BYTES:  # a few bytes of an archive may become gigabytes
                raise ModelError(f"{path}: card.json: must not be longer than {_CARD_BYTES} bytes")
            card = json.loads(text)
    except _UNREADABLE as error:
        raise ModelError(
            f"{path}: no model card inside: the file is cut short, or was not made by fer-convert"
        ) from error
    if not isinstance(card, dict):
        raise ModelError(f"{path}: card.json: must be one JSON object")
    digest = card.pop("tflite_sha256", None)
    if digest is not None and digest != hashlib.sha256(content[:start]).hexdigest():
        raise ModelError(f"{path}: the file is damaged (its checksum is wrong); copy it again")
    return card


def card_digest(path: Path) -> str:
    """Return the first 12 hex digits of the SHA-256 of `card.json`.

    The card holds the model's own checksum, so this names the whole file; by hand it is
    `unzip -p model.tflite card.json | sha256sum`. The file must have passed `read_card`.
    """
    with zipfile.ZipFile(path) as archive:
        return hashlib.sha256(archive.read("card.json")).hexdigest()[:12]


def _read(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_dir() and not path.is_file():
            raise ModelError(f"{path}: cannot read the model: it is a device or a pipe")
        return path.read_bytes()
    except OSError as error:
        # A restart may fix a transient error.
        kind = FerEdgeError if error.errno in TRANSIENT else ModelError
        raise kind(f"{path}: cannot read the model: {error.strerror}") from error


def build(
    path: Path,
    runtimes: tuple[str, ...] = RUNTIMES,
    input_shape: tuple[int, ...] | None = None,
) -> tuple[str, Any]:
    """Return the first runtime that can build the model, as `(name, interpreter)`.

    `input_shape` is that of its one input, where it is not to be the file's. Raises `ModelError`,
    and `FerEdgeError` where memory is short.
    """
    reasons = []
    for name in runtimes:
        try:
            with _silence(), memory_shortage():  # which a restart may cure
                interpreter = importlib.import_module(name).Interpreter(
                    model_path=str(path), num_threads=1
                )
                if input_shape is not None:
                    index = interpreter.get_input_details()[0]["index"]
                    interpreter.resize_tensor_input(index, input_shape)
                interpreter.allocate_tensors()
        except _FAILURES as error:
            reasons.append(f"{name.partition('.')[0]}: {first_line(error)}")
        else:
            return name.partition(".")[0], interpreter
    raise ModelError(f"{path}: no TFLite runtime can load it ({'; '.join(reasons)})")


@contextmanager
def _silence() -> Iterator[None]:
    """Silence standard error: the runtime's C++ writes notes that look like errors.

    What matters comes as an exception.
    """
    if sys.stderr is None:  # it was closed when we were started
        yield
        return
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
