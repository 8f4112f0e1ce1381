# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""CommandedHand: what it passes on to its rig, what it says about itself, and what it does when nothing comes."""

import numpy as np
import pytest

from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.control.target_guard import TargetGuard
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.hand.commanded_hand import CommandedHand
from grasp_decoder.hand.rig import GraspRig
from grasp_decoder.hand.sdf import hand_joint_names
from grasp_decoder.objects import load_objects
from grasp_decoder.types.hand_command import HandCommand, HandMode
from grasp_decoder.types.trial_event import TrialEvent

pytest.importorskip('mujoco')
from grasp_decoder.hand.mujoco.simulator import MujocoSimulator

MS = 1_000_000
TIMEOUT_S = 0.1
THUMB_OPPOSED = 1.1


class Hand:
    """A hand in MuJoCo, on a clock of its own."""

    def __init__(self):
        self.guard = TargetGuard(load_grip_table(), TIMEOUT_S)
        rig = GraspRig(MujocoSimulator(), load_objects())
        self.hand = CommandedHand(rig, hand_joint_names(), self.guard)
        self.now_ns = 0
        self.state = None

    def aim(self, angle, stamp_ns=0):
        """Send all fingers to ``angle``; the thumb is opposed as in an open hand."""
        names = self.guard.names
        angles = [THUMB_OPPOSED if name == 'thumb_opposition' else angle for name in names]
        self.hand.joint_targets(names, angles, stamp_ns, self.now_ns)

    def run(self, duration_s, angle=None):
        """Let time pass; with an ``angle``, targets come every 10 ms."""
        for _ in range(round(100 * duration_s)):
            if angle is not None:
                self.aim(angle)
            self.now_ns += 10 * MS
            self.state = self.hand.state(self.hand.advance(0.01, self.now_ns), self.now_ns)

    def joint(self, name):
        return self.state.joint_position[self.state.joint_name.index(name)]


def command(mode, stamp_ns, due_ns=0):
    return HandCommand(stamp_ns, due_ns, mode, 'power', 1.0, 'test')


def test_the_first_event_of_a_trial_puts_its_object_in_reach():
    hand = Hand()
    hand.hand.command(command(HandMode.OPEN, 1))
    hand.hand.trial_event(TrialEvent(0, 5, 0, 'Start', 44))
    hand.run(0.1)
    assert hand.state.object_id == 44
    hand.hand.trial_event(TrialEvent(0, 5, 0, 'Go', 23))
    hand.run(0.1)
    assert hand.state.object_id == 44
    hand.hand.trial_event(TrialEvent(0, 5, 1, 'Start', 23))
    hand.run(0.1)
    assert hand.state.object_id == 23


@pytest.mark.parametrize('targets_first', [True, False])
def test_a_state_names_the_command_that_last_changed_the_targets_in_whichever_order_they_come(targets_first):
    hand = Hand()
    hand.aim(0.0)
    parts = [lambda: hand.aim(0.3, stamp_ns=70), lambda: hand.hand.command(command(HandMode.CLOSE, 70, due_ns=700))]
    for part in parts if targets_first else reversed(parts):
        part()
    hand.run(0.02)
    assert (hand.state.stamp_ns, hand.state.command_due_ns) == (70, 700)
    hand.hand.command(command(HandMode.CLOSE, 80, due_ns=800))
    hand.aim(0.3, stamp_ns=80)
    hand.run(0.02)
    assert (hand.state.stamp_ns, hand.state.command_due_ns) == (80, 700)  # the same targets change nothing


def test_without_targets_it_opens_by_itself():
    hand = Hand()
    hand.aim(0.0)
    hand.hand.command(command(HandMode.CLOSE, 1))
    hand.run(1.0, angle=0.4)
    hand.aim(float('nan'))
    assert hand.joint('ring_mcp') == pytest.approx(0.4, abs=0.05)
    hand.run(2.0)
    assert hand.guard.lost
    assert hand.joint('ring_mcp') == pytest.approx(0.0, abs=0.05)


def test_a_hand_that_is_started_again_stays_open_while_it_is_told_to_hold():
    hand = Hand()
    hand.hand.command(command(HandMode.HOLD, 1))
    hand.run(0.5, angle=0.4)
    assert hand.guard.lost
    assert hand.joint('ring_mcp') == pytest.approx(0.0, abs=0.05)
    hand.run(0.1, angle=0.0)
    hand.run(0.5, angle=0.4)
    assert hand.joint('ring_mcp') == pytest.approx(0.4, abs=0.05)


def test_a_hand_that_could_not_run_itself_has_lost_no_targets():
    hand = Hand()
    hand.run(0.1, angle=0.0)
    hand.now_ns += 500 * MS
    hand.hand.stood_still(500 * MS)
    hand.run(0.01)
    assert not hand.guard.lost


def test_a_joint_that_it_does_not_have_is_refused():
    with pytest.raises(GraspDecoderError, match="joint 'sixth'"):
        Hand().hand.joint_targets(['sixth'], np.zeros(1), 0, 0)
