# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

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

MEMORY = 2.25
"""The same for a TANH whose input is kept as well, as the memory of an LSTM is.

What is beyond decays to here soon. Rounding costs more than clipping: chosen on validation trials of MSyn40 and MVar50.
"""

RESCALING = {'ADD', 'CONV_2D', 'FULLY_CONNECTED', 'MUL', 'SUB'}
"""Operators whose output may have any scale."""


def refine(content: bytes, fine_logits: tuple[float, float] | None) -> bytes:
    """Clip the inputs of TANH and LOGISTIC to where the outputs still change, and add the output ``fine_logits``.

    What is added up to such an input is clipped as well, to where the sum still changes.

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
    readers: dict[int, list[str]] = {}
    for operator, name in zip(graph.operators, names):
        for index in operator.inputs:
            readers.setdefault(index, []).append(name)
    ranges = {}

    def clip(index: int, limit: float) -> None:
        """Clip a tensor to -limit..limit, and what it is the sum of to where the sum still changes."""
        tensor, position = graph.tensors[index], producers.get(index)
        if position is None or names[position] not in RESCALING:
            return
        low, high = _range(tensor)
        ranges[index] = max(low, -limit), min(high, limit)
        if names[position] == 'ADD':
            parts = graph.operators[position].inputs
            for part, other in (parts, parts[::-1]):
                if len(readers[part]) == 1:
                    clip(part, limit + max(map(abs, _range(graph.tensors[other]))))

    for operator, name in zip(graph.operators, names):
        source = operator.inputs[0]
        if name in SATURATION and len(readers[source]) == 1:
            clip(source, SATURATION[name])
        elif name == 'TANH' and 'MUL' in readers[source]:
            clip(source, MEMORY)
            for part in graph.operators[producers[source]].inputs:
                clip(part, MEMORY)
    for index, bounds in ranges.items():
        _set_range(graph.tensors[index], *bounds)
    if fine_logits is not None:
        _repeat(graph, producers[graph.outputs[0]], *fine_logits)
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


def _range(tensor: Any) -> tuple[float, float]:
    scale, zero_point = tensor.quantization.scale[0], int(tensor.quantization.zeroPoint[0])
    return scale * (-128 - zero_point), scale * (127 - zero_point)


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
