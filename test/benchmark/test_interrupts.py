# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The benchmark of interrupts, with few of them: runs of replay_decode and of the launch file end clean."""

import importlib.util
import json

import pytest

from helpers.bundle_samples import UNITS

pytest.importorskip('mujoco')
pytest.importorskip('rclpy', reason='no ROS 2 in this environment')
pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')

from benchmark import interrupts
from grasp_decoder.cli import synthesize


@pytest.mark.slow
@pytest.mark.parametrize('launch', [False, True], ids=['replay_decode', 'launch'])
def test_interrupted_runs_end_clean(domain_id, sample_bundle, tmp_path, monkeypatch, launch):
    if launch and importlib.util.find_spec('launch_ros') is None:
        pytest.skip('launch and launch_ros are not installed; they come with ROS 2 itself')
    monkeypatch.setattr(interrupts, 'write_results', lambda *results: None)
    session, result = tmp_path / 'made.neo.mat', tmp_path / 'result.json'
    assert synthesize.main(['--out', str(session), '--units', str(UNITS), '--trials', '20', '--objects', '2']) == 0
    given = ['--session', str(session), '--bundle', str(sample_bundle), '--runs', '1', '--twice', '--json', str(result)]
    status = interrupts.main([*given, *(['--launch'] if launch else [])])
    found = json.loads(result.read_text())
    assert (status, found['clean_rate'], found['unreadable_recordings']) == (0, 1.0, 0), found
    assert found['runs'] == 1 and found['seconds_to_end']['p50'] <= found['seconds_to_end']['max']
