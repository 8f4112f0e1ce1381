# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The grasp controller and what a decoder announces: what makes no sense moves nothing."""

import dataclasses

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from grasp_decoder.control.grasp_controller import GraspController
from grasp_decoder.control.settings import ControlSettings
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


def test_a_decoder_of_another_catalogue_moves_nothing_until_one_of_this_comes():
    hand = Decoder()
    hand.run(0.6)
    labels = [f'object {object_id}' for object_id in OBJECTS]
    hand.controller.configure(OBJECTS, BIN_S, LOOK_BACK, labels=['side', *labels[1:]])
    commands = hand.run(0.6) + hand.run(1.0, grasp=0.99)
    assert {command.state for command in commands} == {HandMode.SAFE}
    assert "the decoder calls object 21 'side'" in commands[-1].reason and '--objects' in commands[-1].reason
    hand.controller.configure(OBJECTS, BIN_S, LOOK_BACK, labels=labels)
    assert hand.run(0.6)[-1].state != HandMode.SAFE


def test_without_a_decoder_the_hand_is_safe():
    hand = Decoder()
    hand.controller = GraspController(ControlSettings(), GRIPS)
    assert 'no decoder' in hand.controller.watchdog(0).reason
    assert states(hand.run(3.0, grasp=0.98)) == ['SAFE']


@pytest.mark.parametrize('bin_s', [NAN, float('inf'), -100.0, 0.0, -1.0])
def test_a_decoder_that_makes_no_sense_is_refused_and_the_next_one_taken(bin_s):
    hand = Decoder()
    hand.run(1.0)
    hand.controller.configure(OBJECTS, bin_s, LOOK_BACK)
    commands = hand.run(1.0)
    assert states(commands) == ['SAFE'] and 'a bin lasts' in commands[-1].reason
    hand.controller.configure(OBJECTS, BIN_S, LOOK_BACK)
    assert states(hand.run(1.0))[:2] == ['SAFE', 'OPEN']


@given(
    count=st.lists(st.integers(1, 1000), min_size=1, max_size=60),
    grip_names=st.lists(st.sampled_from(sorted(GRIPS.postures)), min_size=60, max_size=60),
    gain=st.floats(0.01, 1.0),
)
def test_a_decoder_that_says_how_often_training_had_the_objects_moves_nothing(count, grip_names, gain):
    # also where all objects but one share a grip, and where training had one of them most often
    prior = tuple((np.array(count) / sum(count)).tolist())
    grip_names = grip_names[: len(count) - 1]
    grip_names.append('hook' if 'hook' not in grip_names else 'power')  # one grip alone is always the right one
    assume(len(set(grip_names)) > 1)
    catalogue = ObjectCatalogue(tuple(GraspObject(i, f'object {i}', grip=name) for i, name in enumerate(grip_names)))
    hand = Decoder(GraspController(ControlSettings(), dataclasses.replace(GRIPS, objects=catalogue)))
    hand.controller.configure(range(len(prior)), BIN_S, LOOK_BACK, BUNDLE, EvidenceRule(prior, gain))
    knows_nothing = {
        'object_id': int(np.argmax(prior)),
        'object_probability': np.array(prior, np.float32),
        'confidence': max(prior),
    }
    commands = [
        hand.controller.step(dataclasses.replace(hand.decode(grasp), **knows_nothing), hand.now_ns)
        for grasp in [0.01] * 25 + [0.98] * 10
    ]
    assert states(commands) == ['SAFE', 'OPEN']
    assert 'unsure of the grip (0.00)' in commands[-1].reason


@pytest.mark.parametrize('rule', [EvidenceRule((1.0,)), EvidenceRule(4 * (0.25,), gain=NAN)])
def test_a_decoder_whose_rule_of_evidence_makes_no_sense_moves_nothing(rule):
    hand = Decoder()
    hand.controller.configure(OBJECTS, BIN_S, LOOK_BACK, BUNDLE, rule)
    commands = hand.run(1.0) + hand.run(1.0, grasp=0.98)
    assert states(commands) == ['SAFE']
    assert commands[-1].reason.startswith('no decoder: /decoder_info says')
