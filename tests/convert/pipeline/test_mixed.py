"""Layers that int8 hurts are kept in float; what is really broken is still refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.cli import card_lines
from convert.faces.synthetic import clear_faces
from convert.loading.float_model import prepared
from convert.pipeline.convert import PoorAgreement
from convert.quantizing import mixed, quantize
from edge.expressions.classifier import Classifier
from tests.support.converting import converted, keras, old_runtime, trained_network

OPTIONS = {"labels": "fer", "input_range": "0..1"}


@pytest.fixture(scope="module")
def network() -> Any:
    """A network that tells clear synthetic faces apart, with pixels of 0..1."""
    return trained_network(*clear_faces(1400, seed=31), 1 / 255, 0)


def drowned(network: Any, times: int) -> Any:
    """The same answers, but one value 300 times the others shares their int8 scale, repeatedly."""
    count = network.layers[-2].output.shape[1]
    same = np.eye(count), np.zeros(count)
    made = network.layers[-2].output
    for at in range(times):
        kernel, bias = network.layers[-1].get_weights() if at == times - 1 else same
        louder = keras.layers.Dense(count + 1, name=f"louder{at}")
        quieter = keras.layers.Dense(len(bias), name=f"quieter{at}")
        made = quieter(louder(made))
        louder.set_weights(
            [np.hstack([np.eye(count), np.full((count, 1), 300.0)]), np.zeros(count + 1)]
        )
        quieter.set_weights([np.vstack([kernel, np.zeros((1, len(bias)))]), bias])
    return keras.Model(network.inputs, keras.layers.Softmax()(made))


@pytest.mark.parametrize("times", [1, 2])
def test_the_layers_that_hurt_stay_in_float(network: Any, times: int, tmp_path: Path) -> None:
    """Where there are two, the second shows only once the first is in float."""
    drowned(network, times).save(tmp_path / "model.keras")
    out = tmp_path / "out.tflite"
    card = converted(tmp_path / "model.keras", out, **OPTIONS)
    tries = list(card["attempts"].items())
    assert max(share for name, share in tries if "float" not in name) < 0.9
    assert "operators in float" in card["calibration"]
    assert card["agreement"] >= 0.95
    floats = card["mixed"]
    assert 0 < floats["in_float"] <= mixed.MAX_SHARE * floats["operators"]
    assert floats == quantize.float_operators(out.read_bytes())
    assert f"mixed: {floats['in_float']} of {floats['operators']} operators in float" in (
        card_lines.quality(card)
    )
    assert any("mixed: " in line for line in card_lines.screen(card))

    pixels = prepared(clear_faces(70, seed=6)[0], (1, 48, 48, 1))
    here = np.stack([Classifier(out).classify(face[..., 0]) for face in pixels])
    np.save(tmp_path / "faces.npy", pixels)
    there = old_runtime(out, tmp_path / "faces.npy", tmp_path / "answers.npy")
    assert (here.argmax(axis=1) == there.argmax(axis=1)).mean() > 0.95


@pytest.mark.parametrize("brightest", [0, 3])
def test_a_model_calibrated_on_darkness_is_refused(
    brightest: int, network: Any, tmp_path: Path
) -> None:
    network.save(tmp_path / "model.keras")
    rng = np.random.default_rng(1)
    faces = rng.integers(0, brightest + 1, (100, 48, 48)).astype(np.uint8)
    np.savez(tmp_path / "dark.npz", x=faces)
    out = tmp_path / "out.tflite"
    with pytest.raises(PoorAgreement, match="loses most") as caught:
        converted(tmp_path / "model.keras", out, calibrate=str(tmp_path / "dark.npz"), **OPTIONS)
    assert caught.value.code == 1
    assert caught.value.findings["compared"]["decided_agreement"] < 0.95
    assert not out.exists()


def test_a_sound_network_has_nothing_in_float(network: Any, tmp_path: Path) -> None:
    network.save(tmp_path / "model.keras")
    card = converted(tmp_path / "model.keras", tmp_path / "out.tflite", **OPTIONS)
    assert "mixed" not in card
    assert "mixed" not in card_lines.quality(card)
