# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What reaches a gripper whose action server hangs, dies, aborts, rejects or comes late."""

import itertools
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip('rclpy', reason='no ROS 2 in this environment')
pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')
pytest.importorskip('control_msgs', reason='the ROS package control_msgs is not installed')

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from std_msgs.msg import Bool

from helpers.bridge_feeder import HOLD, PATIENT, PRESHAPE, SAFE

pytestmark = pytest.mark.slow

PROGRAM = Path(__file__).resolve().parents[1] / 'helpers' / 'gripper_server.py'
OUTPUTS = {'gripper_command': 'GripperCommand', 'parallel_gripper_command': 'ParallelGripperCommand'}
OPENED, PRESHAPED, CLOSED = 'reach 0.1', 'reach 0.075', 'reach 0.0'


class Server:
    """The process of a server, and the goals that it had."""

    def __init__(self, log, action, answers):
        self._log = log
        with open(log, 'w') as file:
            self._process = subprocess.Popen([sys.executable, PROGRAM, action, *answers], stdout=file)

    @property
    def goals(self):
        return self._log.read_text().splitlines()

    def send(self, number):
        self._process.send_signal(number)

    def kill(self):
        self._process.kill()
        self._process.wait()


@pytest.fixture
def start_server(tmp_path):
    started = []

    def start(*answers, action='GripperCommand'):
        started.append(Server(tmp_path / f'gripper_{len(started)}', action, answers))
        return started[-1]

    yield start
    for server in started:
        server.kill()


def bridge(feeder, output='gripper_command'):
    return feeder(*PATIENT, '-p', f'output:={output}', '-p', 'gripper_open:=0.1', '-p', 'hold_dwell_s:=0.2')


def press(feeder):
    feeder.e_stop.publish(Bool(data=True))
    feeder.reach(SAFE)


@pytest.mark.parametrize('output, action', OUTPUTS.items())
def test_a_gripper_gets_one_goal_for_each_change(feeder, node, start_server, output, action):
    server = start_server(action=action)
    feeder = bridge(feeder, output)
    feeder.reach(PRESHAPE)
    assert feeder.spin_until(lambda: server.goals[-1:] == [PRESHAPED])
    feeder.grasp = 0.99
    feeder.reach(HOLD)
    assert feeder.spin_until(lambda: server.goals[-1:] == [CLOSED])
    feeder.grasp = 0.01
    feeder.reach(PRESHAPE)
    assert feeder.spin_until(lambda: server.goals[-4:] == [PRESHAPED, CLOSED, OPENED, PRESHAPED]), server.goals
    assert all(goal != before for before, goal in itertools.pairwise(server.goals))
    feeder.hold()
    deactivate = node.create_client(ChangeState, '/hand_bridge/change_state')
    assert feeder.spin_until(lambda: server.goals[-1:] == [CLOSED] and deactivate.service_is_ready())
    deactivate.call_async(ChangeState.Request(transition=Transition(id=Transition.TRANSITION_DEACTIVATE)))
    assert feeder.spin_until(lambda: server.goals[-1:] == [OPENED]), server.goals


@pytest.mark.parametrize(
    'answers',
    [('reach', 'reject', 'reject'), ('reach', 'abort', 'abort', 'abort'), ('never',)],
    ids=['rejects', 'aborts', 'never ends its grasp'],
)
def test_safe_is_tried_until_the_gripper_has_reached_it(feeder, start_server, answers):
    feeder = bridge(feeder)
    feeder.hold()
    server = start_server(*answers)
    assert feeder.spin_until(lambda: server.goals == [f'{answers[0]} 0.0'])
    press(feeder)
    expected = [f'{answers[0]} 0.0', *(f'{answer} 0.1' for answer in answers[1:]), OPENED]
    assert feeder.spin_until(lambda: server.goals == expected), server.goals


def test_safe_reaches_a_gripper_that_hangs_as_soon_as_it_answers(feeder, start_server):
    feeder = bridge(feeder)
    server = start_server()
    feeder.hold()
    assert feeder.spin_until(lambda: server.goals[-1:] == [CLOSED])
    server.send(signal.SIGSTOP)
    press(feeder)
    feeder.spin_until(lambda: False, 2.5)
    server.send(signal.SIGCONT)
    assert feeder.spin_until(lambda: server.goals[-1:] == [OPENED]), server.goals


@pytest.mark.parametrize('hangs', [True, False], ids=['with SAFE unanswered', 'before SAFE'])
def test_safe_reaches_the_server_that_takes_the_place_of_one_that_died(feeder, start_server, hangs):
    feeder = bridge(feeder)
    server = start_server()
    feeder.hold()
    assert feeder.spin_until(lambda: server.goals[-1:] == [CLOSED])
    server.send(signal.SIGSTOP) if hangs else server.kill()
    press(feeder)
    server.kill()
    again = start_server()
    assert feeder.spin_until(lambda: again.goals[-1:] == [OPENED]), again.goals


def test_safe_reaches_a_server_that_comes_late(feeder, start_server):
    feeder = bridge(feeder)
    feeder.hold()
    press(feeder)
    server = start_server()
    assert feeder.spin_until(lambda: server.goals == [OPENED]), server.goals
