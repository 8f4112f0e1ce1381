# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What the Redis benchmark sends is what the nodes send."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from grasp_decoder.types.decoded_grasp import DecodedGrasp
from grasp_decoder.types.spike_batch import SpikeBatch


@pytest.fixture
def redis_graph(monkeypatch):
    for module in ('redis', 'rclpy'):
        pytest.importorskip(module, reason=f'no {module} in this environment')
    pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2]))
    from benchmark import redis_graph

    return redis_graph


def from_wire(entry):
    return {name.encode(): value for name, value in entry.items()}


def assert_same_fields(one, other):
    for field in fields(one):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name))


def test_messages_come_back_unchanged(redis_graph):
    batch = SpikeBatch(7, 1, 10, 50, 3, np.array([0, 2], np.uint16), np.array([5, 39], np.uint32), 99, 2**63)
    assert_same_fields(redis_graph.unpack_batch(from_wire(redis_graph.pack_batch(batch))), batch)
    decode = DecodedGrasp(
        50, 99, 1, 4, 1, 0.5, 32, np.array([0.25, 0.75], np.float32), 0.75, float('nan'), 2, 3, 0.5, 0.25, 0.125, 98
    )
    decode = replace(decode, validity=0.25, drift=0.5, invalid_reason='swapped', bundle='abc')
    decode = replace(decode, source=2**63, decoder=2**63 + 1)
    assert_same_fields(redis_graph.unpack_decode(from_wire(redis_graph.pack_decode(decode))), decode)
