# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The paper's BiLSTM as int8: operators of an Edge TPU only, ranges spent where they matter, the same answers."""

import numpy as np
import pytest

from grasp_decoder.bundle.edge_tpu import check_model
from grasp_decoder.bundle.export.refinement import MEMORY
from grasp_decoder.bundle.export.writing import write_bundle
from grasp_decoder.bundle.task_network import WINDOW, TaskNetwork
from grasp_decoder.bundle.tflite_file import BUILTIN_NAMES, read_model
from grasp_decoder.features.count_features import IDENTITY_LUT
from grasp_decoder.learning.models.seed_bilstm import _window_graph

from helpers.bundle_samples import CLASSES, LOOK_BACK, UNITS, make_manifest, make_trials

STATE = 8


def make_bilstm(layers, seed=0):
    """A BiLSTM with random weights, and a memory that its training data drive beyond `MEMORY`."""
    rng = np.random.default_rng(seed)

    def direction(inputs):
        bias = np.repeat([2.0, 4.0, 0.0, 1.0], STATE)  # the gates stay open, nothing is forgotten
        kernel, recurrent = (rng.normal(0, 0.5, (n, 4 * STATE)) for n in (inputs, STATE))
        return [part.astype(np.float32) for part in (kernel, recurrent, bias)]

    widths = [UNITS, *[2 * STATE] * (layers - 1)]
    read_out = [rng.normal(0, 1, (2 * STATE, len(CLASSES))).astype(np.float32), np.zeros(len(CLASSES), np.float32)]
    graph = _window_graph([(direction(n), direction(n)) for n in widths], read_out, LOOK_BACK, UNITS)
    return TaskNetwork('object', 'bilstm', WINDOW, LOOK_BACK, IDENTITY_LUT, graph, lambda trials: [])


@pytest.mark.slow
@pytest.mark.parametrize('layers', [1, 2])
def test_the_bilstm_keeps_its_answers_within_the_operators_of_an_edge_tpu(tmp_path, layers):
    bundle = write_bundle(tmp_path / 'out', [make_bilstm(layers)], make_trials(40), make_trials(20), make_manifest())
    task = bundle.manifest.tasks['object']
    content = (tmp_path / 'out' / task.models['int8'].file).read_bytes()
    assert not check_model(content, 'int8').on_cpu and task.cpu_operators == ()
    assert task.parity.agreement > 0.97 and task.parity.confident_agreement > 0.99
    model = read_model(content, 'int8')
    graph = model.subgraphs[0]
    readers = {}
    for operator in graph.operators:
        name = BUILTIN_NAMES[model.operatorCodes[operator.opcodeIndex].builtinCode]
        for index in operator.inputs:
            readers.setdefault(index, []).append(name)
    memories = [
        graph.tensors[index].quantization for index, names in readers.items() if sorted(names) == ['MUL', 'TANH']
    ]
    assert len(memories) >= 2 * layers * (LOOK_BACK - 2)
    reach = [np.abs(each.scale[0] * (np.array([-128, 127]) - each.zeroPoint[0])).max() for each in memories]
    assert max(reach) == pytest.approx(MEMORY, rel=0.02)
