# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The grasp controller: what it decides, decode by decode."""

import dataclasses
import itertools

import numpy as np
import pytest

from grasp_decoder.control.grasp_controller import GraspController
from grasp_decoder.control.joint_targets import JointTargets
from grasp_decoder.control.settings import ControlSettings
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.evidence import EvidenceRule
from grasp_decoder.objects import GraspObject, ObjectCatalogue
from grasp_decoder.types.hand_command import HandMode

from helpers.healthy_decodes import (
    BIN_S,
    BUNDLE,
    GRIPS,
    LOOK_BACK,
    NAN,
    OBJECTS,
    Decoder,
    states,
)


def test_a_trial_goes_through_every_state_and_lets_go():
    hand = Decoder()
    commands = hand.run(2.8) + hand.run(0.4, grasp=0.98) + hand.run(1.2)
    assert states(commands) == ['SAFE', 'OPEN', 'PRESHAPE', 'CLOSE', 'HOLD', 'OPEN']
    held = [c for c in commands if c.state == HandMode.HOLD]
    assert {c.grip for c in held} == {'spherical'}
    assert {c.aperture for c in held} == {1.0}
    assert held[-1].stamp_ns - held[0].stamp_ns >= 1.1e9
    assert commands[-1].aperture == 0.0


def test_closing_begins_within_two_bins_of_the_onset_and_takes_less_than_a_fifth_of_a_second():
    hand = Decoder()
    hand.run(2.8)
    commands = hand.run(0.4, grasp=0.98)
    assert commands[1].state == HandMode.CLOSE
    assert commands[5].aperture == 1.0


def test_the_hand_does_not_close_on_an_object_that_training_did_not_have_and_says_so():
    hand = Decoder()
    hand.run(2.8)
    commands = hand.run(0.4, grasp=0.98, novelty=0.8)
    assert {'CLOSE', 'HOLD'}.isdisjoint(states(commands))
    assert commands[-1].reason == 'grasp decoded, but of an object unlike those of training (0.80)'
    assert hand.run(0.4, grasp=0.98, novelty=0.1)[-1].state == HandMode.HOLD


def test_novelty_does_not_count_before_the_grasp():
    preshaped = Decoder().run(2.8, novelty=1.0)
    assert states(preshaped) == ['SAFE', 'OPEN', 'PRESHAPE']


def test_a_single_bin_of_grasp_at_rest_does_not_close():
    hand = Decoder()
    commands = hand.run(2.0) + hand.run(BIN_S, grasp=0.98) + hand.run(2.0)
    assert 'CLOSE' not in states(commands)


def lateral(object_id):
    return GraspObject(object_id, f'object {object_id}', grip='lateral')


def test_the_grip_is_the_one_that_the_objects_together_favour():
    # 31 and 61 are less probable than 44 each; let 21 and 61 share a grip
    shared = dataclasses.replace(GRIPS, objects=ObjectCatalogue((lateral(21), lateral(61))))
    hand = Decoder(GraspController(ControlSettings(), shared))
    probability = np.array([0.332, 0.001, 0.335, 0.332], np.float32)
    commands = hand.run(1.0, object_probability=probability)
    commands += hand.run(0.4, grasp=0.98, object_probability=probability)
    assert commands[-1].grip == 'lateral'


def test_an_object_that_the_table_does_not_list_takes_the_power_grip():
    controller = GraspController(ControlSettings(), GRIPS)
    hand = Decoder(controller)
    controller.configure((1, 2, 3, 4), BIN_S, LOOK_BACK)
    commands = [
        controller.step(dataclasses.replace(hand.decode(grasp), object_id=3), hand.now_ns)
        for grasp in [0.01] * 30 + [0.98] * 8
    ]
    assert commands[-1].state == HandMode.HOLD
    assert commands[-1].grip == 'power'


def test_a_decoder_of_the_phase_alone_takes_the_default_grip():
    hand = Decoder()
    hand.controller.configure((), BIN_S, LOOK_BACK)
    empty = {'object_id': 44, 'object_probability': np.empty(0, np.float32)}
    commands = hand.run(1.0, **empty) + hand.run(0.4, grasp=0.98, **empty)
    assert commands[-1].state == HandMode.HOLD
    assert commands[-1].grip == 'power'


def test_unsure_of_the_grip_the_hand_stays_open():
    hand = Decoder(close_confidence=0.6)
    commands = hand.run(1.0, confidence=0.25) + hand.run(0.4, grasp=0.98, confidence=0.25)
    assert commands[-1].state == HandMode.OPEN
    assert 'unsure' in commands[-1].reason


def test_rest_while_closing_aborts():
    hand = Decoder(max_aperture_velocity=1.0)
    hand.run(1.0)
    commands = hand.run(0.16, grasp=0.98) + hand.run(0.4)
    assert states(commands) == ['PRESHAPE', 'CLOSE', 'OPEN']
    assert 'aborted' in commands[-1].reason


def test_the_hand_opens_before_it_preshapes_another_grip():
    hand = Decoder(preshape_dwell_s=0.4, open_dwell_s=0.2)
    rule = EvidenceRule(4 * (0.25,), gain=1.0, memory_s=0.02)
    hand.controller.configure(OBJECTS, BIN_S, LOOK_BACK, BUNDLE, rule)
    commands = hand.run(1.0) + [hand.step(object_id=OBJECTS[i // 7 % 2]) for i in range(400)]
    changes = [b for a, b in itertools.pairwise(commands) if a.grip != b.grip]
    assert len(changes) > 2
    assert states(commands)[1:] == (['OPEN', 'PRESHAPE'] * 100)[: len(states(commands)) - 1]
    assert np.diff([c.stamp_ns for c in changes]).min() >= 0.6e9


def test_while_a_window_fills_the_hand_is_open():
    hand = Decoder()
    hand.run(2.0)
    unknown = {'phase_probability': NAN, 'object_probability': np.empty(0, np.float32), 'segment': 1}
    commands = [hand.step(bin=i, object_id=44, **unknown) for i in range(LOOK_BACK - 1)]
    assert states(commands) == ['OPEN']
    command = hand.step(bin=LOOK_BACK - 1, **unknown)
    assert (command.state, command.reason) == (HandMode.SAFE, 'phase probability is nan')


def aperture(hand, values, grasp=0.0):
    return [hand.step(aperture=value, grasp=grasp) for value in values]


def test_proportional_aperture_follows_the_decode_outside_the_dead_band():
    hand = Decoder(proportional=True, max_aperture_velocity=2.0, close_threshold=0.5)
    aperture(hand, [0.0] * 40)
    commands = aperture(hand, [0.8] * 20)
    assert commands[-1].aperture == pytest.approx(0.8)
    steps = np.diff([c.aperture for c in commands])
    assert steps.max() <= 2.0 * BIN_S + 1e-9
    wobble = aperture(hand, [0.8, 0.82, 0.78, 0.81] * 4)
    assert {c.aperture for c in wobble} == {commands[-1].aperture}
    assert aperture(hand, [0.9] * 20)[-1].aperture == pytest.approx(0.9)
    assert states(aperture(hand, [0.0] * 40))[-1] in ('OPEN', 'PRESHAPE')


@pytest.mark.parametrize(
    'change', [{'safe_state': 'float'}, {'hold_dwell_s': -1.0}, {'close_threshold': 0.2}, {'phase_gain': NAN}]
)
def test_bad_settings_are_refused_by_name(change):
    with pytest.raises(GraspDecoderError, match=next(iter(change)) if 'close' not in str(change) else 'release'):
        ControlSettings(**change)


def test_joint_targets_start_where_the_hand_is():
    joints = JointTargets(GRIPS)
    closed = np.repeat([motor.high for motor in GRIPS.motors], [len(motor.joints) for motor in GRIPS.motors])
    joints.start_from(closed)
    hand = Decoder()
    first = joints.step(hand.step(), hand.now_ns)
    second = joints.step(hand.step(), hand.now_ns)
    assert np.allclose(first, closed)
    assert np.all(second <= closed) and np.any(second < closed)
