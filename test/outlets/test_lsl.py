# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What a program without ROS reads from LSL streams."""

import math
import time

import pytest

from grasp_decoder.types.hand_command import HandCommand, HandMode
from grasp_decoder.types.time import NS_PER_S

from helpers.healthy_decodes import Decoder

pytest.importorskip('pylsl', reason='pylsl is not installed')

import pylsl

from grasp_decoder.outlets.lsl import DECODED, LslOutlets

WAIT_S = 20.0


@pytest.fixture
def outlets(own_lsl):
    outlets = LslOutlets('grasp_decoder/left')
    yield outlets
    outlets.close()


def listen(name):
    [found] = pylsl.resolve_byprop('name', f'grasp_decoder/left/{name}', timeout=WAIT_S)
    inlet = pylsl.StreamInlet(found)
    inlet.open_stream(timeout=WAIT_S)
    return inlet


@pytest.mark.slow
def test_decodes_are_samples_and_changes_of_the_hand_are_markers(outlets):
    decoded, states = listen('decoded_grasp'), listen('hand_state')
    decode = Decoder().decode(grasp=0.75, due_ns=time.monotonic_ns() - 2 * NS_PER_S)
    outlets.send_decode(decode)
    sample, at_s = decoded.pull_sample(timeout=WAIT_S)
    said = dict(zip([name for name, _ in DECODED], sample))
    assert said.pop('acquisition_time') == pytest.approx(decode.stamp_ns / NS_PER_S)
    assert math.isnan(said.pop('aperture'))
    expected = {'phase': 1, 'phase_probability': 0.75, 'object_id': 44, 'confidence': 0.9, 'validity': 1}
    assert said == pytest.approx(expected)
    assert 2 <= pylsl.local_clock() - at_s < 2 + WAIT_S  # the end of the bin, on LSL's clock
    channel, names = decoded.info(WAIT_S).desc().child('channels').first_child(), []
    while not channel.empty():
        names.append(channel.child_value('label'))
        channel = channel.next_sibling()
    assert names == [name for name, _ in DECODED]

    for state, grip, reason in (
        (HandMode.OPEN, 'power', 'rest'),
        (HandMode.OPEN, 'power', 'still rest'),
        (HandMode.CLOSE, 'lateral', 'decoded grasp'),
        (HandMode.SAFE, 'lateral', 'no decodes'),
    ):
        outlets.send_command(HandCommand(0, 0, state, grip, 0.5, reason, published_ns=time.monotonic_ns()))
    markers = [states.pull_sample(timeout=WAIT_S)[0] for _ in range(3)]
    assert markers == [['OPEN power'], ['CLOSE lateral'], ['SAFE: no decodes']]
    assert not states.samples_available()
