# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Transforms and joint positions against textbook formulas and forward kinematics."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grasp_decoder.hand.gazebo.kinematics import HandKinematics
from grasp_decoder.hand.link_poses import LinkPoses
from grasp_decoder.hand.sdf import hand_model
from grasp_decoder.hand.transforms import from_quaternion, from_roll_pitch_yaw, position_and_quaternion

HAND = hand_model()
POSITION = (0.1, -0.2, 0.3)

angles = st.floats(-math.pi, math.pi)


def rotation(axis, angle):
    """Rodrigues' formula: rotation matrix (3, 3) about a unit axis."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross


@given(angles, angles, angles)
def test_roll_pitch_and_yaw_turn_about_fixed_axes_in_this_order(roll, pitch, yaw):
    transform = from_roll_pitch_yaw(POSITION, (roll, pitch, yaw))
    x, y, z = np.eye(3)
    assert transform[:3, :3] == pytest.approx(rotation(z, yaw) @ rotation(y, pitch) @ rotation(x, roll), abs=1e-12)
    assert tuple(transform[:3, 3]) == POSITION
    assert tuple(transform[3]) == (0, 0, 0, 1)


@given(st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda axis: np.linalg.norm(axis) > 0.1), angles)
def test_a_quaternion_turns_about_its_axis(axis, angle):
    axis = np.array(axis) / np.linalg.norm(axis)
    transform = from_quaternion(POSITION, (*math.sin(angle / 2) * axis, math.cos(angle / 2)))
    assert transform[:3, :3] == pytest.approx(rotation(axis, angle), abs=1e-12)
    assert tuple(transform[:3, 3]) == POSITION
    position, (w, x, y, z) = position_and_quaternion(transform)
    assert from_quaternion(position, (x, y, z, w)) == pytest.approx(transform, abs=1e-12)


def test_many_quaternions_give_a_transform_each():
    quaternions, positions = np.eye(4), np.arange(12.0).reshape(4, 3)
    each = [from_quaternion(position, quaternion) for position, quaternion in zip(positions, quaternions)]
    assert (from_quaternion(positions, quaternions) == each).all()


@given(st.tuples(*(st.floats(joint.lower, joint.upper) for joint in HAND.joints)))
def test_joint_positions_are_those_that_put_the_links_where_they_are(positions):
    links = {link.name: HAND.pose.matrix() @ link.pose.matrix() for link in HAND.links} | {'world': np.eye(4)}
    at_zero = dict(links)
    for joint, position in zip(HAND.joints, positions):
        motion, axis = np.eye(4), np.array(joint.axis) / np.linalg.norm(joint.axis)
        if joint.kind == 'prismatic':
            motion[:3, 3] = position * axis
        else:
            motion[:3, :3] = rotation(axis, position)
        in_parent = np.linalg.inv(at_zero[joint.parent]) @ at_zero[joint.child]
        links[joint.child] = links[joint.parent] @ in_parent @ motion
    del links['world']
    found = LinkPoses(HAND).at({joint.name: position for joint, position in zip(HAND.joints, positions)})
    assert {name: pytest.approx(matrix, abs=1e-12) for name, matrix in links.items()} == found
    assert HandKinematics(HAND).joint_positions(links) == pytest.approx(positions, abs=1e-12)
    assert HandKinematics(HAND).joint_positions({}) == pytest.approx(np.zeros(len(positions)), abs=1e-12)
