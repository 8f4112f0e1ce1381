# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""simulated_hand as a process: it grasps, lifts and lets go as its topics say."""

import itertools
from dataclasses import replace

import pytest
from PIL import Image

pytest.importorskip('mujoco')
pytest.importorskip('rclpy', reason='no ROS 2 in this environment')
pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')

from grasp_decoder.nodes.topics import subscribe
from grasp_decoder.system.interfaces import HAND_STATE, JOINT_STATES
from grasp_decoder.types.from_message import stamp_ns
from grasp_decoder.types.time import NS_PER_S

from helpers.simulated_trial import IN_STEP, SimulatedTrial

pytestmark = [pytest.mark.slow, pytest.mark.unhurried]  # time is simulated, or does not matter


def test_an_object_is_lifted_on_hold_and_comes_down_on_open(start_node, node, spin_until, tmp_path):
    picture = tmp_path / 'hand.png'
    hand = start_node('simulated_hand', '--ros-args', '-p', f'picture:={picture}', *IN_STEP)
    trial = SimulatedTrial(node, spin_until, object_id=44)
    trial.answer(['sixth_finger'], [0.1])
    assert spin_until(lambda: "joint targets are ignored: joint 'sixth_finger'" in hand.log_text())
    trial.check()
    trial.rest(lambda: picture.exists() or 'no pictures' in hand.log_text())
    hand.interrupt()
    assert hand.wait(120.0) == 0, hand.log_text()
    if 'no pictures' in hand.log_text():
        pytest.skip(hand.last_words())
    with Image.open(picture) as still, Image.open(picture.with_suffix('.gif')) as film:
        assert still.size == (960, 720)
        assert film.n_frames > 10


def test_joint_states_are_stamped_with_ros_time_and_no_two_alike(start_node, node, spin_until):
    stamps = {HAND_STATE: [], JOINT_STATES: []}
    for topic, kept in stamps.items():
        subscribe(node, topic, lambda message, kept=kept: kept.append(stamp_ns(message.header.stamp)))
    begun_ns = node.get_clock().now().nanoseconds
    start_node('simulated_hand')
    assert spin_until(lambda: min(map(len, stamps.values())) >= 20)
    for kept in stamps.values():
        assert all(before < after for before, after in itertools.pairwise(kept))
        assert begun_ns < kept[0] < node.get_clock().now().nanoseconds
    # Nothing comes on /clock: time stands still, and the stamps go on all the same.
    start_node('simulated_hand', '--ros-args', '-p', 'use_sim_time:=true', '-r', '__ns:=/still')
    still = []
    subscribe(node, replace(JOINT_STATES, name='still/joint_states'), lambda m: still.append(stamp_ns(m.header.stamp)))
    assert spin_until(lambda: len(still) >= 5)
    assert all(0 < before < after < NS_PER_S for before, after in itertools.pairwise(still))


def test_without_a_display_the_viewer_is_a_warning_and_the_hand_goes_on(start_node, node, spin_until, monkeypatch):
    for display in ('DISPLAY', 'WAYLAND_DISPLAY'):
        monkeypatch.delenv(display, raising=False)
    states = []
    subscribe(node, HAND_STATE, states.append)
    hand = start_node('simulated_hand', '--ros-args', '-p', 'viewer:=true')
    assert spin_until(lambda: states)
    assert 'no viewer: there is no display' in hand.log_text()


@pytest.mark.gazebo
def test_the_same_trial_in_gazebo(start_node, node, spin_until):
    start_node('simulated_hand', '--ros-args', '-p', 'simulator:=gazebo', *IN_STEP)
    SimulatedTrial(node, spin_until, object_id=44).check()
