# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Pictures of a simulated hand, drawn by MuJoCo from the state of any simulator."""

from contextlib import closing

import numpy as np
import pytest

pytest.importorskip('mujoco')

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.hand.pictures.film import draw_state
from grasp_decoder.hand.simulator import open_simulator
from grasp_decoder.objects import GraspObject


@pytest.mark.slow
def test_a_picture_shows_the_object_that_is_there():
    with closing(open_simulator('mujoco')) as simulator:
        simulator.set_object(GraspObject(1, 'ball', 'sphere', 0.03))
        ball_state = simulator.state()
        simulator.set_object(GraspObject(1, 'cube', 'cube', 0.03))
        cube_state = simulator.state()
    try:
        ball = draw_state(ball_state)
    except GraspDecoderError as error:
        pytest.skip(str(error))
    cube = draw_state(cube_state)
    assert ball.shape == cube.shape == (720, 960, 3)
    assert ball.dtype == np.uint8
    changed = (ball != cube).any(axis=2).mean()
    assert 0.0001 < changed < 0.2
