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
import tensorflow as tf
import tf_keras

from convert.loading import model_files
from convert.loading.load import load
from edge.errors import FerEdgeError, RefusedFile, UsageError
from tests.support.converting import converted, small_network


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


def refused(path: Path, reason: str, kind: type[FerEdgeError] = RefusedFile) -> None:
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
    refused(path, "damaged or truncated")


def test_empty_hdf5(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    h5py.File(path, "w").close()
    refused(path, "an empty HDF5 file")


def test_truncated_keras_archive(whole: Path, tmp_path: Path) -> None:
    content = (whole / "model.keras").read_bytes()
    path = tmp_path / "model.keras"
    path.write_bytes(content[: len(content) // 2])
    refused(path, "archive is damaged or truncated")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "git lfs pull"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"\x1c\x00\x00\x00TFL3", "already a .tflite"),
        (b"{ not json", "JSON is damaged"),
        (b'{"a": 1}', "not the description of a Keras network"),
        (b'{"format":"layers-model","modelTopology":{},"weightsManifest":[]}', "TensorFlow.js"),
        (b"\x1f\x8b\x08\x00", "a compressed archive; unpack it first"),
        (b'<?xml version="1.0"?><net name="emotions">', "an XML file"),
        (b"\x93NUMPY\x01\x00v\x00{'descr'", "a NumPy array"),
        (b'model_checkpoint_path: "model.ckpt-7"', "list of checkpoints"),
        (b"\x00" * 600, "not a format that Keras writes"),
    ],
)
def test_other_files(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "model.h5"
    path.write_bytes(content)
    refused(path, reason)


@pytest.mark.parametrize("size", [57, 0x0280, ord("{"), ord("<"), 0x4B50])
def test_safetensors(size: int, tmp_path: Path) -> None:
    header = b'{"conv.weight":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'.ljust(size)
    path = tmp_path / "model.safetensors"
    path.write_bytes(size.to_bytes(8, "little") + header[:size] + bytes(4))
    refused(path, "weights in safetensors, without a network; expected a Keras")


def test_model_inside_a_zip(whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(whole / "model.h5", "trained/model.h5")
    refused(path, "a ZIP archive that contains trained/model.h5; unpack it first")


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
    with pytest.raises(RefusedFile, match="cannot be read"):
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
    trap = lambda x: (open(place, "w").write(""), x / 255.0)[1]  # noqa: E731, PTH123, SIM115
    x = kind.layers.Lambda(trap, output_shape=(48, 48, 1), name="scaling")(pixels)
    x = kind.layers.Flatten()(x)
    network = kind.Model(pixels, kind.layers.Dense(7, activation="softmax")(x))
    network.save(tmp_path / name)
    sprung.unlink(missing_ok=True)  # building the network ran it
    refused(tmp_path / name, "Lambda layer .*scaling.*would execute code from the file")
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
    refused(tmp_path / "model.keras", "has (custom code|a custom function)")


def test_saved_model_that_writes_files_is_not_run(tmp_path: Path) -> None:
    import tensorflow as tf

    signature = [tf.TensorSpec((None, 48, 48, 1), tf.float32)]

    class Writes(tf.Module):  # type: ignore[misc]
        @tf.function(input_signature=signature)  # type: ignore[untyped-decorator]
        def __call__(self, pixels: Any) -> Any:
            tf.io.write_file(str(tmp_path / "sprung"), "x")
            return tf.nn.softmax(tf.reshape(pixels, (-1, 2304))[:, :7])

    module = Writes()
    tf.saved_model.save(module, str(tmp_path / "saved"), signatures=module.__call__)
    refused(tmp_path / "saved", "does more than compute .WriteFile")
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
    refused(tmp_path / "model.h5", "weights of layer 'conv2d.*' contain NaN")


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
                k.Input((96, 48, 1)), k.layers.Reshape((96, 48)), k.layers.LSTM(4, name="rows"),
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


def test_two_inputs(tmp_path: Path) -> None:
    pixels = [keras.Input((48, 48, 1)), keras.Input((48, 48, 1))]
    x = keras.layers.Flatten()(keras.layers.Concatenate()(pixels))
    keras.Model(pixels, keras.layers.Dense(7)(x)).save(tmp_path / "model.keras")
    refused(tmp_path / "model.keras", "2 inputs and 1 outputs")


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
        source = model_files.find(tmp_path / given, None)
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


def test_old_pytorch_file(tmp_path: Path) -> None:
    # The first pickle of torch.save until PyTorch 1.6: its magic number.
    (tmp_path / "model.pth").write_bytes(pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2))
    refused(tmp_path / "model.pth", "a PyTorch file")


@pytest.mark.parametrize("producer", ["pytorch", "tf2onnx", ""])
def test_onnx_file(producer: str, tmp_path: Path) -> None:
    # ModelProto: ir_version 8, producer_name, then the graph, whose first node has two names.
    named = bytes([0x12, len(producer)]) + producer.encode() if producer else b""
    graph = b"\x0a\x04\x0a\x02\x0a\x00"
    content = b"\x08\x08" + named + bytes([0x3A, len(graph)]) + graph
    (tmp_path / "model.onnx").write_bytes(content)
    refused(tmp_path / "model.onnx", "an ONNX model; expected a Keras")


def test_frozen_graph(tmp_path: Path) -> None:
    with tf.Graph().as_default() as graph:
        tf.matmul(tf.compat.v1.placeholder(tf.float32, (1, 2304), "pixels"), tf.ones((2304, 7)))
    (tmp_path / "model.pb").write_bytes(graph.as_graph_def().SerializeToString())
    refused(tmp_path / "model.pb", r"a frozen TensorFlow graph \(\.pb\)")


def test_saved_model_without_its_folder(whole: Path) -> None:
    refused(whole / "saved/saved_model.pb", "a saved_model.pb by itself; give its folder")


@pytest.mark.parametrize("name", ["model.json", "weights.h5"])
def test_half_of_a_pair_says_what_is_missing(name: str, whole: Path, tmp_path: Path) -> None:
    if name == "model.json":
        (tmp_path / name).write_bytes((whole / name).read_bytes())
        reason = "model.json: weights not found next to it; give --weights FILE"
    else:
        keras.models.load_model(whole / "model.keras").save_weights(tmp_path / "w.weights.h5")
        (tmp_path / "w.weights.h5").rename(tmp_path / name)
        reason = r"weights.h5: description \(model.json\) not found next to it; give the .json"
    refused(tmp_path / name, reason, UsageError)


def test_a_layer_without_an_int8_form_is_named_with_its_file(tmp_path: Path) -> None:
    network = small_network()
    network.layers[0].activation = keras.activations.softplus
    network.save(tmp_path / "model.keras")
    refused(tmp_path / "model.keras", r"/model\.keras: its int8 form .*: LOG 2 \(from softplus\)$")


def test_a_layer_that_no_runtime_opens_in_int8_is_named_with_its_file(tmp_path: Path) -> None:
    """ReLU6 passes on at most 6 of what weights of about 1000 add up."""
    network = small_network()
    network.layers[2].activation = keras.activations.relu6
    kernel, bias = network.layers[2].get_weights()
    network.layers[2].set_weights([3e6 * kernel, bias])
    network.save(tmp_path / "model.keras")
    reason = r"/model\.keras: layer conv2d_\w+: its weights are too large for what it passes on"
    refused(tmp_path / "model.keras", reason)
