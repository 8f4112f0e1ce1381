# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The example of a live source is a plug-in: its spikes are heard, and sent in order."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip('rclpy', reason='no ROS 2 in this environment')
pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')

from helpers.bundle_samples import UNITS, make_manifest, make_network, make_trials

EXAMPLE = Path(__file__).resolve().parents[2] / 'examples' / 'live_source.py'


@pytest.mark.slow
def test_a_listener_hears_the_example(node, spin_until, tmp_path):
    from grasp_decoder.bundle.export.writing import write_bundle
    from grasp_decoder.nodes.topics import subscribe
    from grasp_decoder.system.interfaces import DIAGNOSTICS, SPIKES

    trials = make_trials()
    write_bundle(tmp_path / 'bundle', [make_network('phase')], trials, trials, make_manifest())
    heard, statuses = [], {}
    subscribe(node, SPIKES, heard.append)
    subscribe(node, DIAGNOSTICS, lambda message: statuses.update({each.name: each for each in message.status}))
    command = [sys.executable, EXAMPLE, '--ros-args', '-p', f'bundle:={tmp_path / "bundle"}']
    process = subprocess.Popen(command)
    try:
        assert spin_until(lambda: len(heard) >= 50 and 'spike_source: system' in statuses)
    finally:
        process.terminate()
        assert process.wait(30) == 0
    assert [message.sequence for message in heard] == list(range(heard[0].sequence, heard[-1].sequence + 1))
    assert all(message.unit_count == UNITS and max(message.unit, default=0) < UNITS for message in heard)
    assert sum(len(message.unit) for message in heard) > 0
    values = {each.key: each.value for each in statuses['spike_source: system'].values}
    assert values['spikes of no unit'] == '0' and float(values['delay p99 (ms)']) < 1000
