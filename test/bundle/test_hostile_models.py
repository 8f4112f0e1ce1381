# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""A sealed model that crashes its runtime takes a child process with it, and is refused."""

import os
import subprocess
import sys
from dataclasses import replace

import flatbuffers
import pytest

from grasp_decoder.bundle.bundle import load_bundle
from grasp_decoder.bundle.engines import first_run
from grasp_decoder.bundle.engines.bundle_engines import BundleEngines, EngineOptions
from grasp_decoder.bundle.tflite_file import BUILTIN_NAMES, IDENTIFIER, read_model
from grasp_decoder.errors import GraspDecoderError


@pytest.fixture(scope='module')
def bundle(sample_bundle):
    return load_bundle(sample_bundle)


def with_model(bundle, content):
    return replace(bundle, models={**bundle.models, 'phase_int8.tflite': content})


@pytest.fixture(scope='module')
def crashing(bundle):
    """A tensor between two operators has neither shape nor type any more: TFLite calls abort() on it."""
    model = read_model(bundle.models['phase_int8.tflite'], 'model')
    [graph] = model.subgraphs
    added = next(
        each for each in graph.operators if BUILTIN_NAMES[model.operatorCodes[each.opcodeIndex].builtinCode] == 'ADD'
    )
    tensor = graph.tensors[added.outputs[0]]
    tensor.shape, tensor.type, tensor.buffer, tensor.name, tensor.quantization = None, 0, 0, None, None
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


def test_the_model_does_crash_its_runtime(crashing, tmp_path):
    (tmp_path / 'x.tflite').write_bytes(crashing)
    program = """
import sys
from grasp_decoder.bundle.engines.backends import Model, open_cpu
open_cpu(Model('x', open(sys.argv[1], 'rb').read()))
"""
    run = subprocess.run(
        [sys.executable, '-c', program, tmp_path / 'x.tflite'],
        env=os.environ | {'PYTHONPATH': os.pathsep.join(sys.path)},
        capture_output=True,
        check=False,
    )
    assert run.returncode < 0


def test_a_model_that_crashes_is_refused(bundle, crashing):
    with pytest.raises(GraspDecoderError, match='its models cannot be run: its process ended with signal') as error:
        BundleEngines(with_model(bundle, crashing), EngineOptions(backend='cpu'))
    assert '\n' not in str(error.value)


def test_a_model_of_other_tensors_is_refused(bundle):
    with pytest.raises(GraspDecoderError, match='phase_int8.tflite is not what manifest.json says'):
        BundleEngines(with_model(bundle, bundle.models['object_int8.tflite']), EngineOptions())


def test_a_model_that_wants_all_memory_is_refused(bundle):
    """The batch of its output is made so large that TFLite needs gigabytes for it."""
    model = read_model(bundle.models['phase_int8.tflite'], 'model')
    for tensor in model.subgraphs[0].tensors:
        if tensor.shape is not None and tensor.shape[0] == 1:
            tensor.shape = [1 << 27, *tensor.shape[1:].tolist()]
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), IDENTIFIER)
    with pytest.raises(GraspDecoderError, match=r'cannot be run|does not run|is not what'):
        BundleEngines(with_model(bundle, bytes(builder.Output())), EngineOptions(backend='cpu'))


def test_a_model_is_tried_once(bundle, monkeypatch):
    BundleEngines(load_bundle(bundle.path), EngineOptions(backend='cpu'))
    monkeypatch.setattr(first_run, 'call_in_child', None)
    BundleEngines(load_bundle(bundle.path), EngineOptions(backend='cpu'))
