# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The grasp controller: every fault is SAFE at once, says why, and is left at rest."""

import dataclasses

import numpy as np
import pytest

from grasp_decoder.control.fault_policies import Fault, FaultKind
from grasp_decoder.control.faults import SourceClock
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.types.hand_command import HandMode

from helpers.healthy_decodes import (
    BIN_NS,
    BIN_S,
    LOOK_BACK,
    NAN,
    Decoder,
    milliseconds,
    states,
)

FAULTS = {
    'phase probability is nan': {'phase_probability': NAN},
    'phase probability is 1.5': {'phase_probability': 1.5},
    'object probabilities are not in 0..1': {'object_probability': np.array([NAN, 0.0, 1.0, 0.0], np.float32)},
    '2 object probabilities for 4 objects': {'object_probability': np.array([0.5, 0.5], np.float32)},
    'unknown object 77': {'object_id': 77},
    'confidence is nan': {'confidence': NAN},
    'no confidence: 0.1 is less than chance': {'confidence': 0.1},
    'clock went back 10 s': 'clock back',
    'lost data: 3 spike batches': {'lost_batches': 3},
    'lost data: bin 900 follows bin': {'bin': 900},
    'clock jumped 2.04 s in one bin': 'clock jumps',
    'late: the decode is 0.50 s old': 'late',
    'due 1.00 s in the future': 'early',
    'validity is nan': {'validity': NAN},
    'not the input that was learnt: swapped': {'validity': 0.4, 'invalid_reason': 'swapped'},
    'a decode of bundle 0123, which has not': {'bundle': '0123'},
    'another decoder than before': {'decoder': 5},
}


@pytest.mark.parametrize('reason', FAULTS)
@pytest.mark.parametrize('grasping', (False, True))
def test_every_fault_is_safe_at_once_and_recovers_at_rest(reason, grasping):
    hand = Decoder()
    hand.run(2.0)
    if grasping:
        assert hand.run(0.4, grasp=0.98)[-1].state == HandMode.HOLD
    change = FAULTS[reason]
    healthy = hand.decode()
    if change == 'clock back':
        hand.stamp_offset_ns -= 10_000_000_000 + BIN_NS
        change = {'stamp_ns': healthy.stamp_ns - BIN_NS - 10_000_000_000}
    elif change == 'clock jumps':
        change = {'stamp_ns': healthy.stamp_ns + 2_000_000_000}
        hand.stamp_offset_ns += 2_000_000_000
    elif change == 'late':
        change = {'due_ns': healthy.due_ns + 1_000_000 - 500_000_000}
    elif change == 'early':
        change = {'due_ns': hand.now_ns + 1_000_000_000}
    command = hand.controller.step(dataclasses.replace(healthy, **change), hand.now_ns)
    assert command.state == HandMode.SAFE
    assert command.reason.startswith(reason)

    after = {'lost_batches': change.get('lost_batches', 0)}
    if 'bin' in change:
        hand.bin = change['bin']
    visited = states(hand.run(2.0, grasp=0.98, **after))
    if grasping and change_keeps(reason):
        assert visited == ['SAFE', 'HOLD'], 'what is held is kept, and held again'
        assert states(hand.run(2.0, **after))[:2] == ['HOLD', 'OPEN']
    else:
        assert visited == ['SAFE'], 'grasp right after a fault does not close'
        assert states(hand.run(2.0, **after))[:2] == ['SAFE', 'OPEN']


def change_keeps(reason):
    return reason.split()[0].rstrip(':') in ('clock', 'lost', 'late', 'due', 'a', 'another')


@pytest.mark.parametrize('beside', ({}, {'segment': 1}, {'segment': 1, 'stamp_ns': 10**15}))
def test_two_decoders_move_nothing_whatever_their_clocks_say(beside):
    hand = Decoder()
    hand.run(1.0, decoder=1)
    for _ in range(50):
        other = dataclasses.replace(hand.decode(grasp=0.98), decoder=2, **beside)
        assert hand.controller.step(other, hand.now_ns).reason.startswith('another decoder')
        assert hand.step(grasp=0.98, decoder=1).state == HandMode.SAFE
    assert states(hand.run(2.0, decoder=1))[:2] == ['SAFE', 'OPEN']


def test_silence_is_safe_and_the_hand_opens_within_its_limits():
    hand = Decoder(safe_state='open')
    hand.run(2.0)
    hand.run(0.4, grasp=0.98)
    assert hand.controller.watchdog(hand.now_ns + milliseconds(150)) is None
    commands = [hand.controller.watchdog(hand.now_ns + milliseconds(ms)) for ms in range(160, 560, 20)]
    assert states(commands) == ['SAFE']
    assert commands[0].aperture > 0.0
    assert commands[-1].aperture == 0.0


@pytest.mark.parametrize(
    'silent_ms, source_silent_ms, ahead_ms, reason',
    [
        (170, 170, 30, 'spikes stopped'),
        (170, 10, 80, 'decoder stopped: spikes arrive, decodes do not'),
        (740, 40, 39, None),
        (760, 40, 39, 'paused'),
    ],
)
def test_silence_names_its_cause(silent_ms, source_silent_ms, ahead_ms, reason):
    hand = Decoder()
    last = hand.run(2.0)[-1]
    now_ns = hand.now_ns + milliseconds(silent_ms)
    clock = SourceClock(now_ns - milliseconds(source_silent_ms), 0, last.stamp_ns + milliseconds(ahead_ms))
    command = hand.controller.watchdog(now_ns, lambda: clock)
    assert (command and command.reason) == reason
    assert command is None or command.state == HandMode.SAFE


def test_after_a_gap_the_next_trial_has_two_bins_of_time_for_its_first_decode():
    hand = Decoder()
    stamp_ns = hand.run(2.0)[-1].stamp_ns + 60_000_000_000
    answers = []
    for ms in range(510, 640, 10):
        now_ns = hand.now_ns + milliseconds(ms)
        answers.append(hand.controller.watchdog(now_ns, lambda: SourceClock(now_ns, 1, stamp_ns + milliseconds(ms))))
    assert answers[:8] == [None] * 8
    assert answers[8].reason.startswith('decoder stopped')


def test_e_stop_latches_until_reset():
    hand = Decoder()
    hand.run(2.0)
    assert hand.controller.e_stop(hand.now_ns).reason == 'e-stop'
    commands = [*hand.run(5.0), hand.controller.watchdog(hand.now_ns + 10**9), *hand.run(1.0, confidence=0.0)]
    assert {(c.state, c.reason) for c in commands} == {(HandMode.SAFE, 'e-stop')}
    with pytest.raises(GraspDecoderError, match='still pressed'):
        hand.controller.reset()
    hand.controller.e_stop_let_go()
    hand.controller.reset()
    commands = hand.run(1.0)
    assert states(commands)[:2] == ['SAFE', 'OPEN']
    assert commands[0].reason == 'e-stop released'


def test_the_hand_does_not_close_before_the_decoder_has_seen_rest():
    hand = Decoder()
    hand.bin = -1
    commands = hand.run((LOOK_BACK - 1) * BIN_S, grasp=NAN, phase=0)
    assert hand.bin == LOOK_BACK - 2
    assert states([*commands, *hand.run(2.0, grasp=0.98)]) == ['SAFE']


def test_a_source_of_another_machine_that_falls_behind_is_late():
    hand = Decoder()
    hand.run(1.0, due_ns=0)
    hand.now_ns += milliseconds(400)  # decodes go on, each as much too late
    command = hand.step(due_ns=0)
    assert command.state == HandMode.SAFE and command.reason.startswith('late: the decode is 0.40 s old')
    assert {command.reason for command in hand.run(1.0, due_ns=0)} == {command.reason}


def test_a_standing_fault_lasts_until_it_is_cleared():
    hand = Decoder()
    hand.run(1.0)
    hand.controller.fail_until_cleared(Fault(FaultKind.SECOND_PUBLISHER, 'two decoders'), hand.now_ns)
    assert {command.reason for command in hand.run(2.0)} == {'two decoders'}
    hand.controller.clear(FaultKind.SECOND_PUBLISHER)
    assert states(hand.run(1.0))[:2] == ['SAFE', 'OPEN']
