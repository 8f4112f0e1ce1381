# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Reads the graph of a TFLite file without running it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from grasp_decoder.bundle.manifest import ModelFile, Tensor
from grasp_decoder.bundle.task_network import FINE_LOGITS, GRAPH_INPUTS, GRAPH_OUTPUTS
from grasp_decoder.errors import GraspDecoderError

IDENTIFIER = b'TFL3'

BUILTIN_NAMES = {code: name for name, code in vars(schema.BuiltinOperator).items() if not name.startswith('_')}
TYPE_NAMES = {code: name for name, code in vars(schema.TensorType).items() if not name.startswith('_')}


def read_model(content: bytes, source: str) -> schema.ModelT:
    """The model of a flatbuffer, as the plain objects of TFLite's schema.

    Args:
        content: the file.
        source: its path, for the message.

    Raises:
        GraspDecoderError: it is not a TFLite file, or it is damaged.
    """
    if content[4:8] != IDENTIFIER:
        raise GraspDecoderError(f'{source} is not a TFLite model')
    try:
        return schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    except Exception as error:  # a damaged flatbuffer fails in as many ways as it has bytes
        raise GraspDecoderError(f'{source} is a damaged TFLite model') from error


def shape_of(tensor: Any) -> tuple[int, ...]:
    """Shape of a tensor of `read_model`; () for a scalar."""
    return () if tensor.shape is None else tuple(int(size) for size in tensor.shape)


def model_file(content: bytes, file: str, kind: str) -> ModelFile:
    """The manifest's entry for the TFLite ``file`` of a network of that kind (``window`` or ``recurrent``)."""
    graph = read_model(content, file).subgraphs[0]

    def tensors(names: Sequence[str], indices: Sequence[int]) -> tuple[Tensor, ...]:
        return tuple(_tensor(name, graph.tensors[index]) for name, index in zip(names, indices))

    outputs = (*GRAPH_OUTPUTS[kind], FINE_LOGITS)
    return ModelFile(file, tensors(GRAPH_INPUTS[kind], graph.inputs), tensors(outputs, graph.outputs))


def _tensor(name: str, tensor: Any) -> Tensor:
    quantisation = tensor.quantization
    if quantisation is None or quantisation.scale is None or not len(quantisation.scale):
        return Tensor(name, shape_of(tensor))
    return Tensor(name, shape_of(tensor), float(quantisation.scale[0]), int(quantisation.zeroPoint[0]))
