"""A model file whose weights were taken out: editing one needs what comes with TensorFlow."""

from __future__ import annotations

from pathlib import Path

from ai_edge_litert.schema_py_generated import ModelT
from flatbuffers import Builder

from tests.support.model_files import packed, read, whole


def test_a_model_without_its_weights_is_refused(tmp_path: Path) -> None:
    """Runtimes load such a one, and find out when it is to run."""
    tflite, card = whole()
    model = ModelT.InitFromPackedBuf(tflite, 0)
    for at, tensor in enumerate(model.subgraphs[0].tensors):
        kept, tensor.buffer = tensor.buffer, 0  # the one that is always empty
        data = model.buffers[kept].data
        if data is not None and len(data):
            builder = Builder()
            builder.Finish(model.Pack(builder), b"TFL3")
            (tmp_path / f"{at}.tflite").write_bytes(packed(bytes(builder.Output()), card))
        tensor.buffer = kept
    count = len(list(tmp_path.iterdir()))
    assert count > 5
    assert read(tmp_path) == {"refused": count}
