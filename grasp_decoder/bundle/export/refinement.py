"""Gives the tensors of a converted int8 model better ranges than the smallest and largest value in calibration.

Only scales and zero points change, which every implementation of TFLite reads from the file, and one operator is
repeated with another range. The operators stay the same.
"""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from grasp_decoder.bundle.tflite_file import BUILTIN_NAMES, IDENTIFIER, read_model

SATURATION = {'TANH': float(np.arctanh(1 - 1 / 256)), 'LOGISTIC': float(np.log(511))}
"""Beyond this input, plus or minus, the output rounded to int8 no longer changes."""

RESCALING = {'ADD', 'CONV_2D', 'FULLY_CONNECTED', 'MUL', 'SUB'}
"""Operators whose output may have any scale."""


def refine(content: bytes, fine_logits: tuple[float, float] | None) -> bytes:
    """Clip the inputs of TANH and LOGISTIC to where the outputs still change, and add the output ``fine_logits``.

    Args:
        content: an int8 TFLite model whose first output is the logits.
        fine_logits: a range, much smaller than that of the logits. A new last output has the same logits in the finer
            steps of this range, and saturates outside of it. None adds no output.

    Returns:
        The changed model.
    """
    model = read_model(content, 'the converted model')
    graph = model.subgraphs[0]
    names = [BUILTIN_NAMES[model.operatorCodes[operator.opcodeIndex].builtinCode] for operator in graph.operators]
    producers = {index: position for position, operator in enumerate(graph.operators) for index in operator.outputs}
    for operator, name in zip(graph.operators, names):
        source = operator.inputs[0]
        if (
            name in SATURATION
            and source in producers
            and names[producers[source]] in RESCALING
            and sum(source in other.inputs for other in graph.operators) == 1
        ):
            _narrow(graph.tensors[source], SATURATION[name])
    if fine_logits is not None:
        _repeat(graph, producers[graph.outputs[0]], *fine_logits)
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


def _narrow(tensor: Any, limit: float) -> None:
    """Clip the range of a tensor to -limit..limit."""
    scale, zero_point = tensor.quantization.scale[0], int(tensor.quantization.zeroPoint[0])
    low, high = scale * (-128 - zero_point), scale * (127 - zero_point)
    _set_range(tensor, max(low, -limit), min(high, limit))


def _set_range(tensor: Any, low: float, high: float) -> None:
    low, high = min(low, 0), max(high, 0)  # int8 must be able to hold 0
    scale = (high - low) / 255
    tensor.quantization.scale = np.array([scale], np.float32)
    tensor.quantization.zeroPoint = np.array([round(-128 - low / scale)], np.int64)


def _repeat(graph: Any, position: int, low: float, high: float) -> None:
    """Append a copy of the operator at ``position`` whose output has another range."""
    operator = graph.operators[position]
    original = graph.tensors[operator.outputs[0]]
    tensor = schema.TensorT()
    vars(tensor).update(vars(original), name=b'fine_logits', quantization=schema.QuantizationParametersT())
    _set_range(tensor, low, high)
    graph.tensors.append(tensor)
    repeated = schema.OperatorT()
    vars(repeated).update(vars(operator), outputs=np.array([len(graph.tensors) - 1], np.int32))
    graph.operators.append(repeated)
    graph.outputs = np.append(graph.outputs, len(graph.tensors) - 1).astype(np.int32)
