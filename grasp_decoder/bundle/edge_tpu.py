# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Which operators of a TFLite model an Edge TPU takes, and why it does not take the others.

The rules are the table of supported operations and the model requirements that Coral publishes. Only the compiler
decides for certain, but it is closed and often not installed. It maps a model from its input up to the first operator
that does not fit. That operator and all operators after it run on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from grasp_decoder.bundle.tflite_file import BUILTIN_NAMES, TYPE_NAMES, read_model, shape_of

ON_CHIP_BYTES = 8 * 2**20
COMPILED_OPERATOR = 'edgetpu-custom-op'

DATA_TYPES = {'INT8', 'UINT8'}
PARAMETER_TYPES = DATA_TYPES | {'INT32'}
WIDEST_LSTM_INPUT = 900
LARGEST_SOFTMAX = 16_000


@dataclass(frozen=True)
class OperatorCheck:
    """One operator of a model.

    Attributes:
        index: its position in the graph.
        name: its TFLite name.
        shape: shape of its output.
        problem: why it stays on the CPU; None if it maps to the Edge TPU.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    problem: str | None

    def __str__(self) -> str:
        return f'{self.name} #{self.index}' + (f' ({self.problem})' if self.problem else '')


@dataclass(frozen=True)
class ModelCheck:
    """All operators of a model, and an estimate of the memory that it takes.

    Attributes:
        operators: in the order of the graph.
        parameter_bytes: size of all parameters.
        activation_bytes: size of the inputs and outputs of the operator that has most of them.
    """

    operators: tuple[OperatorCheck, ...]
    parameter_bytes: int
    activation_bytes: int

    @property
    def on_cpu(self) -> tuple[OperatorCheck, ...]:
        return tuple(operator for operator in self.operators if operator.problem)

    @property
    def fits_on_chip(self) -> bool:
        """Whether the estimate fits in the memory on the chip; the rest is streamed from the host at every step."""
        return self.parameter_bytes + self.activation_bytes <= ON_CHIP_BYTES


def check_model(content: bytes, source: str) -> ModelCheck:
    """Check every operator of a TFLite model.

    Args:
        content: the file.
        source: its path, for messages.

    Raises:
        GraspDecoderError: it is not a TFLite model.
    """
    model = read_model(content, source)
    graph = model.subgraphs[0]
    nodes = [_Node(model, graph, operator) for operator in graph.operators]
    checks: list[OperatorCheck] = []
    for index, node in enumerate(nodes):
        problem = _problem(node)
        if problem is None and checks and checks[-1].problem:
            first = next(check for check in checks if check.problem)
            problem = f'comes after {first.name} #{first.index}'
        checks.append(OperatorCheck(index, node.name, shape_of(node.outputs[0]), problem))
    if len(model.subgraphs) > 1:
        checks = [
            OperatorCheck(check.index, check.name, check.shape, check.problem or 'more than one subgraph')
            for check in checks
        ]
    return ModelCheck(
        operators=tuple(checks),
        parameter_bytes=sum(len(buffer.data) for buffer in model.buffers if buffer.data is not None),
        activation_bytes=max((sum(map(_size, (*node.data, *node.outputs))) for node in nodes), default=0),
    )


class _Node:
    """An operator with its tensors: ``data`` are computed when it runs, ``constants`` are known when it is compiled."""

    def __init__(self, model: Any, graph: Any, operator: Any):
        code = model.operatorCodes[operator.opcodeIndex]
        builtin = max(code.builtinCode, code.deprecatedBuiltinCode)
        self.name = BUILTIN_NAMES.get(builtin, str(builtin))
        if code.customCode:
            self.name = code.customCode.decode(errors='replace')
        self.options = operator.builtinOptions
        self.inputs = [graph.tensors[index] for index in operator.inputs if index >= 0]
        self.outputs = [graph.tensors[index] for index in operator.outputs]
        self._buffers = model.buffers
        self.constants = [tensor for tensor in self.inputs if self._bytes(tensor) is not None]
        self.data = [tensor for tensor in self.inputs if self._bytes(tensor) is None]

    def _bytes(self, tensor: Any) -> Any:
        data = self._buffers[tensor.buffer].data
        return data if data is not None and len(data) else None

    def constant(self, position: int) -> list[int]:
        """The int32 values of a constant input; [] if the input is absent or computed."""
        data = None if position >= len(self.inputs) else self._bytes(self.inputs[position])
        return [] if data is None else np.asarray(data, np.uint8).view(np.int32).tolist()


def _problem(node: _Node) -> str | None:
    if node.name == COMPILED_OPERATOR:
        return None
    if node.name not in _RULES:
        return 'not supported by the Edge TPU'
    for tensor in (*node.data, *node.outputs):
        problem = _tensor_problem(tensor)
        if problem:
            return problem
    for tensor in node.constants:
        if TYPE_NAMES[tensor.type] not in PARAMETER_TYPES:
            return f'has a parameter of type {TYPE_NAMES[tensor.type]}'
    rule = _RULES[node.name]
    return rule and rule(node)


def _tensor_problem(tensor: Any) -> str | None:
    shape, signature = shape_of(tensor), tensor.shapeSignature
    if TYPE_NAMES[tensor.type] not in DATA_TYPES:
        return f'works on {TYPE_NAMES[tensor.type]}, not on 8-bit integers'
    if signature is not None and any(size < 0 for size in signature):
        return f'has a dynamic shape {tuple(int(size) for size in signature)}'
    if any(size > 1 for size in shape[:-3]):
        return f'has a tensor of more than 3 dimensions {shape}'
    return None


def _from_front(axes: list[int], tensor: Any) -> list[int]:
    return [axis % len(shape_of(tensor)) for axis in axes]


def _size(tensor: Any) -> int:
    return int(np.prod(shape_of(tensor), dtype=np.int64))


def _no_fused_activation(node: _Node) -> str | None:
    return 'has a fused activation function' if node.options.fusedActivationFunction else None


def _concatenation(node: _Node) -> str | None:
    if node.constants:
        return 'concatenates a constant'
    return _no_fused_activation(node)


def _convolution(node: _Node) -> str | None:
    if node.options.dilationWFactor != node.options.dilationHFactor:
        return 'dilates x and y differently'
    return None


def _fully_connected(node: _Node) -> str | None:
    if len(node.data) != 1:
        return 'has weights that are computed'
    if node.options.weightsFormat:
        return 'stores its weights in a special format'
    if len(node.constants[0].quantization.scale) > 1:
        return 'has one scale per output, which compilers of its time do not know for this operator'
    if _size(node.outputs[0]) != max(shape_of(node.outputs[0]), default=1):
        return f'has an output of more than one dimension {shape_of(node.outputs[0])}'
    return None


def _lstm(node: _Node) -> str | None:
    width = shape_of(node.inputs[0])[-1]
    return f'has an input {width} wide, above about {WIDEST_LSTM_INPUT}' if width > WIDEST_LSTM_INPUT else None


def _off_batch_axis(axes_of: Callable[[_Node], list[int]]) -> Callable[[_Node], str | None]:
    return lambda node: 'works along the batch dimension' if 0 in axes_of(node) else None


def _softmax(node: _Node) -> str | None:
    shape = shape_of(node.inputs[0])
    if _size(node.inputs[0]) != max(shape, default=1) or _size(node.inputs[0]) > LARGEST_SOFTMAX:
        return f'has an input of shape {shape}, not one dimension of at most {LARGEST_SOFTMAX}'
    return None


def _squeeze(node: _Node) -> str | None:
    ones = [size == 1 for size in shape_of(node.inputs[0])]
    return 'removes a dimension between others' if ones != sorted(ones, reverse=True) else None


def _strided_slice(node: _Node) -> str | None:
    if any(stride != 1 for stride in node.constant(3)) or not node.constant(3):
        return 'has strides other than 1'
    if node.options.ellipsisMask or node.options.newAxisMask:
        return 'has an ellipsis or a new axis'
    return None


_reduces = _off_batch_axis(lambda node: _from_front(node.constant(1), node.inputs[0]))
_splits = _off_batch_axis(lambda node: _from_front(node.constant(0), node.inputs[1]))
_pads = _off_batch_axis(lambda node: [index // 2 for index, size in enumerate(node.constant(1)) if size])
_packs = _off_batch_axis(lambda node: _from_front([node.options.axis], node.outputs[0]))

_RULES: dict[str, Callable[[_Node], str | None] | None] = {
    'ADD': None,
    'AVERAGE_POOL_2D': _no_fused_activation,
    'CONCATENATION': _concatenation,
    'CONV_2D': _convolution,
    'DEPTHWISE_CONV_2D': _convolution,
    'EXPAND_DIMS': None,
    'FULLY_CONNECTED': _fully_connected,
    'L2_NORMALIZATION': None,
    'LOGISTIC': None,
    'LSTM': _lstm,
    'MAXIMUM': None,
    'MAX_POOL_2D': _no_fused_activation,
    'MEAN': _reduces,
    'MINIMUM': None,
    'MUL': None,
    'PACK': _packs,
    'PAD': _pads,
    'PRELU': None,
    'QUANTIZE': None,
    'REDUCE_MAX': _reduces,
    'REDUCE_MIN': _reduces,
    'RELU': None,
    'RELU6': None,
    'RELU_N1_TO_1': None,
    'RESHAPE': None,
    'RESIZE_BILINEAR': None,
    'RESIZE_NEAREST_NEIGHBOR': None,
    'RSQRT': None,
    'SLICE': None,
    'SOFTMAX': _softmax,
    'SPACE_TO_DEPTH': None,
    'SPLIT': _splits,
    'SQUARED_DIFFERENCE': None,
    'SQUEEZE': _squeeze,
    'STRIDED_SLICE': _strided_slice,
    'SUB': None,
    'SUM': _reduces,
    'TANH': None,
    'TRANSPOSE': None,
    'TRANSPOSE_CONV': None,
    'UNIDIRECTIONAL_SEQUENCE_LSTM': _lstm,
}
"""The operators of Coral's table, each with the rule that limits it."""
