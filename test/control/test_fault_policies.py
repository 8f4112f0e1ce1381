# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What the hand does in a fault: it opens, holds, or keeps what it holds."""

import numpy as np
import pytest

from grasp_decoder.control.fault_policies import Fault, FaultKind, Policy, load_fault_policies
from grasp_decoder.control.grasp_controller import GraspController
from grasp_decoder.control.joint_targets import JointTargets
from grasp_decoder.control.settings import ControlSettings
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.types.hand_command import HandMode

from helpers.healthy_decodes import BIN_S, GRIPS, LOOK_BACK, OBJECTS, Decoder, holding, milliseconds, states


def test_safe_can_hold_the_hand_where_it_is():
    hand = Decoder(safe_state='hold')
    hand.run(2.0)
    hand.run(0.4, grasp=0.98)
    commands = hand.run(1.0, confidence=0.0)
    assert {(c.state, c.aperture) for c in commands} == {(HandMode.SAFE, 1.0)}


def test_one_lost_batch_does_not_drop_what_is_held():
    hand = holding()
    commands = [hand.step(grasp=0.98, lost_batches=1), *hand.run(0.6, grasp=0.98, lost_batches=1)]
    assert states(commands) == ['SAFE', 'HOLD']
    assert {command.aperture for command in commands} == {1.0}


def test_what_is_kept_is_let_go_when_the_dwell_is_over():
    hand = holding(hold_dwell_s=1.0)
    apertures = {ms: hand.controller.watchdog(hand.now_ns + milliseconds(ms)).aperture for ms in range(160, 2000, 20)}
    assert apertures[600] == 1.0
    assert apertures[1980] == 0.0


def test_another_bundle_does_not_drop_what_is_held():
    hand = holding()
    hand.controller.configure(OBJECTS[::-1], BIN_S, LOOK_BACK, 64 * 'b')
    assert states(hand.run(1.0, grasp=0.98, bundle='bbbb')) == ['SAFE', 'HOLD']
    assert states(hand.run(1.0, bundle='bbbb'))[:2] == ['HOLD', 'OPEN']


def test_an_e_stop_does_not_keep_what_is_held():
    hand = holding()
    hand.step(grasp=0.98, lost_batches=1)
    commands = [hand.controller.e_stop(hand.now_ns + milliseconds(ms)) for ms in range(0, 600, 20)]
    assert commands[-1].aperture == 0.0


def test_a_fault_that_keeps_does_not_undo_one_that_holds():
    policies = {**load_fault_policies(), FaultKind.HAND: Policy.HOLD}
    hand = Decoder(GraspController(ControlSettings(), GRIPS, policies))
    hand.run(2.0)
    hand.run(2 * BIN_S, grasp=0.98)
    stopped = hand.controller.fail(Fault(FaultKind.HAND, 'blocked'), hand.now_ns)
    assert stopped.still
    assert hand.step(grasp=0.98, lost_batches=1).still


def test_hold_stops_every_joint_within_one_control_period():
    hand = Decoder(safe_state='hold')
    joints = JointTargets(GRIPS)
    hand.run(2.0)
    for _ in range(3):
        angles = joints.step(hand.step(grasp=0.98), hand.now_ns)
    for ms in range(0, 3000, 20):
        now_ns = hand.now_ns + milliseconds(ms)
        stopped = joints.step(hand.controller.e_stop(now_ns), now_ns)
        assert np.array_equal(stopped, angles)


def test_a_moving_hand_stops_where_it_is_measured_and_one_that_holds_keeps_its_grip():
    moving, arrived = Decoder(safe_state='hold'), holding(safe_state='hold')
    moving.run(2.0)
    for hand, expected in ((moving, 0.05), (arrived, 0.0)):
        joints = JointTargets(GRIPS)
        for _ in range(40 if hand is arrived else 2):
            angles = joints.step(hand.step(grasp=0.98), hand.now_ns)
        stopped = joints.step(hand.controller.e_stop(hand.now_ns), hand.now_ns, measured=angles - 0.05)
        assert np.abs(stopped - angles).max() == pytest.approx(expected)


def test_a_table_of_faults_may_leave_out_what_stays(tmp_path):
    table = tmp_path / 'faults.yaml'
    table.write_text('e_stop: hold\n')
    policies = load_fault_policies(table)
    assert policies[FaultKind.E_STOP] == Policy.HOLD
    assert set(policies) == set(FaultKind)


@pytest.mark.parametrize(
    'text, words',
    [('e_stop: fly', 'fly'), ('earthquake: open', 'earthquake'), ('- open', 'lines'), (': {', 'not YAML')],
)
def test_a_wrong_table_of_faults_is_refused(tmp_path, text, words):
    table = tmp_path / 'faults.yaml'
    table.write_text(text)
    with pytest.raises(GraspDecoderError, match=words) as error:
        load_fault_policies(table)
    assert str(table) in str(error.value)
