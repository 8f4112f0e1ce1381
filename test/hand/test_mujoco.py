# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Every grip of the table in MuJoCo's physics: what fits lifts, what does not fit slips."""

from contextlib import closing

import pytest

pytest.importorskip('mujoco')

from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.hand.simulator import open_simulator
from grasp_decoder.objects import load_objects

from helpers.grasps import grasp

OBJECTS = load_objects()
EVERY_ID = [*(each.object_id for each in OBJECTS.objects), *OBJECTS.copies]


@pytest.fixture(scope='module')
def simulator():
    with closing(open_simulator('mujoco')) as simulator:
        yield simulator


@pytest.mark.slow
@pytest.mark.parametrize('object_id', [*EVERY_ID, 3, 99])
def test_the_grip_of_the_table_lifts_and_holds_the_object(simulator, object_id):
    lift = grasp(simulator, object_id, load_grip_table().grip_of(object_id))
    assert lift.held.min() >= 0.05
    assert lift.released < 0.05


@pytest.mark.parametrize('object_id', [15, 23, 31, 41, 51, 61, 62, 63, 71])
def test_a_machine_slower_than_real_time_lifts_late_but_lifts(simulator, object_id):
    lift = grasp(simulator, object_id, load_grip_table().grip_of(object_id), close_s=0.08, rate=0.5)
    assert lift.held[-1] >= 0.05
    assert lift.released < 0.05


@pytest.mark.slow
@pytest.mark.parametrize('object_id', [22, 33, 43, 51, 63, 73])
def test_of_each_shape_some_grip_does_not_fit_and_lets_it_slip(simulator, object_id):
    held = {grip: grasp(simulator, object_id, grip).held.min() >= 0.05 for grip in load_grip_table().postures}
    assert not all(held.values()), held
    assert any(held.values()), held
