# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What keeps an operator off the Edge TPU is found and named; what the export changes, it changes for the better."""

import re

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from grasp_decoder.bundle.bundle import load_bundle
from grasp_decoder.bundle.edge_tpu import check_model
from grasp_decoder.bundle.engines.bundle_engines import BundleEngines, EngineOptions
from grasp_decoder.bundle.export.refinement import SATURATION
from grasp_decoder.bundle.tflite_file import read_model

from helpers.bundle_samples import make_trials


@pytest.fixture(scope='module')
def bundle(sample_bundle):
    return load_bundle(sample_bundle)


@pytest.fixture
def model(bundle):
    """The int8 model as objects that a test may spoil."""
    return read_model((bundle.path / 'object_int8.tflite').read_bytes(), 'sample')


def pack(model):
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b'TFL3')
    return bytes(builder.Output())


def operators(model, name):
    codes = [code.builtinCode for code in model.operatorCodes]
    wanted = getattr(schema.BuiltinOperator, name)
    return [operator for operator in model.subgraphs[0].operators if codes[operator.opcodeIndex] == wanted]


def output_of(model, name):
    return model.subgraphs[0].tensors[operators(model, name)[0].outputs[0]]


def rename_tanh(model, name):
    operator = operators(model, 'TANH')[0]
    code = model.operatorCodes[operator.opcodeIndex]
    code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, name)
    return operator


def spoil_type(model):
    output_of(model, 'TANH').type = schema.TensorType.FLOAT32


def spoil_shape(model):
    output_of(model, 'TANH').shapeSignature = np.array([-1, 16], np.int32)


def spoil_rank(model):
    output_of(model, 'TANH').shape = np.array([2, 1, 2, 4], np.int32)


def spoil_scales(model):
    operator = operators(model, 'FULLY_CONNECTED')[0]
    weights = model.subgraphs[0].tensors[operator.inputs[1]].quantization
    weights.scale, weights.zeroPoint = np.repeat(weights.scale, 16), np.repeat(weights.zeroPoint, 16)


def spoil_batch(model):
    output_of(model, 'FULLY_CONNECTED').shape = np.array([4, 4], np.int32)


def spoil_name(model):
    rename_tanh(model, 'UNPACK')


def spoil_width(model):
    operator = rename_tanh(model, 'UNIDIRECTIONAL_SEQUENCE_LSTM')
    model.subgraphs[0].tensors[operator.inputs[0]].shape = np.array([1, 901], np.int32)


def spoil_softmax(model):
    operator = rename_tanh(model, 'SOFTMAX')
    model.subgraphs[0].tensors[operator.inputs[0]].shape = np.array([1, 16_001], np.int32)


@pytest.mark.parametrize(
    'spoil, name, reason',
    [
        (spoil_type, 'TANH', 'works on FLOAT32, not on 8-bit integers'),
        (spoil_shape, 'TANH', r'has a dynamic shape \(-1, 16\)'),
        (spoil_rank, 'TANH', 'has a tensor of more than 3 dimensions'),
        (spoil_scales, 'FULLY_CONNECTED', 'has one scale per output'),
        (spoil_batch, 'FULLY_CONNECTED', 'has an output of more than one dimension'),
        (spoil_name, 'UNPACK', 'not supported by the Edge TPU'),
        (spoil_width, 'UNIDIRECTIONAL_SEQUENCE_LSTM', 'has an input 901 wide'),
        (spoil_softmax, 'SOFTMAX', 'not one dimension of at most 16000'),
    ],
)
def test_what_stays_on_the_cpu_is_named(model, spoil, name, reason):
    assert check_model(pack(model), 'sample').on_cpu == ()
    spoil(model)
    first, *later = check_model(pack(model), 'spoilt').on_cpu
    assert first.name == name
    assert re.search(reason, first.problem)
    assert all(operator.problem for operator in later)


def test_operators_behind_one_on_the_cpu_stay_there_too(model):
    spoil_name(model)
    checks = check_model(pack(model), 'spoilt').operators
    first = next(check.index for check in checks if check.problem)
    assert [check.problem is None for check in checks] == [index < first for index in range(len(checks))]
    assert checks[-1].problem == f'comes after UNPACK #{first}'


def test_memory_counts_parameters_and_the_largest_operator(model):
    check = check_model(pack(model), 'sample')
    weights = sum(
        np.prod(tensor.shape)
        for tensor in model.subgraphs[0].tensors
        if model.buffers[tensor.buffer].data is not None and tensor.type == schema.TensorType.INT8
    )
    assert weights <= check.parameter_bytes <= weights + 1000
    assert check.fits_on_chip
    model.buffers.append(schema.BufferT())
    model.buffers[-1].data = np.zeros(9 * 2**20, np.uint8)
    assert not check_model(pack(model), 'huge').fits_on_chip


def test_inputs_of_saturating_operators_spend_no_steps_on_saturation(model):
    for name, limit in SATURATION.items():
        for operator in operators(model, name):
            tensor = model.subgraphs[0].tensors[operator.inputs[0]].quantization
            reach = tensor.scale[0] * (np.array([-128, 127]) - tensor.zeroPoint[0])
            assert np.abs(reach).max() <= limit + tensor.scale[0]


def test_fine_logits_are_finer_and_agree_with_the_coarse(bundle):
    coarse, *_, fine = bundle.manifest.tasks['object'].models['int8'].outputs
    assert fine.name == 'fine_logits' and fine.scale < coarse.scale
    as_float, as_int8 = (
        BundleEngines(bundle, EngineOptions(precision, 'cpu')).runner('object') for precision in ('float', 'int8')
    )
    for counts in make_trials(1)[0].counts:
        np.testing.assert_allclose(as_int8.step(counts), as_float.step(counts), atol=0.02)


def test_two_part_weights_are_worth_15_bits():
    import keras

    from grasp_decoder.learning.models.graph_layers import two_part_dense

    rng = np.random.default_rng(0)
    kernel, bias = rng.normal(size=(30, 4)).astype(np.float32), rng.normal(size=4).astype(np.float32)
    inputs = keras.Input(batch_shape=(1, 30))
    layers = keras.Model(inputs, two_part_dense(kernel, bias)(inputs)).layers
    parts = [layer.get_weights()[0] for layer in layers if isinstance(layer, keras.layers.Dense)]
    rounded = [np.rint(part / (scale := np.abs(part).max() / 127)) * scale for part in parts]
    np.testing.assert_allclose(sum(parts), kernel, atol=1e-6)
    assert np.abs(sum(rounded) - kernel).max() < np.abs(kernel).max() / 2**14
