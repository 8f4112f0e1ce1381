# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""HandCommander: what the hand is told between decodes, with other bridges, without its e-stop, and at the end."""

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grasp_decoder.control.fault_policies import Fault, FaultKind, load_fault_policies
from grasp_decoder.control.hand_commander import HandCommander
from grasp_decoder.control.hand_watch import FeedbackSettings
from grasp_decoder.control.settings import ControlSettings
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.types.decoded_grasp import DecodedGrasp
from grasp_decoder.types.hand_command import HandMode

from helpers.healthy_decodes import BIN_S, BUNDLE, GRIPS, INFO, Decoder

MS = 1_000_000
LOWS = np.array([motor.low * ratio for motor in GRIPS.motors for ratio in motor.joints.values()])
HIGHS = np.array([motor.high * ratio for motor in GRIPS.motors for ratio in motor.joints.values()])


class Hand:
    """A commander that is fed with healthy decodes, and ticks every 20 ms between them."""

    def __init__(self, heartbeat_s=0.0, feedback=None, **changes):
        feedback = feedback or FeedbackSettings()
        self.commander = HandCommander(ControlSettings(**changes), feedback, GRIPS, load_fault_policies(), heartbeat_s)
        self.commander.new_decoder(INFO)
        self.decoder = Decoder()

    @property
    def now_ns(self):
        return self.decoder.now_ns

    def run(self, seconds, **changes):
        orders = []
        for _ in range(round(seconds / BIN_S)):
            orders.append(self.commander.tick(self.now_ns + 20 * MS))
            decoded = self.decoder.decode(**changes)
            orders.append(self.commander.decoded(decoded, self.now_ns))
        return orders


def test_targets_go_on_between_decodes_and_only_news_is_announced():
    hand = Hand()
    hand.run(2.0)
    orders = hand.run(0.2, grasp=0.98)
    moved = [np.abs(b.angles - a.angles).max() for a, b in itertools.pairwise(orders)]
    assert all(change > 0 for change in moved[4:8]), 'every 20 ms, not every bin'
    assert all(order.announced for order in orders[1::2])
    assert not any(order.announced for order in hand.run(0.2, grasp=0.98)[::2])


def test_the_last_order_is_safe_and_says_why():
    hand = Hand()
    hand.run(2.0)
    hand.run(0.4, grasp=0.98)
    order = hand.commander.ended(hand.now_ns)
    assert order.safe and order.announced and order.aperture == 0.0
    assert order.command.reason == 'hand_bridge has ended'


def test_another_bridge_is_a_fault_until_it_is_gone():
    hand = Hand()
    orders = hand.run(1.0)
    for number in range(len(orders)):
        hand.commander.published(number + 1)
    hand.commander.commands_heard([1, len(orders)], hand.now_ns)
    assert not hand.commander.tick(hand.now_ns + MS).safe
    hand.commander.commands_heard([2, 10**9], hand.now_ns)
    assert 'another hand_bridge' in hand.commander.tick(hand.now_ns + MS).command.reason
    assert all(order.safe for order in hand.run(0.5))
    assert not hand.run(2.0)[-1].safe


def test_an_e_stop_that_must_be_heard_of_is_missed():
    hand = Hand(heartbeat_s=0.5)
    assert 'not heard of' in hand.run(0.2)[-1].command.reason
    hand.commander.e_stop(False, hand.now_ns)  # by somebody else
    assert 'not heard of' in hand.run(1.0)[-1].command.reason
    hand.commander.e_stop_heard(hand.now_ns)
    assert not hand.run(0.4)[-1].safe
    assert hand.run(0.4)[-1].safe


def test_the_e_stop_is_reset_only_when_it_is_let_go():
    hand = Hand()
    hand.run(1.0)
    assert hand.commander.e_stop(True, hand.now_ns).command.reason == 'e-stop'
    assert hand.commander.e_stopped
    with pytest.raises(GraspDecoderError, match='still pressed'):
        hand.commander.reset()
    hand.commander.e_stop(False, hand.now_ns)
    assert hand.run(1.0)[-1].safe
    hand.commander.reset()
    assert not hand.run(1.0)[-1].safe and not hand.commander.e_stopped


def test_a_hand_that_was_found_closed_opens_from_there():
    hand = Hand(feedback=FeedbackSettings(feedback=True))
    found = 0.8 * HIGHS
    names = [*hand.commander.joint_names, 'lift']
    hand.commander.measured(names, [*found, 0.0], hand.now_ns)
    first = hand.commander.tick(hand.now_ns)
    assert first.angles == pytest.approx(found, abs=0.2)
    hand.commander.measured(names, [*found, 0.0], hand.now_ns + 20 * MS)
    assert np.all(hand.commander.tick(hand.now_ns + 20 * MS).angles <= first.angles + 1e-9)


def test_a_hand_that_is_not_there_is_a_fault():
    hand = Hand(feedback=FeedbackSettings(feedback=True))
    assert 'no hand' in hand.run(1.0)[-1].command.reason


def test_a_hand_that_comes_before_the_first_decode_is_announced():
    commander = Hand(feedback=FeedbackSettings(feedback=True)).commander
    commander.tick(0)
    assert 'no hand' in commander.tick(20 * MS).command.reason
    commander.measured(commander.joint_names, LOWS, 40 * MS)
    order = commander.tick(40 * MS)
    assert order.safe and order.announced and order.command.reason == 'no decode has come yet'


def test_a_decoder_that_was_refused_is_the_reason_again_once_the_hand_is_there():
    commander = HandCommander(ControlSettings(), FeedbackSettings(feedback=True), GRIPS, load_fault_policies())
    commander.new_decoder(dataclasses.replace(INFO, bin_s=-1.0))
    refused = commander.tick(0).command.reason
    assert refused.startswith('no decoder: ') and 'no hand' in commander.tick(20 * MS).command.reason
    commander.measured(commander.joint_names, LOWS, 40 * MS)
    order = commander.tick(40 * MS)
    assert order.safe and order.announced and order.command.reason == refused


@pytest.mark.parametrize('silent_ms', [60, 250, 1000])
def test_a_bridge_that_stood_still_opens_from_where_a_hand_left_alone_is(silent_ms):
    hand = Hand()
    hand.run(2.0)
    before = hand.run(0.6, grasp=0.98)[-1]
    assert before.command.state == HandMode.HOLD
    hand.decoder.now_ns += silent_ms * MS
    # the bins of the standstill come all at once, and say that the grasp goes on
    order = hand.commander.decoded(hand.decoder.decode(grasp=0.98), hand.now_ns)
    assert order.safe and 'stood still' in hand.commander.tick(hand.now_ns).command.reason
    opened = np.abs(before.angles - order.angles).max()
    assert opened > min(0.8, 6.0 * (silent_ms - 20) * 1e-3), 'a hand with a time-out has opened by itself'
    assert all(each.safe for each in hand.run(1.0, grasp=0.98))
    assert not hand.run(1.0)[-1].safe


def test_a_bridge_that_stood_still_may_hold():
    hand = Hand(safe_state='hold')
    hand.run(2.0)
    before = hand.run(0.6, grasp=0.98)[-1]
    hand.decoder.now_ns += 500 * MS
    order = hand.commander.tick(hand.now_ns)
    assert order.safe and order.angles == pytest.approx(before.angles)


numbers = st.one_of(st.floats(allow_nan=True, allow_infinity=True, width=32), st.sampled_from([0.0, 0.5, 0.98, 1.0]))
counts = st.integers(0, 2**63 - 1)


@st.composite
def messages(draw):
    """Any value in any field of a decode, or one field of a healthy decode."""
    changes = {
        'stamp_ns': draw(counts),
        'due_ns': draw(counts),
        'segment': draw(st.integers(0, 2**32 - 1)),
        'bin': draw(counts),
        'phase': draw(st.integers(0, 255)),
        'phase_probability': draw(numbers),
        'object_id': draw(st.integers(-(2**31), 2**31 - 1)),
        'object_probability': np.array(draw(st.lists(numbers, max_size=6)), np.float32),
        'confidence': draw(numbers),
        'aperture': draw(numbers),
        'lost_batches': draw(st.integers(0, 2**32 - 1)),
        'validity': draw(numbers),
        'bundle': draw(st.sampled_from(['', BUNDLE[:12], 'other'])),
        'decoder': draw(st.integers(0, 2)),
    }
    kept = draw(st.sets(st.sampled_from(sorted(changes)), max_size=len(changes)))
    return {name: value for name, value in changes.items() if name in kept}


@settings(max_examples=60)
@given(
    st.lists(
        st.one_of(
            messages(),
            st.just({}),
            st.sampled_from(['silence', 'e-stop', 'let go', 'other bridge', 'bad info', 'info', 'measured', 'error']),
        ),
        min_size=1,
        max_size=40,
    ),
    st.booleans(),
    st.sampled_from(['by_fault', 'open', 'hold']),
)
def test_whatever_comes_joints_stay_inside_their_limits_and_nothing_is_raised(events, feedback, safe_state):
    hand = Hand(feedback=FeedbackSettings(feedback=feedback), safe_state=safe_state)
    commander = hand.commander
    for event in events:
        now_ns = hand.now_ns
        if isinstance(event, dict):
            decoded = hand.decoder.decode(grasp=0.98)
            orders = [commander.decoded(dataclasses.replace(decoded, **event), hand.now_ns)]
            assert isinstance(decoded, DecodedGrasp)
        elif event == 'silence':
            hand.decoder.now_ns += 500 * MS
            orders = [commander.tick(hand.now_ns)]
            assert orders[0].safe
        elif event == 'e-stop':
            orders = [commander.e_stop(True, now_ns)]
            assert orders[0].safe
        elif event == 'error':
            orders = [commander.failed(Fault(FaultKind.INTERNAL, 'an error'), now_ns)]
            assert orders[0].safe
        else:
            if event == 'let go':
                commander.e_stop(False, now_ns)
            elif event == 'other bridge':
                commander.commands_heard([1], now_ns)
            elif event == 'measured':
                commander.measured(list(commander.joint_names), list(HIGHS), now_ns)
            else:
                bin_s = float('nan') if event == 'bad info' else BIN_S
                commander.new_decoder(dataclasses.replace(INFO, bin_s=bin_s, bundle_sha256=event))
            orders = [commander.tick(now_ns + MS)]
        for order in orders:
            assert np.all(order.angles >= LOWS - 1e-9) and np.all(order.angles <= HIGHS + 1e-9)
            assert 0.0 <= order.aperture <= 1.0 and order.command.reason
            assert order.command.state in HandMode
