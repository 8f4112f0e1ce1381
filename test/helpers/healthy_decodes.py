# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Healthy decodes for tests of the grasp controller: one bin after the other, changed where a test wants it."""

import dataclasses

import numpy as np

from grasp_decoder.control.grasp_controller import GraspController
from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.control.settings import ControlSettings
from grasp_decoder.types.decoded_grasp import GRASP, REST, DecodedGrasp
from grasp_decoder.types.decoder_info import DecoderInfo
from grasp_decoder.types.hand_command import HandMode

GRIPS = load_grip_table()
OBJECTS = (21, 31, 44, 61)
BIN_NS = 40_000_000
BIN_S = 0.04
LOOK_BACK = 12
BUNDLE = 64 * 'a'
NAN = float('nan')
INFO = DecoderInfo(
    0,
    'made up',
    BUNDLE,
    BIN_S,
    LOOK_BACK,
    96,
    'cpu:int8',
    OBJECTS,
    len(OBJECTS) * ('',),
    ('phase', 'object'),
    object_prior=4 * (0.25,),
    object_gain=0.2,
    object_memory_s=0.2,
    object_dead_band=0.0,
)


class Decoder:
    """Makes healthy decodes, one bin after the other; both clocks advance together."""

    def __init__(self, controller=None, **settings):
        self.settings = ControlSettings(**settings)
        self.controller = controller or GraspController(self.settings, GRIPS)
        self.controller.configure(OBJECTS, BIN_S, LOOK_BACK, BUNDLE)
        self.bin = LOOK_BACK - 1
        self.now_ns = 5_000_000_000
        self.stamp_offset_ns = 100_000_000_000

    def decode(self, grasp=0.01, object_id=44, confidence=0.9, **changes):
        self.bin += 1
        self.now_ns += BIN_NS
        probability = np.full(len(OBJECTS), (1.0 - confidence) / (len(OBJECTS) - 1), np.float32)
        probability[OBJECTS.index(object_id)] = confidence
        decoded = DecodedGrasp(
            stamp_ns=self.stamp_offset_ns + self.bin * BIN_NS,
            due_ns=self.now_ns - 1_000_000,
            segment=0,
            bin=self.bin,
            phase=GRASP if grasp > 0.5 else REST,
            phase_probability=grasp,
            object_id=object_id,
            object_probability=probability,
            confidence=confidence,
            aperture=NAN,
        )
        return dataclasses.replace(decoded, **changes)

    def step(self, **changes):
        return self.controller.step(self.decode(**changes), self.now_ns)

    def run(self, seconds, **changes):
        return [self.step(**changes) for _ in range(round(seconds / BIN_S))]


def states(commands):
    """The states that were visited, in order."""
    visited = []
    for command in commands:
        if not visited or visited[-1] != command.state.name:
            visited.append(command.state.name)
    return visited


def milliseconds(ms):
    return ms * 1_000_000


def holding(**settings):
    """A hand that has just begun to hold."""
    hand = Decoder(**settings)
    hand.run(2.0)
    assert hand.run(0.4, grasp=0.98)[-1].state == HandMode.HOLD
    return hand
