"""The layers of a Keras network, of any generation of Keras."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def layers_of(network: Any) -> Iterator[Any]:
    """Every layer, networks within networks taken apart, in the order of their making."""
    for layer in network.layers:
        if hasattr(layer, "layers"):
            yield from layers_of(layer)
        else:
            yield layer
