"""Make the trained network the file that is shipped: int8, thresholds, geometry, card."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from convert.detection.compose import Composer
from convert.detection.evaluate import FAINTEST
from convert.detection.export import HEIGHT, WIDTH, exported
from convert.detection.looking import found_in
from convert.detection.network import ZERO_PIXEL
from convert.detection.recipe import Recipe, State
from convert.detection.scenes import SAME_FACE, Scene, overlaps
from convert.detection.score import RATES, scored
from convert.detection.targets import LEVELS
from convert.detection.terms import SOURCES, TERMS
from edge.faces.network import FaceNetwork
from edge.faces.network_card import Geometry, Level, NetworkCard, with_card
from edge.records import ByteArray, FloatArray

#: False boxes in a hundred validation pictures that the card's threshold lets through.
FALSE_RATE = 1.0
#: Rates whose thresholds the card tells beside it, for users that are stricter or more lenient.
THRESHOLD_RATES = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
_CALIBRATING, _FITTING, _LONGEST_PX, _MULTIPLE = 300, 1500, 320, 32
#: Limits of a card's thresholds, a little inside those that `edge.faces.network_card` checks.
_LOWEST, _HIGHEST = 0.05, 0.98
#: Of the faces that Haar sees, the share that may be taken as turned away.
_FRONTAL_LOST = 0.05
#: Fewer faces that both see say nothing about geometry, as after a training of minutes.
_FEWEST = 20
_UNKNOWN = NetworkCard(
    tuple(Level(level.stride, level.base_px) for level in LEVELS),
    0.5,
    0.5,
    Geometry(0.0, 0.0, 1.0),
    _MULTIPLE,
    int(ZERO_PIXEL),
)


def finish(state: State, recipe: Recipe, composer: Composer, validation: Sequence[Scene]) -> bytes:
    """Return the whole file for the running mean of the state's weights."""
    content = exported(list(state.average), calibration(composer))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "faces.tflite")
        path.write_bytes(with_card(content, _UNKNOWN))
        card = _card(FaceNetwork(path), state, recipe, composer, validation)
    return with_card(content, card)


def _card(
    network: FaceNetwork,
    state: State,
    recipe: Recipe,
    composer: Composer,
    validation: Sequence[Scene],
) -> NetworkCard:
    """Return the card with what `network` answers to the pictures."""
    found = [found_in(network, scene.gray, _LONGEST_PX, FAINTEST) for scene in validation]
    result = scored(validation, found)
    threshold = round(_probability(result.threshold(FALSE_RATE)) + 5e-4, 3)
    with_faces = [scene for scene in composer.scenes if len(scene.faces)]
    step = max(1, len(with_faces) // _FITTING)
    geometry, spread = fitted(network, with_faces[::step], threshold)
    frontal = frontal_threshold(network, validation, threshold)
    return replace(
        _UNKNOWN,
        threshold=threshold,
        frontal_threshold=round(frontal, 3),
        to_haar=Geometry(*(round(value, 4) for value in geometry)),
        more=MappingProxyType(
            {
                "input": "uint8 [1, height, width, 1], raw luma; height and width multiples of"
                f" {_MULTIPLE}",
                "outputs": "per level int8 score<stride> (logits: face, frontal) and box<stride>"
                " (dx, dy in strides from the cell's centre, log(w / base_px), log(h / base_px))",
                "to_haar_spread": spread,
                "thresholds": {
                    f"{rate:g}_false_in_100": round(_probability(result.threshold(rate)), 3)
                    for rate in THRESHOLD_RATES
                },
                "figures": {
                    "pictures": result.pictures,
                    "faces": len(result.best),
                    **{f"recall_at_{r:g}_false_in_100": round(result.recall(r), 4) for r in RATES},
                },
                "training": {"recipe": asdict(recipe), "epochs_done": len(state.history)},
                "data": SOURCES,
                "terms": TERMS,
                "weights_sha256": _digest(state.average),
            }
        ),
    )


def _probability(threshold: float) -> float:
    """Return a threshold within the limits of a card's."""
    return min(_HIGHEST, max(_LOWEST, threshold))


def calibration(composer: Composer) -> ByteArray:
    """Return training pictures that show int8 how far the network's values go."""
    rng = np.random.default_rng(0)
    pictures = [composer.sample(HEIGHT, WIDTH, rng).gray for _ in range(_CALIBRATING)]
    return np.stack(pictures)[..., None]


def fitted(
    network: FaceNetwork, pictures: Sequence[Scene], threshold: float
) -> tuple[Geometry, dict[str, float]]:
    """Return how the network's boxes become Haar's, and how far that is off.

    From faces that both see: medians of the centre's shift and of the square's side, in shares of
    the box's height.
    """
    pairs: list[Any] = []
    for scene in pictures:
        found = found_in(network, scene.gray, _LONGEST_PX, threshold)
        if not len(found):
            continue
        on_haar = overlaps(scene.haar[~scene.haar_false], found)
        for box, hits in zip(scene.haar[~scene.haar_false], on_haar, strict=True):
            if hits.max() >= SAME_FACE:
                pairs.append((*found[hits.argmax(), :4], *box))
    if len(pairs) < _FEWEST:
        return _UNKNOWN.to_haar, {"faces": len(pairs)}
    own, haar = np.split(np.array(pairs, np.float32), 2, axis=1)
    shift = (haar[:, :2] + haar[:, 2:] / 2 - own[:, :2] - own[:, 2:] / 2) / own[:, 3:]
    side = haar[:, 2] / own[:, 3]
    middle, share = np.median(shift, axis=0), float(np.median(side))
    off = np.abs(shift - middle).max(axis=1)
    spread = {
        "faces": len(pairs),
        "centre_p50": round(float(np.median(off)), 4),
        "centre_p90": round(float(np.percentile(off, 90)), 4),
        "side_p90": round(float(np.percentile(np.abs(side / share - 1), 90)), 4),
    }
    right, down = (float(value) for value in middle)
    return Geometry(right, down, share), spread


def frontal_threshold(network: FaceNetwork, validation: Sequence[Scene], threshold: float) -> float:
    """Return the chance of "frontal" that 95 % of the faces that Haar sees reach.

    A face below it is reported as turned away and its expression is not read, so few of those that
    can be read may be lost, even if more that are turned are read as well.
    """
    chances = [
        float(found[hits.argmax(), 5])
        for scene in validation
        if len(found := found_in(network, scene.gray, _LONGEST_PX, threshold))
        for known, hits in zip(scene.frontal, overlaps(scene.faces, found), strict=True)
        if known == 1 and hits.max() >= SAME_FACE
    ]
    if len(chances) < _FEWEST:
        return _UNKNOWN.frontal_threshold
    return _probability(float(np.percentile(chances, 100 * _FRONTAL_LOST)))


def _digest(weights: Sequence[FloatArray]) -> str:
    total = hashlib.sha256()
    for array in weights:
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()
