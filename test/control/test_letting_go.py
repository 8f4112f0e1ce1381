# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The grasp controller: when a hand that holds lets go."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grasp_decoder.control.grasp_state_machine import UNSEEN, Seen
from grasp_decoder.control.held import KEPT_S
from grasp_decoder.types.hand_command import HandMode

from helpers.healthy_decodes import BIN_S, LOOK_BACK, NAN, Decoder, states


def test_a_grasp_outlives_the_end_of_its_segment():
    hand = Decoder()
    hand.run(2.8)
    commands = hand.run(0.4, grasp=0.98)
    hand.stamp_offset_ns += 4_000_000_000  # a gap in the recording
    commands += [hand.step(segment=1, bin=i) for i in range(10)]
    assert states(commands)[-1] == 'HOLD'


def lets_go_after_s(hand, seen, most_s=4.0, **changes):
    """Seconds of rest until HOLD ends; ``seen`` gives what the hand says at a time since HOLD began."""
    for count in range(1, round(most_s / BIN_S)):
        command = hand.controller.step(hand.decode(**changes), hand.now_ns, seen(count * BIN_S))
        if command.state != HandMode.HOLD:
            assert (command.state, command.reason) == (HandMode.OPEN, 'released: rest decoded')
            return count * BIN_S
    return None


def begins_to_hold(**settings):
    """A hand in its first bin of HOLD."""
    hand = Decoder(**settings)
    hand.run(2.0)
    while hand.step(grasp=0.98).state != HandMode.HOLD:
        pass
    return hand


@pytest.mark.parametrize('up_after_s', [0.08, 0.2, 0.6])
def test_the_hand_lets_go_as_soon_as_the_lift_has_lasted_long_enough(up_after_s):
    hand = begins_to_hold()
    after_s = lets_go_after_s(hand, lambda s: Seen(True, s >= up_after_s - 1e-6))
    assert after_s == pytest.approx(up_after_s + KEPT_S)


def test_of_a_hand_that_does_not_say_how_high_the_object_is_lifting_takes_as_long_as_is_said():
    assert lets_go_after_s(begins_to_hold(), lambda s: UNSEEN) == pytest.approx(1.2)
    assert lets_go_after_s(begins_to_hold(lift_s=0.6), lambda s: UNSEEN) == pytest.approx(1.6)
    assert lets_go_after_s(begins_to_hold(), lambda s: Seen(True, False)) == pytest.approx(1.2), 'never lifted'


def test_an_object_that_slips_and_is_lifted_again_is_held_from_then_on():
    hand = begins_to_hold()
    after_s = lets_go_after_s(hand, lambda s: Seen(True, s >= 0.12 and not 0.79 < s < 0.81))
    assert after_s == pytest.approx(0.84 + KEPT_S)


def test_rest_that_was_decoded_lets_go_although_a_new_segment_warms_up():
    hand = begins_to_hold()
    hand.run(0.8)
    hand.stamp_offset_ns += 200_000_000
    unknown = {'phase_probability': NAN, 'object_probability': np.empty(0, np.float32), 'segment': 1}
    visited = states(hand.step(bin=i, **unknown) for i in range(LOOK_BACK - 1))
    assert visited == ['HOLD', 'OPEN']


def test_a_grasp_that_lasts_until_a_new_segment_is_not_let_go_while_it_warms_up():
    hand = begins_to_hold()
    hand.run(1.4, grasp=0.98)
    unknown = {'phase_probability': NAN, 'object_probability': np.empty(0, np.float32), 'segment': 1}
    assert states(hand.step(bin=i, **unknown) for i in range(LOOK_BACK - 1)) == ['HOLD']


def test_a_hand_that_feels_nothing_does_not_hold():
    hand = Decoder()
    hand.run(2.0)
    commands = [hand.controller.step(hand.decode(grasp=0.98), hand.now_ns, Seen(False, False)) for _ in range(20)]
    assert states(commands) == ['PRESHAPE', 'CLOSE']
    assert 'no finger has met an object' in commands[-1].reason
    assert hand.controller.step(hand.decode(grasp=0.98), hand.now_ns, Seen(True, False)).state == HandMode.HOLD


@given(
    st.lists(st.tuples(st.sampled_from([0.01, 0.2, 0.5, 0.98]), st.booleans(), st.booleans()), max_size=60),
    st.floats(0.0, 3.0),
    st.floats(0.0, 1.0),
    st.booleans(),
)
def test_a_hand_whose_decoded_rest_lasts_lets_go(bins, hold_dwell_s, lift_s, is_lifted):
    hand = Decoder(hold_dwell_s=hold_dwell_s, lift_s=lift_s)
    hand.run(1.0)
    for grasp, touched, lifted in bins:
        hand.controller.step(hand.decode(grasp=grasp), hand.now_ns, Seen(touched, lifted))
    longest_s = lift_s + 2 * hold_dwell_s + 1.0
    commands = [
        hand.controller.step(hand.decode(), hand.now_ns, Seen(True, is_lifted)) for _ in range(round(longest_s / BIN_S))
    ]
    assert commands[-1].state in (HandMode.OPEN, HandMode.PRESHAPE)
