"""Networks that fer-train trains, untrained: large, odd-sized, all convertible."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from convert.faces.synthetic import faces
from convert.quantizing import quantize
from convert.training.networks import Style, build, macs
from tests.benchmarks import tflite_counts
from tests.support.converting import converted, keras

#: What the limit of 150 KB must leave for the scores in the card of a model that was evaluated.
CARD_BYTES = 5_500


def settle(network: keras.Model) -> None:
    """Let batch normalisation learn from faces, and give the last layer biases.

    Those of a network as it is built are all alike, and take less place in a file, or none.
    """
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    network(faces(28, seed=5)[0][..., None].astype("float32"), training=True)
    network.get_layer("expression").bias.assign(np.linspace(-0.1, 0.1, 7))


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("cnn", "softmax"),
        ("deep-cnn", "softmax"),
        ("small-cnn", "linear"),
        ("resnet50", "softmax"),
        ("tiny", "softmax"),
    ],
)
def test_network_converts(name: str, head: str, tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    source, out = tmp_path / "network.keras", tmp_path / "network.tflite"
    network = build(name, Style(head=head))
    if name == "resnet50":
        # It takes pixels of -128 to 127, and untrained passes their scale on through fifty layers
        # to where softmax answers 0 or 1. This is the same as giving it pixels of -1 to 1.
        last = network.get_layer("expression")
        last.set_weights([weight / 127.5 for weight in last.get_weights()])
    if name == "tiny":
        settle(network)
    network.save(source)
    # Untrained, it answers much the same to every face: whether the classes agree says nothing.
    card = converted(source, out, min_agreement=0.0, labels="fer")
    assert card["input_range"] == "0..255"
    assert card["compared"]["largest_difference"] < 0.1
    assert out.stat().st_size < source.stat().st_size / 3
    content = out.read_bytes()
    assert quantize.minimum_runtime(content) <= quantize.OLDEST_RUNTIME
    assert tflite_counts.macs(content) == macs(network)
    assert card["parameters"] == network.count_params()
    if name == "tiny":
        assert out.stat().st_size <= 150_000 - CARD_BYTES
        # Of the four numbers a channel of a BatchNormalization, one remains: a bias.
        norms = [x for x in network.layers if isinstance(x, keras.layers.BatchNormalization)]
        folded = sum(3 * norm.count_params() // 4 for norm in norms)
        assert tflite_counts.parameters(content) == network.count_params() - folded
