"""hand.sdf and the objects: what every simulator relies on."""

import pytest

from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.hand.object_models import SAME_OBJECT, grasp_object, known_object_ids, object_sdf
from grasp_decoder.hand.sdf import HAND_SDF, LIFT_JOINT, hand_joint_names, hand_model, parse_model

MODELS = {'hand': hand_model()} | {
    str(object_id): parse_model(object_sdf(grasp_object(object_id)), str(object_id)) for object_id in known_object_ids()
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
    for copy, original in SAME_OBJECT.items():
        assert object_sdf(grasp_object(copy)).replace(f'object_{copy}', f'object_{original}') == object_sdf(
            grasp_object(original)
        )


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
