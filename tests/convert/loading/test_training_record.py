"""What fer-train writes into a `.keras` file: Keras still opens it, fer-convert believes it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.inspection.findings import find_out
from convert.loading.load import load
from convert.loading.model_files import find
from convert.loading.training_record import MEMBER, read_record, recorded_labels, write_record
from convert.request import Request
from edge.errors import RefusedFile
from tests.support.converting import keras, small_network

LABELS = ["neutral", "happy", "sad", "angry", "disgust", "fear", "surprise"]


@pytest.fixture
def network(tmp_path: Path) -> Path:
    path = tmp_path / "network.keras"
    small_network().save(path)
    return path


def test_a_stamped_file_is_the_same_network(network: Path, tmp_path: Path) -> None:
    assert read_record(network) is None
    assert recorded_labels(network) is None
    before = keras.models.load_model(network, compile=False).get_weights()
    network.chmod(0o640)
    write_record(network, {"labels": ["anger"], "epochs": 1})
    write_record(network, {"labels": LABELS, "epochs": 2})  # in place of the first
    assert read_record(network) == {"labels": LABELS, "epochs": 2}
    assert recorded_labels(network) == tuple(LABELS)
    assert zipfile.ZipFile(network).testzip() is None
    assert zipfile.ZipFile(network).namelist().count(MEMBER) == 1
    assert network.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [network]
    after = keras.models.load_model(network, compile=False).get_weights()
    assert all(np.array_equal(*pair) for pair in zip(before, after, strict=True))


def test_fer_convert_takes_the_labels_from_it(network: Path) -> None:
    write_record(network, {"labels": [*LABELS[:3], "anger", *LABELS[4:]]})
    model = load(find(network, None))
    # This network knows nothing, so that nothing but the file tells the order.
    found = find_out(model, Request(str(network), "", input_range="0..255"))
    assert found.names == tuple(LABELS)
    assert found.label_order == "given"
    (line,) = [note for note in found.known["notes"] if note.startswith("label order")]
    assert (
        line
        == f"label order: given: {', '.join(LABELS)} (from fer-train's record in the file, clear)"
    )
    write_record(network, {"labels": sorted(LABELS)})
    request = Request(str(network), "", input_range="0..255")
    assert find_out(model, request).label_order == "alphabetical"
    write_record(network, {"labels": LABELS[:5]})
    with pytest.raises(RefusedFile, match="records 5 classes, but outputs 7"):
        find_out(model, request)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ('{"labels": ["happy"', "damaged"),
        ("[1, 2]", "one JSON object"),
        ("[" * 100_000, "damaged"),
        (json.dumps({"labels": "happy,sad"}), "a list of names"),
        (json.dumps({"labels": ["happy", 1]}), "a list of names"),
        (json.dumps({"labels": ["happy", "happiness"]}), "different words"),
        (json.dumps({"labels": ["happy", "sa,d"]}), "different words"),
        (json.dumps({"labels": ["happy", " "]}), "different words"),
        (json.dumps({"labels": ["happy", "\x07"]}), "different words"),
        (" " * ((1 << 16) + 1), "too long"),
    ],
    ids=lambda value: value[:20].strip() or None,
)
def test_a_damaged_stamp_is_refused(content: Any, word: str, network: Path) -> None:
    with zipfile.ZipFile(network, "a") as archive:
        archive.writestr(MEMBER, content)
    with pytest.raises(RefusedFile, match=word) as caught:
        recorded_labels(network)
    assert "\n" not in str(caught.value)
    assert MEMBER in str(caught.value)


def test_other_files_have_none(tmp_path: Path) -> None:
    (tmp_path / "model.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    assert recorded_labels(tmp_path / "model.h5") is None
    assert recorded_labels(tmp_path) is None
