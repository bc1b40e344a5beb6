"""The layers of a Keras network, from any generation of Keras."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def layers_of(network: Any) -> Iterator[Any]:
    """Yield every layer in order of creation, nested networks flattened."""
    for layer in network.layers:
        if hasattr(layer, "layers"):
            yield from layers_of(layer)
        else:
            yield layer
