# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Movement as the dof task."""

import numpy as np
import pytest

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.learning.movement import MovementScale, movement_trials
from grasp_decoder.recording.binned_kinematics import BinnedKinematics


def binned(movement):
    counts = np.ones((len(movement), 3), np.uint16)
    return BinnedKinematics(100_000_000, 3, (counts, counts), (movement, movement + 1))


def test_position_is_the_default_and_velocity_an_option():
    movement = np.arange(20.0).reshape(5, 4)
    position, velocity = movement_trials(binned(movement)), movement_trials(binned(movement), ('vy',))
    np.testing.assert_array_equal(position[1].dof, movement[:, :2] + 1)
    np.testing.assert_array_equal(velocity[0].dof, movement[:, 3:])


def test_the_scale_goes_there_and_back():
    movement = np.random.default_rng(0).normal(0, 50, (40, 2))
    scale = MovementScale.of([movement[:20], movement[20:]])
    targets = scale.to_targets(movement)
    assert 0 < targets.min() < targets.max() < 1
    np.testing.assert_allclose(scale.to_movement(targets), movement, atol=1e-4)


@pytest.mark.parametrize(
    'movement, names, message',
    [
        (np.zeros((5, 4)), ('z',), 'no movement z'),
        (np.full((5, 4), np.nan), ('x',), 'contains NaN'),
    ],
)
def test_what_cannot_be_decoded_is_refused(movement, names, message):
    with pytest.raises(GraspDecoderError, match=message):
        movement_trials(binned(movement), names)
