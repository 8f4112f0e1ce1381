# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""hand.sdf and the objects: what every simulator relies on."""

import pytest

from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.hand.object_models import object_model, object_sdf, require_models
from grasp_decoder.hand.sdf import HAND_SDF, LIFT_JOINT, hand_joint_names, hand_model, parse_model
from grasp_decoder.objects import GraspObject, ObjectCatalogue, load_objects

OBJECTS = load_objects()
MODELS = {'hand': hand_model()} | {
    each.label: parse_model(object_sdf(object_model(each)), each.label) for each in OBJECTS.objects
}


def test_the_grip_table_moves_exactly_the_joints_of_the_hand_but_the_lift():
    moved = [joint for motor in load_grip_table().motors for joint in motor.joints]
    assert sorted([*moved, LIFT_JOINT]) == sorted(hand_joint_names())


def test_the_grip_table_stays_inside_the_limits_of_the_joints():
    limits = {joint.name: joint for joint in hand_model().joints}
    for motor in load_grip_table().motors:
        for joint, ratio in motor.joints.items():
            for angle in (motor.low * ratio, motor.high * ratio):
                assert limits[joint].lower <= angle <= limits[joint].upper, joint


@pytest.mark.parametrize('name', MODELS)
def test_no_link_is_too_light_for_the_solver_of_gazebo(name):
    for link in MODELS[name].links:
        assert min(link.inertia) >= 1e-4
        assert link.mass > 0


def test_the_hand_is_sdf_1_6_without_plugins_and_ground():
    text = HAND_SDF.read_text()
    assert '<sdf version="1.6">' in text
    assert '<plugin' not in text
    assert '<plane' not in text


def test_ids_that_are_merged_are_the_same_object():
    for copy, original in OBJECTS.copies.items():
        text, of_original = (object_sdf(object_model(OBJECTS.find(each))) for each in (copy, original))
        assert text.replace(f'object_{copy}', f'object_{original}') == of_original


@pytest.mark.parametrize('shape, size_m', [(None, None), (None, 0.02), ('mug', 0.2), ('post', None)])
def test_what_no_model_is_described_for_is_a_post_of_30_mm(shape, size_m):
    model = object_model(GraspObject(7, 'mug', shape, size_m))
    assert (model.shape, model.size_m) == ('post', 0.03)


@pytest.mark.parametrize('size_m', [0.001, 0.2])
def test_an_object_that_no_hand_grasps_is_refused(size_m):
    cube = GraspObject(1, 'my cube', 'cube', size_m)
    with pytest.raises(GraspDecoderError, match='^my cube: size_m 0[^\n]* grasps 0.005 to 0.08 m[^\n]*$'):
        require_models(ObjectCatalogue((GraspObject(2, 'ball', 'sphere', 0.03), cube)))


@pytest.mark.parametrize(
    'text',
    [
        '',
        '<sdf/>',
        '<sdf><model name="a"><link name="b"/></model></sdf>',
        '<sdf><model name="a"><pose>0 0 0</pose></model></sdf>',
    ],
)
def test_what_is_not_a_model_is_refused_in_one_line(text):
    with pytest.raises(GraspDecoderError, match='^some.sdf: [^\n]*$'):
        parse_model(text, 'some.sdf')
