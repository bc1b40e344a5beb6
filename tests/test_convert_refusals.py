"""Files that are no emotion model: each really made, each refused in one line, none ever run."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import tf_keras

from convert.opening import sources
from convert.opening.load import load
from edge.errors import Problem, RefusedFile, UsageError
from tests.converting import converted, small_network


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one sound network in every format."""
    folder = tmp_path_factory.mktemp("whole")
    network = small_network()
    network.save(folder / "model.h5")
    network.save(folder / "model.keras")
    network.export(folder / "saved", verbose=False)
    (folder / "model.json").write_text(network.to_json())
    return folder


def refused(path: Path, reason: str, kind: type[Problem] = RefusedFile) -> None:
    """The converter refuses `path` in one line with `reason`, and leaves no file."""
    before = sorted(path.parent.iterdir())
    with pytest.raises(kind, match=reason) as caught:
        converted(path, path.parent / "out.tflite", labels="fer", input_range="0..1")
    assert len(str(caught.value).splitlines()) == 1
    assert sorted(path.parent.iterdir()) == before


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_truncated_hdf5(whole: Path, tmp_path: Path, share: float) -> None:
    content = (whole / "model.h5").read_bytes()
    path = tmp_path / "model.h5"
    path.write_bytes(content[: int(len(content) * share)])
    refused(path, "damaged or cut short")


def test_empty_hdf5(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    h5py.File(path, "w").close()
    refused(path, "an HDF5 file with nothing in it")


def test_truncated_keras_archive(whole: Path, tmp_path: Path) -> None:
    content = (whole / "model.keras").read_bytes()
    path = tmp_path / "model.keras"
    path.write_bytes(content[: len(content) // 2])
    refused(path, "archive is damaged or cut short")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "git lfs pull"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"\x1c\x00\x00\x00TFL3", "already a .tflite"),
        (b"{ not json", "JSON is damaged"),
        (b'{"a": 1}', "not a Keras network's description"),
        (b"\x00" * 600, "no format that Keras writes"),
    ],
)
def test_other_files(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "model.h5"
    path.write_bytes(content)
    refused(path, reason)


def test_zip_that_is_no_keras_archive(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    refused(path, "ZIP without config.json")


class _Trap:
    """Unpickling it would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def test_pickle_is_not_opened(tmp_path: Path) -> None:
    path, sprung = tmp_path / "model.h5", tmp_path / "sprung"
    path.write_bytes(pickle.dumps(_Trap(sprung)))
    refused(path, "pickle")
    assert not sprung.exists()


def test_pickle_in_an_npz_is_not_opened(whole: Path, tmp_path: Path) -> None:
    sprung, faces = tmp_path / "sprung", tmp_path / "faces.npz"
    np.savez(faces, x_train=np.array([_Trap(sprung)], object))
    with pytest.raises(RefusedFile, match="cannot be read as faces"):
        converted(
            whole / "model.h5",
            tmp_path / "out.tflite",
            labels="fer",
            input_range="0..1",
            calibrate=str(faces),
        )
    assert not sprung.exists()


@pytest.mark.parametrize("kind", [keras, tf_keras])
@pytest.mark.parametrize("name", ["model.h5", "model.keras"])
def test_lambda_is_not_run(kind: Any, name: str, tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    place = str(sprung)
    pixels = kind.Input((48, 48, 1))
    trap = lambda x: (open(place, "w").close(), x / 255.0)[1]  # noqa: E731, PTH123
    x = kind.layers.Lambda(trap, output_shape=(48, 48, 1), name="scaling")(pixels)
    x = kind.layers.Flatten()(x)
    network = kind.Model(pixels, kind.layers.Dense(7, activation="softmax")(x))
    network.save(tmp_path / name)
    sprung.unlink(missing_ok=True)  # building the network ran it
    refused(tmp_path / name, "Lambda layer .*scaling.*would run code from the file")
    assert not sprung.exists()


@pytest.mark.parametrize(
    "named",
    [
        {"module": "keras.utils", "class_name": "get_file", "config": {"fname": "x"}},
        {"module": "os", "class_name": "system", "config": "true"},
        {"module": "builtins", "class_name": "function", "config": "eval"},
        {"module": "my_models", "class_name": "Attention", "config": {"name": "attention"}},
        {
            "module": "keras.layers",
            "class_name": "Dense",
            "config": {"name": "d", "units": 1},
            "registered_name": "Custom>Dense",
        },
    ],
)
def test_names_of_foreign_code_are_refused(
    whole: Path, tmp_path: Path, named: dict[str, Any]
) -> None:
    with zipfile.ZipFile(whole / "model.keras") as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(files["config.json"])
    config["config"]["layers"][1]["config"]["activation"] = named
    files["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    refused(tmp_path / "model.keras", "holds (code|a function) of its author")


def test_saved_model_that_writes_files_is_not_run(tmp_path: Path) -> None:
    import tensorflow as tf

    class Writes(tf.Module):  # type: ignore[misc]
        @tf.function(input_signature=[tf.TensorSpec((None, 48, 48, 1), tf.float32)])
        def __call__(self, pixels: Any) -> Any:
            tf.io.write_file(str(tmp_path / "sprung"), "x")
            return tf.nn.softmax(tf.reshape(pixels, (-1, 2304))[:, :7])

    module = Writes()
    tf.saved_model.save(module, str(tmp_path / "saved"), signatures=module.__call__)
    refused(tmp_path / "saved", "does more than calculate .WriteFile")
    assert not (tmp_path / "sprung").exists()


def test_damaged_saved_model(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    folder.mkdir()
    (folder / "saved_model.pb").write_bytes((whole / "saved/saved_model.pb").read_bytes()[:999])
    refused(folder, "saved_model.pb is damaged|has no signature")


def test_nan_weights(tmp_path: Path) -> None:
    network = small_network()
    weights = network.get_weights()
    weights[0][0, 0, 0, 0] = np.nan
    network.set_weights(weights)
    network.save(tmp_path / "model.h5")
    refused(tmp_path / "model.h5", "weights of layer 'conv2d.*' hold NaN")


def test_weights_of_another_network(whole: Path, tmp_path: Path) -> None:
    small_network(classes=5).save_weights(tmp_path / "model.weights.h5")
    (tmp_path / "model.json").write_bytes((whole / "model.json").read_bytes())
    refused(tmp_path / "model.json", "with the weights of model.weights.h5")


def _sequential(*layers: keras.Layer) -> keras.Model:
    return keras.Sequential(list(layers))


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (lambda k: _sequential(k.Input((48, 48, 1)), k.layers.Flatten(), k.layers.Dense(1)), "two"),
        (
            lambda k: _sequential(k.Input((48, 48, 2)), k.layers.Flatten(), k.layers.Dense(7)),
            "1 or",
        ),
        (
            lambda k: _sequential(k.Input((30, 40)), k.layers.LSTM(4), k.layers.Dense(7)),
            r"\(30, 40",
        ),
        (
            lambda k: _sequential(k.Input((1, 48, 48)), k.layers.Flatten(), k.layers.Dense(7)),
            "channels first",
        ),
        (
            lambda k: _sequential(
                k.Input((48, 48, 1)), k.layers.Reshape((48, 48)), k.layers.LSTM(4, name="rows"),
                k.layers.Dense(7),
            ),
            "recurrent layer .LSTM 'rows'",
        ),
    ],
)  # fmt: skip
def test_shapes_that_are_no_pictures_and_classes(network: Any, reason: str, tmp_path: Path) -> None:
    network(keras).save(tmp_path / "model.keras")
    refused(tmp_path / "model.keras", reason)


def test_zero_classes(tmp_path: Path) -> None:
    config = json.loads(small_network().to_json())
    config["config"]["layers"][-1]["config"]["units"] = 0
    (tmp_path / "model.json").write_text(json.dumps(config))
    small_network().save_weights(tmp_path / "model.weights.h5")
    refused(tmp_path / "model.json", "can build it|at least two classes")


def test_two_outputs(tmp_path: Path) -> None:
    pixels = keras.Input((48, 48, 1))
    x = keras.layers.Flatten()(pixels)
    heads = [keras.layers.Dense(7)(x), keras.layers.Dense(2)(x)]
    keras.Model(pixels, heads).save(tmp_path / "model.keras")
    refused(tmp_path / "model.keras", "1 inputs and 2 outputs")


def test_several_files_could_be_the_other_half(whole: Path, tmp_path: Path) -> None:
    (tmp_path / "network.json").write_bytes((whole / "model.json").read_bytes())
    for name in ("a.weights.h5", "b.weights.h5"):
        small_network().save_weights(tmp_path / name)
    refused(tmp_path / "network.json", "a.weights.h5, b.weights.h5; give --weights", UsageError)


def test_the_other_half_is_found(whole: Path, tmp_path: Path) -> None:
    (tmp_path / "network.json").write_bytes((whole / "model.json").read_bytes())
    network = small_network()
    network.save_weights(tmp_path / "trained.weights.h5")
    for given in ("network.json", "trained.weights.h5"):
        source = sources.find(tmp_path / given, None)
        assert source.weights == tmp_path / "trained.weights.h5"
        assert load(source).classes == 7


def test_missing_file(tmp_path: Path) -> None:
    refused(tmp_path / "model.h5", "no such file", UsageError)


def test_pytorch_file(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02.")
    (tmp_path / "model.h5").write_bytes(buffer.getvalue())
    refused(tmp_path / "model.h5", "a PyTorch file")
