"""The networks layer by layer, as their authors describe them."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.training import report_networks
from convert.training.networks import BUILDERS, NETWORKS, Style, build, macs
from edge.errors import RefusedFile, UsageError
from tests.conftest import ROOT
from tests.support.converting import keras

#: Of each layer: its kind, its output without the batch, its parameters.
Table = list[tuple[str, tuple[int, ...], int]]

SCALED: Table = [("InputLayer", (48, 48, 1), 0), ("Rescaling", (48, 48, 1), 0)]

CNN: Table = [
    *SCALED,
    ("Conv2D", (48, 48, 32), 320),
    ("Conv2D", (48, 48, 64), 18_496),
    ("BatchNormalization", (48, 48, 64), 256),
    ("MaxPooling2D", (24, 24, 64), 0),
    ("Dropout", (24, 24, 64), 0),
    ("Conv2D", (24, 24, 128), 73_856),
    ("Conv2D", (22, 22, 256), 295_168),
    ("BatchNormalization", (22, 22, 256), 1_024),
    ("MaxPooling2D", (11, 11, 256), 0),
    ("Dropout", (11, 11, 256), 0),
    ("Flatten", (30_976,), 0),
    ("Dense", (1_024,), 31_720_448),
    ("Dropout", (1_024,), 0),
    ("Dense", (7,), 7_175),
    ("Activation", (7,), 0),
]

DEEP_CNN: Table = [
    *SCALED,
    ("Conv2D", (46, 46, 64), 640),
    ("BatchNormalization", (46, 46, 64), 256),
    ("Activation", (46, 46, 64), 0),
    ("Conv2D", (44, 44, 64), 36_928),
    ("BatchNormalization", (44, 44, 64), 256),
    ("Activation", (44, 44, 64), 0),
    ("Dropout", (44, 44, 64), 0),
    ("Conv2D", (42, 42, 64), 36_928),
    ("Conv2D", (40, 40, 64), 36_928),
    ("MaxPooling2D", (20, 20, 64), 0),
    ("Conv2D", (18, 18, 128), 73_856),
    ("BatchNormalization", (18, 18, 128), 512),
    ("Activation", (18, 18, 128), 0),
    ("Conv2D", (16, 16, 128), 147_584),
    ("BatchNormalization", (16, 16, 128), 512),
    ("Activation", (16, 16, 128), 0),
    ("Conv2D", (14, 14, 128), 147_584),
    ("Conv2D", (12, 12, 128), 147_584),
    ("MaxPooling2D", (6, 6, 128), 0),
    ("Conv2D", (4, 4, 256), 295_168),
    ("BatchNormalization", (4, 4, 256), 1_024),
    ("Activation", (4, 4, 256), 0),
    ("Conv2D", (2, 2, 256), 590_080),
    ("BatchNormalization", (2, 2, 256), 1_024),
    ("Activation", (2, 2, 256), 0),
    ("Flatten", (1_024,), 0),
    ("Dense", (1_024,), 1_049_600),
    ("Dropout", (1_024,), 0),
    ("Dense", (1_024,), 1_049_600),
    ("Dropout", (1_024,), 0),
    ("Dense", (7,), 7_175),
    ("Activation", (7,), 0),
]

SMALL_CNN: Table = [
    *SCALED,
    ("Conv2D", (46, 46, 64), 640),
    ("Conv2D", (44, 44, 64), 36_928),
    ("MaxPooling2D", (22, 22, 64), 0),
    ("Dropout", (22, 22, 64), 0),
    ("Conv2D", (20, 20, 64), 36_928),
    ("Conv2D", (18, 18, 64), 36_928),
    ("MaxPooling2D", (9, 9, 64), 0),
    ("Dropout", (9, 9, 64), 0),
    ("Conv2D", (7, 7, 128), 73_856),
    ("Conv2D", (5, 5, 128), 147_584),
    ("MaxPooling2D", (2, 2, 128), 0),
    ("Flatten", (512,), 0),
    ("Dense", (512,), 262_656),
    ("Dropout", (512,), 0),
    ("Dense", (7,), 3_591),
    ("Activation", (7,), 0),
]

DROPOUTS = {
    "cnn": [0.25, 0.25, 0.5],
    "deep-cnn": [0.5, 0.2, 0.2],
    "small-cnn": [0.5, 0.5, 0.5],
}


def table(model: keras.Model) -> Table:
    return [
        (type(layer).__name__, tuple(layer.output.shape[1:]), layer.count_params())
        for layer in model.layers
    ]


@pytest.mark.parametrize(
    ("name", "wanted", "parameters", "trainable"),
    [
        ("cnn", CNN, 32_116_743, 32_116_103),
        ("deep-cnn", DEEP_CNN, 3_623_239, 3_621_447),
        ("small-cnn", SMALL_CNN, 599_111, 599_111),
    ],
)
def test_network_of_the_report_layer_by_layer(
    name: str, wanted: Table, parameters: int, trainable: int
) -> None:
    model = build(name)
    assert table(model) == wanted
    assert model.count_params() == parameters
    assert sum(int(np.prod(weight.shape)) for weight in model.trainable_weights) == trainable
    assert [x.rate for x in model.layers if isinstance(x, keras.layers.Dropout)] == DROPOUTS[name]
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            assert (layer.kernel_size, layer.strides) == ((3, 3), (1, 1))
        if isinstance(layer, keras.layers.MaxPooling2D):
            assert (layer.pool_size, layer.strides) == ((2, 2), (2, 2))
    if name != "deep-cnn":  # there, some convolutions have BatchNorm and ReLU in layers after them
        last = model.get_layer("expression")
        weighing = [x for x in model.layers if hasattr(x, "kernel") and x is not last]
        assert {layer.activation.__name__ for layer in weighing} == {"relu"}


def test_vgg16_has_kerass_convolutions_and_a_dense_head() -> None:
    theirs = keras.applications.VGG16(include_top=False, weights=None, input_shape=(48, 48, 1))
    ours = build("vgg16")
    assert table(ours)[2:-5] == table(theirs)[1:]
    assert table(ours)[-5:] == [
        ("Flatten", (512,), 0),
        ("Dense", (512,), 262_656),
        ("Dropout", (512,), 0),
        ("Dense", (7,), 3_591),
        ("Activation", (7,), 0),
    ]


def test_resnet50_is_kerass_with_flatten_and_dense(tmp_path: Path) -> None:
    theirs = keras.applications.ResNet50(include_top=False, weights=None, input_shape=(48, 48, 3))
    theirs.save_weights(tmp_path / "imagenet.weights.h5")
    style = Style(activation="elu")
    ours = report_networks.resnet50(style, tmp_path / "imagenet.weights.h5")
    assert table(ours) == [
        ("InputLayer", (48, 48, 3), 0),
        ("Rescaling", (48, 48, 3), 0),
        ("Functional", (2, 2, 2048), 23_587_712),
        ("Flatten", (8_192,), 0),
        ("Dense", (7,), 57_351),
        ("Activation", (7,), 0),
    ]
    body = ours.get_layer("resnet50")
    assert table(body) == table(theirs)
    for taken, published in zip(body.get_weights(), theirs.get_weights(), strict=True):
        assert np.array_equal(taken, published)
    kinds = [getattr(layer, "activation", None) for layer in body.layers]
    assert sum(kind is keras.activations.elu for kind in kinds) == 49
    assert not any(kind is keras.activations.relu for kind in kinds)


def test_weights_that_are_none_of_resnet50s(tmp_path: Path) -> None:
    (tmp_path / "wrong.h5").write_bytes(b"no HDF5")
    with pytest.raises(RefusedFile, match=r"wrong\.h5: not ResNet50's weights"):
        report_networks.resnet50(Style(), tmp_path / "wrong.h5")


def test_mini_xception_is_its_authors(shared: Path) -> None:
    published = "models/oarriaga-mini-xception/fer2013_mini_XCEPTION.102-0.66.hdf5"
    theirs = keras.models.load_model(shared / published, compile=False)
    ours = build("mini-xception")
    assert ours.count_params() == 58_423
    both = [
        [row for row in table(model) if row[2] or row[0] in ("MaxPooling2D", "Add")]
        for model in (ours, theirs)
    ]
    assert sorted(both[0]) == sorted(both[1])
    pixels = np.random.default_rng(0).integers(0, 256, (4, 64, 64, 1)).astype("float32")
    _take_weights(ours, theirs)
    expected = theirs.predict((pixels / 255 - 0.5) * 2, verbose=0)
    assert np.allclose(ours.predict(pixels, verbose=0), expected, atol=1e-4)


def _made(layer: Any) -> int:
    """The number that Keras gave the layer among its kind: they are listed in another order."""
    number = layer.name.rpartition("_")[2]
    return int(number) if number.isdigit() else 0


def _take_weights(ours: Any, theirs: Any) -> None:
    """Kind by kind and shape by shape, in the order in which the layers were made."""
    left = sorted((layer for layer in theirs.layers if layer.weights), key=_made)
    for layer in sorted((layer for layer in ours.layers if layer.weights), key=_made):
        shapes = [tuple(weight.shape) for weight in layer.weights]
        chosen = next(
            other
            for other in left
            if type(other) is type(layer) and [tuple(w.shape) for w in other.weights] == shapes
        )
        left.remove(chosen)
        layer.set_weights(chosen.get_weights())
    assert not left


def test_ours_are_within_their_limits() -> None:
    compact, tiny = build("compact"), build("tiny")
    assert compact.count_params() == 712_447
    assert macs(compact) <= 60_000_000
    assert macs(tiny) <= 12_000_000
    kinds = {type(layer).__name__ for layer in tiny.layers}
    assert not kinds & {"DepthwiseConv2D", "SeparableConv2D"}
    large = build("large")
    assert large.count_params() == 4_085_671
    assert 5 * macs(compact) < macs(large) < 7 * macs(compact)


def test_macs_by_hand() -> None:
    # cnn: output places x kernel x channels in x channels out, layer after layer
    first = 48 * 48 * 9 * 1 * 32 + 48 * 48 * 9 * 32 * 64
    second = 24 * 24 * 9 * 64 * 128 + 22 * 22 * 9 * 128 * 256
    assert macs(build("cnn")) == first + second + 30_976 * 1_024 + 1_024 * 7
    inputs = keras.Input((10, 10, 4))
    x = keras.layers.SeparableConv2D(6, 3, strides=2, padding="same", depth_multiplier=2)(inputs)
    x = keras.layers.DepthwiseConv2D(3)(x)
    x = keras.layers.Conv2D(8, 1, groups=2)(x)
    nested = keras.Sequential([keras.Input((3, 3, 8)), keras.layers.Flatten()])
    nested.add(keras.layers.Dense(5))
    model = keras.Model(inputs, nested(x))
    separable = 5 * 5 * 9 * 4 * 2 + 5 * 5 * 8 * 6
    assert macs(model) == separable + 3 * 3 * 9 * 6 + 3 * 3 * 3 * 8 + 72 * 5


SMALL = ["compact", "tiny", "mini-xception", "small-cnn", "deep-cnn"]


@pytest.mark.parametrize("name", SMALL)
def test_styles(name: str) -> None:
    model = build(name, Style(classes=5, activation="elu", head="linear"))
    used = {x.activation.__name__ for x in model.layers if hasattr(x, "activation")}
    assert used == {"elu", "linear"}
    assert not any(isinstance(layer, keras.layers.ReLU) for layer in model.layers)
    assert model.output_shape == (None, 5)
    assert model.get_layer("expression").activation is keras.activations.linear
    noise = np.random.default_rng(0).integers(0, 256, (3, *model.input_shape[1:]))
    answers = model.predict(noise.astype("float32"), verbose=0)
    assert answers.min() < 0


@pytest.mark.parametrize("name", SMALL)
def test_answers_are_float32_under_mixed_precision(name: str) -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build(name)
        assert model.output.dtype == "float32"
        assert model.get_layer("expression").compute_dtype == "float32"
        inner = next(x for x in model.layers if isinstance(x, keras.layers.Conv2D))
        assert inner.compute_dtype == "bfloat16"
        answers = model.predict(np.zeros((2, *model.input_shape[1:]), "float32"), verbose=0)
        assert answers.sum(axis=1) == pytest.approx(1, abs=1e-5)
    finally:
        keras.config.set_dtype_policy("float32")


def test_kernels_are_regularised_where_the_report_does() -> None:
    def penalised(name: str) -> list[int]:
        model = build(name, Style(l2=0.01))
        return [
            x.filters for x in model.layers if getattr(x, "kernel_regularizer", None) is not None
        ]

    assert penalised("cnn") == [128, 256]
    assert penalised("mini-xception") == [8, 8]
    assert all(getattr(x, "kernel_regularizer", None) is None for x in build("cnn").layers)
    with pytest.raises(UsageError, match="compact: no kernel regularisation"):
        build("compact", Style(l2=0.01))


@pytest.mark.parametrize(
    ("name", "style", "words"),
    [
        ("compct", Style(), "compct: unknown network; did you mean 'compact'?"),
        ("zzz", Style(), "valid names: compact, tiny"),
        ("tiny", Style(activation="swish"), "must be one of relu, elu"),
        ("tiny", Style(head="svm"), "must be one of softmax, linear"),
    ],
)
def test_what_is_not_known_is_said(name: str, style: Style, words: str) -> None:
    with pytest.raises(UsageError, match=words.replace("?", r"\?")):
        build(name, style)


def test_each_name_has_a_builder() -> None:
    """The commands list the names without importing Keras."""
    assert tuple(BUILDERS) == NETWORKS


def test_networks_only_know_keras() -> None:
    """They train on any backend of Keras, so they must not use TensorFlow."""
    assert NETWORKS
    for name in ("networks", "report_networks", "style"):
        tree = ast.parse((ROOT / "convert" / "training" / f"{name}.py").read_text())
        named = {
            (node.module if isinstance(node, ast.ImportFrom) else alias.name) or ""
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }
        assert not [module for module in named if module.startswith(("tensorflow", "tf_keras"))]
