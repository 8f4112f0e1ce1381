# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""hand_bridge and simulated_hand as lifecycle nodes; test_replay_nodes.py has those of the decoder."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip('mujoco')
pytest.importorskip('rclpy', reason='no ROS 2 in this environment')
pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from std_msgs.msg import Bool
from std_srvs.srv import Trigger

from grasp_decoder.child_process import prepare_child
from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.control.joint_targets import JointTargets
from grasp_decoder.nodes.topics import subscribe
from grasp_decoder.system.interfaces import DIAGNOSTICS, HAND_STATE, RESET
from grasp_decoder.types.hand_command import HandCommand, HandMode

from helpers.bridge_feeder import HOLD, OPEN, PATIENT, SAFE, Feeder

pytestmark = pytest.mark.slow

MANAGER = Path(__file__).resolve().parents[2] / 'examples' / 'lifecycle_manager.py'
GRIPS = load_grip_table()
JOINTS = JointTargets(GRIPS)
OPENED = dict(zip(JOINTS.names, JOINTS.step(HandCommand(0, 0, HandMode.OPEN, GRIPS.default_grip, 0.0, ''), 0)))
UNCONFIGURED = '-p', 'autostart:=false'


@pytest.fixture
def change(call):
    """``change(node, 'configure')``: whether the transition succeeded."""
    return lambda name, label: call(ChangeState, f'/{name}/change_state', transition=Transition(label=label)).success


def is_open(names, positions):
    """Whether the joints of the hand are where they are in an open one, all but the wrist, which lifts."""
    position = dict(zip(names, positions))
    return all(abs(position[name] - angle) < 0.1 for name, angle in OPENED.items())


def stands_open(state):
    return is_open(state.joint_name, state.joint_position)


def is_told_to_open(targets):
    return is_open(targets.name, targets.position)


def test_a_bridge_that_is_deactivated_leaves_the_hand_open_and_goes_silent(node, spin_until, start_node, call, change):
    bridge = start_node('hand_bridge', '--ros-args', *PATIENT, *UNCONFIGURED)
    feeder = Feeder(node, spin_until)

    def given(name, value):
        wanted = [Parameter(name, value=value).to_parameter_msg()]
        return call(SetParameters, '/hand_bridge/set_parameters', parameters=wanted).results[0]

    assert given('grips', '/nowhere.yaml').successful
    assert not change('hand_bridge', 'configure') and '/nowhere.yaml' in bridge.log_text()
    assert given('grips', '').successful and given('hold_dwell_s', 0.2).successful
    assert change('hand_bridge', 'configure') and not feeder.targets
    refused = given('grips', 'x')
    assert not refused.successful and refused.reason == 'grips can be set while the node is not configured'
    assert change('hand_bridge', 'activate')
    feeder.hold()
    assert not is_told_to_open(feeder.targets[-1])
    assert change('hand_bridge', 'deactivate')
    assert spin_until(lambda: is_told_to_open(feeder.targets[-1]))
    assert (feeder.state, feeder.commands[-1].reason) == (SAFE, 'hand_bridge has ended')
    said = len(feeder.targets)
    assert call(GetState, '/hand_bridge/get_state').current_state.label == 'inactive'
    # The e-stop is heard all the same, and is still pressed when the hand is commanded again.
    assert 'activate it' in call(Trigger, f'/{RESET.name}').message
    feeder.e_stop.publish(Bool(data=True))
    feeder.e_stop.publish(Bool(data=False))
    assert change('hand_bridge', 'cleanup') and len(feeder.targets) == said
    assert change('hand_bridge', 'configure') and change('hand_bridge', 'activate')
    assert spin_until(lambda: feeder.commands[-1].reason == 'e-stop')
    feeder.grasp = 0.01
    assert call(Trigger, f'/{RESET.name}').success
    feeder.reach(OPEN)
    bridge.interrupt()
    assert bridge.wait(10.0) == 0


def test_a_lifecycle_manager_brings_hand_and_bridge_up_and_down(node, spin_until, start_node, call, change):
    states, statuses = [], []
    subscribe(node, HAND_STATE, states.append)
    subscribe(node, DIAGNOSTICS, lambda array: statuses.extend(array.status))
    hand = start_node('simulated_hand', '--ros-args', *UNCONFIGURED)
    bridge = start_node('hand_bridge', '--ros-args', *PATIENT, *UNCONFIGURED)
    feeder = Feeder(node, spin_until, decoder_runs=False)
    manager = subprocess.Popen(
        [sys.executable, MANAGER, 'simulated_hand', 'hand_bridge'],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=prepare_child,
    )
    # a hand that discovers a bridge while it closes does not follow: it hears it while it is open
    they_pass = ('simulated_hand: joint targets', 'they pass')
    assert spin_until(lambda: they_pass in {(status.name, status.message) for status in statuses})
    feeder.decoder_runs = True
    feeder.hold()
    assert spin_until(lambda: not stands_open(states[-1]))
    # A second bridge is refused before it says a word.
    second = start_node('hand_bridge', '--ros-args', '-r', '__node:=second', *UNCONFIGURED, node_name='second')
    assert change('second', 'configure') and not change('second', 'activate')
    assert f'another hand_bridge commands the hand (process {bridge.pid}), stop it first' in second.log_text()
    assert feeder.state == HOLD
    # A hand that is deactivated opens, says nothing, and does not close again when it is activated.
    assert change('simulated_hand', 'deactivate') and feeder.state == HOLD
    assert spin_until(lambda: stands_open(states[-1]))
    said, commands = len(states), len(feeder.commands)
    assert spin_until(lambda: len(feeder.commands) > commands + 10)
    assert len(states) == said
    assert change('simulated_hand', 'activate') and spin_until(lambda: len(states) > said + 50)
    assert stands_open(states[-1]) and 'would close a hand' in hand.log_text()
    feeder.grasp = 0.01
    feeder.reach(OPEN)
    feeder.hold()
    assert spin_until(lambda: not stands_open(states[-1]))
    manager.send_signal(2)
    assert spin_until(lambda: manager.poll() is not None)
    said = 'simulated_hand is active\nhand_bridge is active\nhand_bridge is down\nsimulated_hand is down\n'
    assert (manager.returncode, manager.communicate()[0]) == (0, said)
    assert stands_open(states[-1])
    for process in (hand, bridge):
        assert call(GetState, f'/{process.name}/get_state').current_state.label == 'unconfigured'
        process.interrupt()
        assert process.wait(10.0) == 0, process.log_text()
