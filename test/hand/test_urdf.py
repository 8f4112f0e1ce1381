# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The URDF is the hand of hand.sdf."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from grasp_decoder.hand.link_poses import LinkPoses
from grasp_decoder.hand.sdf import hand_model
from grasp_decoder.hand.transforms import from_roll_pitch_yaw
from grasp_decoder.hand.urdf import URDF, WORLD, urdf

MODEL = hand_model()
ROBOT = ElementTree.parse(URDF).getroot()


def numbers(element, name):
    return [float(word) for word in element.get(name).split()]


def origin(element):
    found = element.find('origin')
    return from_roll_pitch_yaw(numbers(found, 'xyz'), numbers(found, 'rpy'))


def test_the_file_is_up_to_date():
    assert URDF.read_text() == urdf(MODEL), 'run: ./run python -m grasp_decoder.hand.urdf'


def test_joints_have_the_same_links_and_limits():
    joints = {joint.name: joint for joint in MODEL.joints}
    assert [element.get('name') for element in ROBOT.findall('joint')] == list(joints)
    for element in ROBOT.findall('joint'):
        joint = joints[element.get('name')]
        assert element.get('type') == joint.kind
        assert (element.find('parent').get('link'), element.find('child').get('link')) == (joint.parent, joint.child)
        assert numbers(element.find('axis'), 'xyz') == list(joint.axis)
        for name in ('lower', 'upper', 'effort', 'velocity'):
            assert numbers(element.find('limit'), name) == [getattr(joint, name)]
        assert numbers(element.find('dynamics'), 'damping') == [joint.damping]


def test_links_have_the_same_mass_and_shapes():
    links = {link.name: link for link in MODEL.links}
    assert [element.get('name') for element in ROBOT.findall('link')] == [WORLD, *links]
    for element in ROBOT.findall('link')[1:]:
        link, inertial = links[element.get('name')], element.find('inertial')
        assert numbers(inertial.find('mass'), 'value') == [link.mass]
        assert numbers(inertial.find('origin'), 'xyz') == list(link.centre_of_mass)
        inertia = inertial.find('inertia')
        assert [float(inertia.get(axis)) for axis in ('ixx', 'iyy', 'izz')] == list(link.inertia)
        for kind, shapes in (('visual', link.visuals), ('collision', link.collisions)):
            for found, shape in zip(element.findall(kind), shapes, strict=True):
                [geometry] = found.find('geometry')
                assert geometry.tag == shape.kind
                assert [x for value in geometry.attrib.values() for x in map(float, value.split())] == list(shape.size)
                assert origin(found) == pytest.approx(shape.pose.matrix())
    names = [element.get('name') for element in ROBOT.iter('material')]
    assert len(names) == len(set(names))


@pytest.mark.parametrize('seed', range(5))
def test_links_are_where_the_simulators_have_them(seed):
    draw = np.random.default_rng(seed)
    positions = {joint.name: draw.uniform(joint.lower, joint.upper) for joint in MODEL.joints}
    found = {WORLD: np.eye(4)}
    for element in ROBOT.findall('joint'):
        axis, position = np.array(numbers(element.find('axis'), 'xyz')), positions[element.get('name')]
        motion = np.eye(4)
        if element.get('type') == 'prismatic':
            motion[:3, 3] = position * axis
        else:
            motion[:3, :3] = Rotation.from_rotvec(position * axis).as_matrix()
        found[element.find('child').get('link')] = found[element.find('parent').get('link')] @ origin(element) @ motion
    for name, pose in LinkPoses(MODEL).at(positions).items():
        assert found[name] == pytest.approx(pose, abs=1e-5), name
