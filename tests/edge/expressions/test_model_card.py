"""The card inside the model file: read back, read by others, refused when damaged."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.config.paths import model_path
from edge.errors import FerEdgeError, ModelError
from edge.expressions.model_card import ModelCard, read_card, with_card
from edge.labels import canonical

TFLITE = b"\x1c\0\0\0TFL3" + bytes(range(256)) * 4
CARD = ModelCard(
    labels=("angry", "happy"),
    input_shape=(1, 48, 48, 1),
    crop_margin=0.1,
    source_sha256="ab" * 32,
    converter_version="1.0",
    agreement=0.98,
    accuracy=None,
    more={"source": "x.h5"},
)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.tflite"
    path.write_bytes(with_card(TFLITE, CARD))
    return path


def with_json(tmp_path: Path, content: Any) -> Path:
    """A model whose card.json is `content`."""
    path = tmp_path / "made.tflite"
    buffer = io.BytesIO(TFLITE)
    with zipfile.ZipFile(buffer, "a") as archive:
        text = content if isinstance(content, str) else json.dumps(content)
        archive.writestr("card.json", text)
    path.write_bytes(buffer.getvalue())
    return path


def test_what_is_written_is_read_back(model: Path) -> None:
    card = read_card(model)
    assert card.as_dict() == CARD.as_dict()
    assert card.more["source"] == "x.h5"


def test_the_model_itself_is_unchanged_and_first(model: Path) -> None:
    assert model.read_bytes().startswith(TFLITE)


def test_the_same_card_makes_the_same_bytes() -> None:
    assert with_card(TFLITE, CARD) == with_card(TFLITE, CARD)


def test_unzip_finds_nothing_wrong_and_prints_the_card(model: Path) -> None:
    if not shutil.which("unzip"):
        pytest.skip("no unzip on this machine: apt install unzip")
    for path in (model, model_path("default")):
        subprocess.run(["unzip", "-tq", path], stdout=subprocess.DEVNULL, check=True)
        printed = subprocess.run(
            ["unzip", "-p", path, "card.json"], capture_output=True, check=True
        ).stdout
        names = subprocess.run(
            ["unzip", "-p", path, "labels.txt"], capture_output=True, check=True, text=True
        ).stdout
        assert json.loads(printed)["labels"] == names.splitlines()
        assert tuple(names.splitlines()) == read_card(path).labels


@given(st.integers(0, 100_000))
@settings(deadline=None, max_examples=200)
def test_cut_short_anywhere_it_is_refused(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    whole = with_card(TFLITE, CARD)
    path = tmp_path_factory.getbasetemp() / "cut.tflite"
    path.write_bytes(whole[: cut % len(whole)])
    with pytest.raises(ModelError) as refused:
        read_card(path)
    assert refused.value.code == 78
    assert str(refused.value).startswith(f"{path}: ")


@given(st.integers(0, 100_000), st.integers(1, 255))
@settings(deadline=None, max_examples=400)
def test_a_changed_byte_anywhere_is_refused_or_changes_nothing_that_matters(
    tmp_path_factory: pytest.TempPathFactory, at: int, change: int
) -> None:
    content = bytearray(with_card(TFLITE, CARD))
    at %= len(content)
    content[at] ^= change
    path = tmp_path_factory.getbasetemp() / "changed.tflite"
    path.write_bytes(content)
    try:
        card = read_card(path)
    except ModelError:
        return
    assert at >= len(TFLITE), "a change of the model itself must not pass"
    assert card.labels == CARD.labels


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not a TFLite file"),
        (b"hello, this is a text", "not a TFLite file"),
        (TFLITE, "no model card inside"),
        (TFLITE + b"PK\5\6" + b"\0" * 18, "no model card inside"),
    ],
    ids=["empty", "text", "no-card", "empty-zip"],
)
def test_what_is_no_model_with_a_card_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "x.tflite"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=said):
        read_card(path)


def test_a_missing_file_or_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.tflite: cannot read the model: No such file"):
        read_card(tmp_path / "none.tflite")
    with pytest.raises(ModelError, match="Is a directory"):
        read_card(tmp_path)


def test_a_read_that_fails_is_no_fault_of_the_configuration() -> None:
    with pytest.raises(FerEdgeError, match="cannot read the model: Input/output error") as refused:
        read_card(Path("/proc/self/mem"))  # a restart tries again after 1, not after 78
    assert refused.value.code == 1


def test_an_encrypted_card_is_refused(model: Path) -> None:
    content = bytearray(model.read_bytes())
    for mark, flags in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
        at = content.find(mark)
        while at >= 0:
            content[at + flags] |= 1
            at = content.find(mark, at + 1)
    model.write_bytes(content)
    with pytest.raises(ModelError, match="no model card inside"):
        read_card(model)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("labels", None),
        ("labels", ["only"]),
        ("labels", ["sad", "sad"]),
        ("labels", ["a b", "c"]),
        ("labels", ["a,b", "c"]),
        ("labels", ["a\u0000b", "c"]),
        ("labels", [1, 2]),
        ("labels", "angry"),
        ("input_shape", [48, 48, 1]),
        ("input_shape", [2, 48, 48, 1]),
        ("input_shape", [1, 48, 48, 2]),
        ("input_shape", [1, 0, 48, 1]),
        ("input_shape", [1, 48.0, 48, 1]),
        ("input_shape", [1, 100_000, 100_000, 1]),
        ("crop_margin", -0.1),
        ("crop_margin", "0"),
        ("crop_margin", True),
        ("crop_margin", float("nan")),
        ("source_sha256", None),
        ("agreement", 98),
    ],
)
def test_a_card_with_a_senseless_value_is_refused_by_its_key(
    tmp_path: Path, key: str, value: Any
) -> None:
    path = with_json(tmp_path, {**CARD.as_dict(), key: value})
    with pytest.raises(ModelError, match=rf"card\.json: {key}: must be"):
        read_card(path)


@pytest.mark.parametrize("text", ["[]", "3", "{", "", "[" * 100_000], ids=lambda text: text[:3])
def test_a_card_that_is_no_json_object_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ModelError):
        read_card(with_json(tmp_path, text))


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Anger", "angry"),
        ("happiness", "happy"),
        ("SADNESS", "sad"),
        (" Surprised ", "surprise"),
        ("fearful", "fear"),
        ("scared", "fear"),
        ("Disgusted", "disgust"),
        ("very  happy", "very_happy"),
        ("half-asleep", "half_asleep"),
        ("contempt", "contempt"),
    ],
)
def test_labels_have_one_name(label: str, name: str) -> None:
    assert canonical(label) == name
    assert canonical(name) == name
