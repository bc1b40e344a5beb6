"""What a network outputs."""

from __future__ import annotations

import pytest

from convert.loading.float_model import Head, head_of
from tests.support.converting import small_network


@pytest.mark.parametrize(
    ("activation", "head"),
    [("softmax", Head.SOFTMAX), ("sigmoid", Head.SIGMOID), ("linear", Head.LOGITS)],
)
def test_heads(activation: str, head: Head) -> None:
    network = small_network(activation=activation)
    assert head_of(lambda x: network(x, training=False), (1, 48, 48, 1)) is head
