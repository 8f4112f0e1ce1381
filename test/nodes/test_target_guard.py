# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""target_guard as a process: it passes joint targets on, and opens the hand when hand_bridge is killed."""

import numpy as np
import pytest

from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.control.joint_targets import JointTargets
from grasp_decoder.types.hand_command import HandCommand, HandMode

pytest.importorskip('rclpy', reason='no ROS 2 in this environment')
pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')

from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory

from grasp_decoder.nodes.topics import subscribe
from grasp_decoder.system.interfaces import DIAGNOSTICS, GUARDED_TARGETS

from helpers.bridge_feeder import PATIENT, Feeder

pytestmark = pytest.mark.slow

GRIPS = load_grip_table()
OPENED = JointTargets(GRIPS).step(HandCommand(0, 0, HandMode.OPEN, GRIPS.default_grip, 0.0, ''), 0)


@pytest.mark.parametrize(
    'output, message_type, topic, values',
    [
        ('forward_command', Float64MultiArray, '/hand_controller/commands', lambda m: m.data),
        ('joint_trajectory', JointTrajectory, '/hand_controller/joint_trajectory', lambda m: m.points[0].positions),
    ],
)
def test_a_hand_whose_bridge_is_killed_opens(node, spin_until, start_node, output, message_type, topic, values):
    passed, commanded, statuses = [], [], []
    subscribe(node, GUARDED_TARGETS, passed.append)
    subscribe(node, DIAGNOSTICS, lambda array: statuses.extend(array.status))
    node.create_subscription(message_type, topic, lambda message: commanded.append(list(values(message))), 100)
    # a busy machine may delay targets by more than the default time-out
    guard = start_node('target_guard', '--ros-args', '-p', f'output:={output}', '-p', 'target_timeout_s:=0.5')
    bridge = start_node('hand_bridge', '--ros-args', *PATIENT)
    # a guard that discovers a bridge while it closes the hand lets nothing pass: both are heard while it is open
    feeder = Feeder(node, spin_until, decoder_runs=False)
    assert spin_until(lambda: passed)
    feeder.decoder_runs = True
    feeder.hold()
    assert spin_until(lambda: passed and feeder.targets and passed[-1].position == feeder.targets[-1].position)
    assert np.abs(np.array(passed[-1].position) - OPENED).max() > 0.5
    bridge.kill()
    assert spin_until(lambda: np.allclose(passed[-1].position, OPENED))
    assert spin_until(lambda: np.allclose(commanded[-1], OPENED))
    assert 'no joint targets for 0.5 s' in guard.log_text()
    assert spin_until(lambda: any(each.message == 'no joint targets for 0.5 s' for each in statuses))
    feeder.decoder_runs = False
    start_node('hand_bridge', '--ros-args', *PATIENT)
    assert spin_until(lambda: 'joint targets pass again' in guard.log_text())
    feeder.decoder_runs = True
    feeder.hold()
    assert spin_until(lambda: passed[-1].position == feeder.targets[-1].position)
    assert np.abs(np.array(passed[-1].position) - OPENED).max() > 0.5
