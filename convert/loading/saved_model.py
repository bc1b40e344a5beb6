"""Load a SavedModel folder as a float model.

Its graph runs as it is, without Keras layers.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from convert.loading.float_model import FloatModel, head_of
from convert.loading.outputs import choose
from convert.loading.shapes import Size, checked_shapes, sized
from edge.errors import RefusedFile, first_line

#: Operations that only compute. A graph can also read and write files or call Python.
_COMPUTATION = """
    Abs Add AddN AddV2 All Any ArgMax AvgPool BatchMatMulV2 BatchToSpaceND BiasAdd BroadcastArgs
    BroadcastTo Cast ClipByValue Concat ConcatV2 Const Conv2D Conv2DBackpropInput DepthToSpace
    DepthwiseConv2dNative Div DivNoNan Elu Equal Erf Exp ExpandDims Fill Floor FloorDiv FloorMod
    FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 GatherV2 Greater GreaterEqual Identity
    IdentityN If LeakyRelu Less LessEqual Log LogSoftmax LogicalAnd LogicalNot LogicalOr MatMul Max
    MaxPool MaxPoolV2 Maximum Mean Min Minimum MirrorPad Mul Neg NoOp OneHot Pack Pad PadV2
    PartitionedCall Placeholder PlaceholderWithDefault Pow Prod Range Rank ReadVariableOp RealDiv
    Reciprocal Relu Relu6 Reshape ResizeBilinear ResizeNearestNeighbor ReverseV2 Round Rsqrt Select
    SelectV2 Selu Shape ShapeN Sigmoid Sign Size Slice Softmax Softplus Softsign SpaceToBatchND
    SpaceToDepth Split SplitV Sqrt Square SquaredDifference Squeeze StatefulPartitionedCall
    StatelessIf StopGradient StridedSlice Sub Sum Switch Merge Tanh Tile Transpose Unpack
    VarHandleOp VarIsInitializedOp Where ZerosLike DisableCopyOnRead"""
#: Operations of the other graphs in a file: restoring the variables, training.
_RESTORING = """
    AssignAddVariableOp AssignSubVariableOp AssignVariableOp Assert ImageProjectiveTransformV3
    MergeV2Checkpoints RandomStandardNormal RandomUniform RandomUniformInt RestoreV2 SaveV2
    ShardedFilename StatelessRandomGetKeyCounter StatelessRandomNormalV2 StatelessRandomUniformV2
    StatelessRandomUniformFullIntV2 StaticRegexFullMatch StringJoin"""


def load(path: Path, size: Size | None, output: str | None) -> Callable[[], FloatModel]:
    """Return a function that loads the SavedModel in the folder `path`.

    `size` is the input size of a graph that takes pictures of any size, `output` the name of one of
    several outputs. Raises `RefusedFile` if the folder is damaged or its graph does more than
    compute.
    """
    _refuse(_operations(path) - {*_COMPUTATION.split(), *_RESTORING.split()}, path)

    def make() -> FloatModel:
        loaded = tf.saved_model.load(str(path))
        signature = loaded.signatures.get("serving_default")
        if signature is None:
            raise RefusedFile("has no signature 'serving_default'; export it with model.export()")
        inputs = list(signature.structured_input_signature[1].values())
        outputs = signature.structured_outputs
        sizes_out = {name: _sizes(spec) for name, spec in outputs.items()}
        chosen = choose(len(inputs), sizes_out, output)
        index = sorted(outputs).index(chosen)  # the order of `tf.nest`
        sizes = _sizes(inputs[0])
        sizes = sized(sizes, size) if size else sizes
        shape, classes = checked_shapes(sizes, sizes_out[chosen], size)
        frozen = convert_variables_to_constants_v2(signature)
        _refuse(
            {node.op for node in frozen.graph.as_graph_def().node} - {*_COMPUTATION.split()}, path
        )

        def call(pixels: Any) -> Any:
            answer = frozen(tf.cast(pixels, inputs[0].dtype))[index]
            return tf.reshape(tf.cast(answer, tf.float32), (-1, classes))

        head = head_of(call, shape)
        parameters = sum(int(np.prod(variable.shape)) for variable in signature.variables)
        return FloatModel(call, shape, classes, head, None, "SavedModel", parameters)

    return make


def _operations(path: Path) -> set[str]:
    content = saved_model_pb2.SavedModel()
    try:
        content.ParseFromString((path / "saved_model.pb").read_bytes())
    except (OSError, DecodeError) as error:
        raise RefusedFile(f"{path}: saved_model.pb is damaged ({first_line(error)})") from error
    graphs = [graph.graph_def for graph in content.meta_graphs]
    functions = [function for graph in graphs for function in graph.library.function]
    return {node.op for graph in graphs for node in graph.node} | {
        node.op for function in functions for node in function.node_def
    }


def _refuse(operations: set[str], path: Path) -> None:
    if operations:
        raise RefusedFile(
            f"{path}: its graph does more than compute ({', '.join(sorted(operations)):.120}), so"
            " it is not run; export the model without these operations"
        )


def _sizes(spec: Any) -> tuple[int | None, ...]:
    return tuple(spec.shape.as_list()) if spec.shape.rank is not None else ()
