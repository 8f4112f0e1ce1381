# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The hand as URDF (http://wiki.ros.org/urdf/XML), for RViz, Foxglove and other tools of ROS.

In URDF, the frame of a link lies at its joint. In hand.sdf it does too, so both files have the same links and frames.
After a change of hand.sdf: ``./run python -m grasp_decoder.hand.urdf``.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable

import numpy as np
from scipy.spatial.transform import Rotation

from grasp_decoder.hand.link_poses import LinkPoses
from grasp_decoder.hand.sdf import Joint, Link, Model, Shape, hand_model
from grasp_decoder.safe_file import written_whole
from grasp_decoder.share import share_directory

WORLD = 'world'
URDF = share_directory() / 'config' / 'hand.urdf'
HEADER = '<?xml version="1.0"?>\n<!-- Made from hand.sdf by grasp_decoder.hand.urdf: change that, not this. -->\n'


def urdf(model: Model) -> str:
    """The URDF document of a model. Each of its links hangs on a joint; the first joint hangs on the world."""
    robot = ElementTree.Element('robot', name=model.name)
    ElementTree.SubElement(robot, 'link', name=WORLD)
    poses = {**LinkPoses(model).at({}), WORLD: np.eye(4)}
    for link in model.links:
        _add_link(robot, link)
    for joint in model.joints:
        _add_joint(robot, joint, np.linalg.inv(poses[joint.parent]) @ poses[joint.child])
    ElementTree.indent(robot)
    return HEADER + ElementTree.tostring(robot, encoding='unicode') + '\n'


def _add_link(robot: ElementTree.Element, link: Link) -> None:
    element = ElementTree.SubElement(robot, 'link', name=link.name)
    inertial = ElementTree.SubElement(element, 'inertial')
    ElementTree.SubElement(inertial, 'origin', xyz=_text(link.centre_of_mass), rpy='0 0 0')
    ElementTree.SubElement(inertial, 'mass', value=_text([link.mass]))
    ixx, iyy, izz = (_text([each]) for each in link.inertia)
    ElementTree.SubElement(inertial, 'inertia', ixx=ixx, ixy='0', ixz='0', iyy=iyy, iyz='0', izz=izz)
    for shape in link.visuals:
        visual = _add_shape(element, 'visual', shape)
        # A material is known by its name in the whole document.
        material = ElementTree.SubElement(visual, 'material', name=f'{link.name}_{shape.name}')
        ElementTree.SubElement(material, 'color', rgba=_text(shape.rgba))
    for shape in link.collisions:
        _add_shape(element, 'collision', shape)


def _add_shape(link: ElementTree.Element, kind: str, shape: Shape) -> ElementTree.Element:
    element = ElementTree.SubElement(link, kind, name=shape.name)
    ElementTree.SubElement(element, 'origin', xyz=_text(shape.pose.xyz), rpy=_text(shape.pose.rpy))
    geometry = ElementTree.SubElement(element, 'geometry')
    names = {'box': ('size',), 'sphere': ('radius',), 'cylinder': ('radius', 'length')}[shape.kind]
    values = [_text(shape.size)] if shape.kind == 'box' else [_text([each]) for each in shape.size]
    ElementTree.SubElement(geometry, shape.kind, dict(zip(names, values)))
    return element


def _add_joint(robot: ElementTree.Element, joint: Joint, origin: np.ndarray) -> None:
    element = ElementTree.SubElement(robot, 'joint', name=joint.name, type=joint.kind)
    angles = Rotation.from_matrix(origin[:3, :3]).as_euler('xyz')
    ElementTree.SubElement(element, 'origin', xyz=_text(origin[:3, 3]), rpy=_text(angles))
    ElementTree.SubElement(element, 'parent', link=joint.parent)
    ElementTree.SubElement(element, 'child', link=joint.child)
    ElementTree.SubElement(element, 'axis', xyz=_text(joint.axis))
    limits = {name: _text([getattr(joint, name)]) for name in ('lower', 'upper', 'effort', 'velocity')}
    ElementTree.SubElement(element, 'limit', limits)
    ElementTree.SubElement(element, 'dynamics', damping=_text([joint.damping]))


def _text(numbers: Iterable[float]) -> str:
    return ' '.join(f'{round(float(each), 9) + 0.0:.9g}' for each in numbers)  # + 0.0: no -0


if __name__ == '__main__':
    with written_whole(URDF) as file:
        file.write(urdf(hand_model()).encode())
