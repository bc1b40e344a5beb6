"""The converter's parts, each by itself."""

from __future__ import annotations

import csv
import functools
import hashlib
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import pytest
import tf_keras

from convert import labels, normalisation
from convert.faces import data
from convert.faces.synthetic_faces import clear_faces, faces, statistics, varied_faces
from convert.finding import batchnorm, evidence, findings, probe, reader
from convert.float_model import FloatModel, Head, head_of, prepared
from convert.opening import keras1, vetting
from convert.opening.load import load
from convert.opening.sources import find
from convert.quantizing import equalize, quantize
from convert.quantizing.layers import Run, layer_errors, worst
from convert.request import Request
from edge.errors import RefusedFile, UsageError
from tests.converting import converted, old_runtime, quiet, small_network

FER = statistics().labels


def opened(network: Any, folder: Path) -> FloatModel:
    """`network` by way of a file, as the converter opens it."""
    network.save(folder / "model.keras")
    return load(find(folder / "model.keras", None))


def test_labels_by_order_list_and_file(tmp_path: Path) -> None:
    assert labels.parse("fer", 7) == FER
    assert labels.parse("alphabetical", 8) == tuple(sorted((*FER, "contempt")))
    assert labels.parse("Anger, happiness,Very Sad", 3) == ("angry", "happy", "very_sad")
    file = tmp_path / "labels.txt"
    file.write_text("happy\nsad\n")
    assert labels.parse(str(file), 2) == ("happy", "sad")


@pytest.mark.parametrize(
    ("text", "classes", "reason"),
    [
        ("fer", 5, "stands for 7 or 8 classes, the model has 5"),
        ("happy,sad", 7, "names 2 classes, the model has 7"),
        ("happy,happiness", 2, "a name comes twice"),
    ],
)
def test_labels_that_do_not_fit(text: str, classes: int, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        labels.parse(text, classes)


@pytest.mark.parametrize(
    ("text", "black", "white"),
    [("0..1", 0, 1), ("-1..1", -1, 1), ("0..255", 0, 255), ("100,50", -2, 3.1)],
)
def test_input_ranges(text: str, black: float, white: float) -> None:
    ends = normalisation.parse(text)(np.array([0, 255], np.float32))
    np.testing.assert_allclose(ends, [black, white], atol=1e-6)
    assert normalisation.parse(text).value == text


def test_input_range_per_pixel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "range.npz"
    np.savez(path, mean=np.full((48, 48), 100.0), std=np.full((48, 48), 50.0))
    pixels = np.full((2, 48, 48, 1), 150, np.uint8)
    found = normalisation.parse(str(path))
    np.testing.assert_allclose(found(pixels), 1.0)
    assert found.fits((1, 48, 48, 1))
    assert found.fits((1, 48, 48, 3))
    assert not found.fits((1, 64, 64, 1))
    # A card must not hold a folder of somebody's machine, but tell which file it was.
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert found.value == f"range.npz sha256:{digest} (48x48, mean 100, std 50)"
    monkeypatch.chdir(tmp_path)
    np.testing.assert_allclose(normalisation.parse(found.value)(pixels), 1.0)
    np.savez(path, mean=np.full((48, 48), 90.0), std=np.full((48, 48), 50.0))
    with pytest.raises(UsageError, match="not the file that the card names"):
        normalisation.parse(found.value)
    np.savez(path, mean=np.zeros(3))
    with pytest.raises(RefusedFile, match="arrays mean and std"):
        normalisation.parse(str(path))


@pytest.mark.parametrize("text", ["1..0", "5,0", "nan,1", "a,b", ""])
def test_input_ranges_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="must be one of"):
        normalisation.parse(text)


def test_training_only_layers_go_and_old_words_are_translated() -> None:
    config = small_network().get_config()
    drop = {"class_name": "Dropout", "config": {"name": "d", "rate": 0.5, "unknown": 3}}
    config["layers"].insert(2, drop)
    mended = vetting.mend({"class_name": "Sequential", "config": config}, keras.layers)
    kinds = [layer["class_name"] for layer in mended["config"]["layers"]]
    assert "Dropout" not in kinds
    assert keras.Sequential.from_config(mended["config"]).output_shape == (None, 7)


def test_keras_1_description_builds() -> None:
    def layer(name: str, **config: Any) -> dict[str, Any]:
        return {"class_name": name, "config": {"name": name.lower(), **config}}

    old = {
        "class_name": "Sequential",
        "config": [
            layer(
                "Convolution2D",
                nb_filter=4,
                nb_row=3,
                nb_col=5,
                border_mode="same",
                subsample=[2, 2],
                dim_ordering="tf",
                init="glorot_uniform",
                bias=True,
                activation="relu",
                batch_input_shape=[None, 48, 48, 1],
            ),
            layer("Dropout", p=0.5),
            layer("Flatten"),
            layer("Dense", output_dim=7, activation="softmax", init="uniform", W_regularizer=None),
        ],
    }
    translated = keras1.translated(old)["config"]
    assert translated[0]["config"]["kernel_size"] == [3, 5]
    for kind in (keras, tf_keras):
        mended = vetting.mend(old, kind.layers)
        vetting.vet(mended, "old.h5", kind)
        network = kind.Sequential.from_config(mended["config"])
        assert network.output_shape == (None, 7)
        assert network.layers[-4].output.shape[1:] == (24, 24, 4)


def test_factors_move_into_weights_without_changing_answers(tmp_path: Path) -> None:
    network = keras.Sequential(
        [
            keras.Input((48, 48, 1)),
            keras.layers.Conv2D(6, 3, strides=2, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(8, 3, padding="same", activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(7, activation="softmax"),
        ]
    )
    rng = np.random.default_rng(2)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            count = layer.gamma.shape[0]
            # Of either sign, and a thousandfold apart in size: what int8 cannot hold in one scale.
            gamma = rng.choice([-1, 1], count) * 10 ** rng.uniform(-1.5, 1.5, count)
            spread = rng.uniform(0.1, 2, count)
            layer.set_weights([gamma, rng.normal(size=count), rng.normal(size=count), spread])
    model = opened(network, tmp_path)
    graph = quantize.frozen(model, normalisation.NAMED["0..1"])
    pixels = prepared(faces(35, 4)[0], model.input_shape)
    import tensorflow as tf

    plain = tf.lite.TFLiteConverter.from_concrete_functions([graph]).convert()
    before, after = Run(plain), Run(equalize.equalized(plain))
    last = before.order[-1][0]
    for picture in pixels[:5]:
        np.testing.assert_allclose(before(picture)[last], after(picture)[last], atol=1e-5)
    measured = quantize.calibrated(graph, pixels, quiet)
    errors = layer_errors(measured, quantize.int8(measured), pixels)
    found = worst(errors)
    assert found is not None
    assert max(error.error for error in errors) < 0.15


def test_sigmoids_are_normalised_in_int8(tmp_path: Path) -> None:
    source = tmp_path / "model.keras"
    small_network(classes=5, activation="sigmoid").save(source)
    options = {"labels": "angry,happy,neutral,sad,surprise", "input_range": "0..1"}
    out = tmp_path / "out.tflite"
    card = converted(source, out, min_agreement=0.0, **options)
    assert card["head"] == "sigmoid"
    pixels = prepared(clear_faces(14, 5)[0], (1, 48, 48, 1))
    answers = quantize.run(out.read_bytes(), pixels)
    assert np.abs(answers.sum(axis=1) - 1).max() < 0.03
    np.save(tmp_path / "faces.npy", pixels)
    there = old_runtime(out, tmp_path / "faces.npy", tmp_path / "answers.npy")
    assert np.abs(there - answers).max() < 0.03


@pytest.mark.parametrize(
    ("activation", "head"),
    [("softmax", Head.SOFTMAX), ("sigmoid", Head.SIGMOID), ("linear", Head.LOGITS)],
)
def test_heads(activation: str, head: Head) -> None:
    network = small_network(activation=activation)
    assert head_of(lambda x: network(x, training=False), (1, 48, 48, 1)) is head


def test_batchnorm_remembers_the_input_range(tmp_path: Path) -> None:
    pixels = faces(210, 8)[0][..., None] / 127.5 - 1
    network = small_network()
    network(pixels, training=False)
    norm = network.layers[1]
    seen = network.layers[0](pixels).numpy()
    norm.moving_mean.assign(seen.mean(axis=(0, 1, 2)))
    norm.moving_variance.assign(seen.var(axis=(0, 1, 2)))
    found = batchnorm.divergences(opened(network, tmp_path), normalisation.NAMED)
    assert min(found, key=found.__getitem__) == "-1..1"
    assert sorted(found.values())[1] > 5 * found["-1..1"]


@pytest.fixture(scope="module")
def without_batchnorm() -> keras.Model:
    """A network for pixels 0..1 that reads synthetic faces, with nothing to remember them by."""
    keras.utils.set_random_seed(3)
    network = keras.Sequential(
        [
            keras.Input((48, 48, 1)),
            keras.layers.Conv2D(8, 5, strides=3, activation="relu"),
            keras.layers.Conv2D(16, 3, strides=2, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(7, activation="softmax"),
        ]
    )
    network.compile(keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy")
    pictures, classes = faces(2100, 31, amplify=1.5, noise=0.8, texture=0.5, sharpen=True)
    network.fit(pictures[..., None] / 255.0, classes, epochs=7, batch_size=64, verbose=0)
    return network


@pytest.mark.parametrize("text", ["0..255", "129,65", "0..1"])
def test_answers_tell_the_input_range(text: str, without_batchnorm: keras.Model) -> None:
    scaling = normalisation.parse(text)
    network = keras.models.clone_model(without_batchnorm)
    network.set_weights(without_batchnorm.get_weights())
    # The same network for pixels normalised otherwise: its first layer undoes that.
    kernel, bias = network.layers[0].get_weights()
    slope, shift = 1 / (255 * scaling.scale), -scaling.offset / (255 * scaling.scale)
    network.layers[0].set_weights([kernel * slope, bias + shift * kernel.sum(axis=(0, 1, 2))])
    call = functools.partial(network, training=False)
    model = FloatModel(call, (1, 48, 48, 1), 7, Head.SOFTMAX, network, "keras", 1)
    ways = {**normalisation.NAMED, "129,65": evidence.STANDARDISED}
    witness = functools.cache(lambda way, draw: probe.leanings(model, ways[way], draw))
    found = evidence.input_range(model, ways, witness)
    assert (found.answer, found.clear) == (text, True)
    assert evidence.label_order(witness(text, varied_faces)).answer == "fer"


def test_an_order_of_its_own_is_suggested_beside_a_clear_range(
    without_batchnorm: keras.Model,
) -> None:
    own = ("surprise", "sad", "happy", "angry", "neutral", "disgust", "fear")
    network = keras.models.clone_model(without_batchnorm)
    *weights, kernel, bias = without_batchnorm.get_weights()
    columns = [FER.index(name) for name in own]
    network.set_weights([weights[0] / 255, *weights[1:], kernel[:, columns], bias[columns]])
    call = functools.partial(network, training=False)
    model = FloatModel(call, (1, 48, 48, 1), 7, Head.SOFTMAX, network, "keras", 1)
    with pytest.raises(findings.Unclear, match=f"nearest is --labels {','.join(own)}") as caught:
        findings.find_out(model, Request("model.h5", ""))
    assert caught.value.findings["label_order"] == "unclear"
    assert caught.value.findings["input_range"] == "0..255"
    assert caught.value.findings["input_range_value"] == "0..255"


def test_answers_contradict_what_a_frozen_layer_remembers(
    without_batchnorm: keras.Model,
) -> None:
    norm = keras.layers.BatchNormalization(epsilon=1e-6)
    network = keras.Sequential([keras.Input((48, 48, 1)), norm, *without_batchnorm.layers])
    raw = faces(140, 9)[0].astype(np.float32)
    # It remembers 0..255, and passes on what it gets.
    mean, variance = raw.mean(keepdims=True).ravel(), raw.var(keepdims=True).ravel()
    norm.set_weights([np.sqrt(variance), mean, mean, variance])
    call = functools.partial(network, training=False)
    model = FloatModel(call, (1, 48, 48, 1), 7, Head.SOFTMAX, network, "keras", 1)
    ways = {name: normalisation.NAMED[name] for name in ("0..1", "0..255")}
    witness = functools.cache(lambda way, draw: probe.leanings(model, ways[way], draw))
    found = evidence.input_range(model, ways, witness)
    assert (found.answer, found.clear) == ("0..255", False)
    assert "answers to synthetic faces say 0..1" in found.line("input range")


def answering(names: tuple[str, ...], noise: float) -> probe.Leanings:
    """A network of these classes that answers twice as surely as our reader, and noisily."""
    pictures, intended = varied_faces(140, 6)
    read = reader.readings(pictures)
    rng = np.random.default_rng(5)
    columns = [read[:, FER.index(n)] if n in FER else read.mean(axis=1) for n in names]
    answers = 2 * np.stack(columns, axis=1) + noise * rng.standard_normal((140, len(names)))
    return probe.Leanings(answers - np.log(np.exp(answers).sum(axis=1))[:, None], intended, read)


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (FER, "fer"),
        (tuple(sorted(FER)), "alphabetical"),
        (tuple(sorted((*FER, "contempt"))), "alphabetical"),
        (("angry", "contempt", "disgust", "fear", "happy", "sad", "surprise"), "alphabetical"),
        (("angry", "happy", "neutral", "sad", "surprise"), "alphabetical"),
        (("angry", "fear", "happy", "sad", "surprise", "neutral"), "fer"),
    ],
)
def test_known_orders_are_recognised(names: tuple[str, ...], kind: str) -> None:
    found = evidence.label_order(answering(names, 1.0))
    assert (found.answer, found.names, found.clear) == (kind, names, True)


def test_other_orders_are_suggested_but_not_clear() -> None:
    ferplus = ("neutral", "happy", "surprise", "sad", "angry", "disgust", "fear", "contempt")
    own = ("surprise", "sad", "happy", "angry", "neutral", "disgust", "fear")
    for names, known in ((ferplus, "FER+"), (own, "faces")):
        found = evidence.label_order(answering(names, 1.0))
        assert (found.answer, found.names, found.clear) == ("unclear", names, False)
        assert known in found.source
        assert f"--labels {','.join(names)}" in found.line("label order")


def test_noise_has_no_order() -> None:
    found = evidence.label_order(answering(FER, 40.0))
    assert (found.answer, found.names, found.clear) == ("unclear", (), False)


def test_faces_from_folders_csv_and_npz(tmp_path: Path) -> None:
    pictures, classes = faces(14, 9)
    for row, (picture, index) in enumerate(zip(pictures, classes, strict=True)):
        place = tmp_path / "folders" / f"{FER[index].capitalize()}"
        place.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(place / f"{row}.png"), picture)
    with (tmp_path / "fer.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["emotion", "pixels", "Usage"])
        for picture, index in zip(pictures, classes, strict=True):
            usage = "PublicTest" if index else "Training"
            rows.writerow([index, " ".join(map(str, picture.ravel())), usage])
    np.savez(tmp_path / "fer.npz", x_train=pictures, y_train=classes)
    assert sorted(data.read(tmp_path / "folders").truth) == sorted(FER * 2)
    assert data.read(tmp_path / "fer.csv").truth == ("angry", "angry")
    assert len(data.read_test_split(tmp_path / "fer.csv").pictures) == 12
    npz = data.read(tmp_path / "fer.npz")
    np.testing.assert_array_equal(npz.pictures, pictures)
    assert npz.truth == FER * 2
    assert len(npz.some(5).pictures) == 5


def test_faces_from_a_video(shared: Path) -> None:
    found = data.read(shared / "videos/pyfeat_single_face.mp4")
    assert len(found.pictures) > 20
    assert all(picture.shape[0] == picture.shape[1] >= 48 for picture in found.pictures)


@pytest.mark.parametrize("name", ["none.npz", "broken.npz", "broken.csv", "empty", "notes.txt"])
def test_faces_that_are_none(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if name == "empty":
        path.mkdir()
    elif name != "none.npz":
        path.write_text("emotion,pixels,Usage\n1,2 x,Training\n")
    with pytest.raises((RefusedFile, UsageError), match=name):
        data.read(path)
