# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The whole chain with the hand in a real gzserver: spikes in, an object lifted, kept and put down."""

import numpy as np
import pytest

pytest.importorskip('zmq')
pytest.importorskip('google.protobuf')
pytest.importorskip('rclpy', reason='no ROS 2 in this environment')
pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')

from grasp_decoder.control.held import KEPT_S, LIFTED_M
from grasp_decoder.system.demo_files import demo_session, ready_bundle
from grasp_decoder.system.replay_options import ReplayOptions
from grasp_decoder.system.run_nodes import run_nodes
from grasp_decoder.types.hand_command import HandMode
from grasp_decoder.types.time import NS_PER_S

from helpers.simulated_trial import IN_STEP, SimulatedTrial

pytestmark = [pytest.mark.gazebo, pytest.mark.slow, pytest.mark.unhurried]  # time is simulated

TRIALS = 5
MOTION_WITHIN_NS = 50_000_000


@pytest.fixture(scope='module')
def run(module_domain_id, tmp_path_factory):
    """The first held-out trials of the demo, whatever their objects are: result and record."""
    folder = tmp_path_factory.mktemp('chain')
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv('ROS_DOMAIN_ID', str(module_domain_id))
        result = run_nodes(
            ReplayOptions(
                session=str(demo_session()),
                bundle=str(ready_bundle()),
                hand='gazebo',
                split='test',
                trials=TRIALS,
                clock='simulated',
                speed=0.0,
                result=str(folder / 'result.json'),
                record=str(folder / 'run.npz'),
            ),
            folder,
        )
    with np.load(folder / 'run.npz') as record:
        return result, dict(record)


def test_recorded_trials_end_with_the_object_held_and_let_go(run):
    result, _ = run
    scored = [outcome for outcome in result['outcomes'] if outcome['success'] is not None]
    assert len({outcome['object_id'] for outcome in scored}) > 1
    right = [outcome for outcome in scored if outcome['right_grip']]
    held = [outcome for outcome in right if outcome['success']]
    assert len(held) == len(right) >= 2, result['outcomes']


def test_each_success_is_a_lift_of_a_second_in_the_record_and_ends_at_rest(run):
    result, record = run
    closed = np.isin(record['command_state'], (HandMode.CLOSE, HandMode.HOLD))
    up = record['hand_lift'] >= LIFTED_M
    edges = np.flatnonzero(np.diff(up.astype(int))) + 1
    lifted, fallen = record['hand_monotonic_ns'][edges[::2]], record['hand_monotonic_ns'][edges[1::2]]
    assert not up[0] and not up[-1]
    kept = (fallen - lifted >= KEPT_S * NS_PER_S).sum()
    assert kept >= sum(outcome['success'] is True for outcome in result['outcomes']) >= 1
    assert record['hand_stamp_ns'][edges[0]] > record['command_stamp_ns'][closed][0]
    assert np.abs(record['hand_lift'][-1]) < 0.01  # it stands again


def test_the_hand_moves_within_50_ms_of_a_command(start_node, node, spin_until):
    start_node('simulated_hand', '--ros-args', '-p', 'simulator:=gazebo', *IN_STEP)
    delays_ns = SimulatedTrial(node, spin_until, object_id=44).delays_ns('index_mcp', 0.3, count=11)
    assert np.median(delays_ns) <= MOTION_WITHIN_NS, delays_ns
