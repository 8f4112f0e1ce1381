# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Reads the small part of SDF 1.6 (http://sdformat.org/spec) that the hand and its objects use.

This is: links of primitives, revolute and prismatic joints, friction and colours. Poses are ``x y z roll pitch yaw`` in
metres and radians, as in SDF. The simulators get their geometry, limits and gains from here and from nowhere else.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.hand.transforms import from_roll_pitch_yaw

HAND_SDF = Path(__file__).with_name('hand.sdf')
LIFT_JOINT = 'lift'

_DEFAULT_FRICTION = 1.0
_DEFAULT_RGBA = '0.7 0.7 0.7 1'
_GAIN_SPAN = {'revolute': 0.15, 'prismatic': 0.02}  # error (rad, m) at which a joint gives its full effort


@dataclass(frozen=True)
class Pose:
    """Position ``xyz`` (m) and fixed-axis roll, pitch, yaw ``rpy`` (rad)."""

    xyz: tuple[float, float, float]
    rpy: tuple[float, float, float]

    def matrix(self) -> np.ndarray:
        """Homogeneous transform, float64 (4, 4)."""
        return from_roll_pitch_yaw(self.xyz, self.rpy)


@dataclass(frozen=True)
class Shape:
    """One visual or collision primitive.

    Attributes:
        name: its name in the link.
        kind: ``box``, ``sphere`` or ``cylinder``.
        size: m; the three edges of a box, the radius of a sphere, the radius and the length of a cylinder.
        pose: in the frame of its link.
        rgba: colour, each 0 to 1.
        friction: coefficient of sliding friction.
    """

    name: str
    kind: str
    size: tuple[float, ...]
    pose: Pose
    rgba: tuple[float, float, float, float]
    friction: float


@dataclass(frozen=True)
class Link:
    """A rigid body.

    Attributes:
        name: its name in the model.
        pose: in the frame of the model.
        mass: kg.
        centre_of_mass: m, in the frame of the link.
        inertia: kg m2, the diagonal of the inertia matrix about the centre of mass.
        collisions: the shapes that touch.
        visuals: the shapes that are seen.
    """

    name: str
    pose: Pose
    mass: float
    centre_of_mass: tuple[float, float, float]
    inertia: tuple[float, float, float]
    collisions: tuple[Shape, ...]
    visuals: tuple[Shape, ...]


@dataclass(frozen=True)
class Joint:
    """A revolute or prismatic joint.

    Attributes:
        name: its name in the model.
        kind: ``revolute`` (positions in rad, efforts in N m) or ``prismatic`` (m, N).
        parent: name of the link that carries it, or ``world``.
        child: name of the link that it moves.
        axis: direction in the frame of the child link.
        lower: lowest position.
        upper: highest position.
        effort: highest force or torque.
        velocity: highest speed (rad/s, m/s).
        damping: N m s/rad, N s/m.
    """

    name: str
    kind: str
    parent: str
    child: str
    axis: tuple[float, float, float]
    lower: float
    upper: float
    effort: float
    velocity: float
    damping: float

    @property
    def stiffness(self) -> float:
        """Proportional gain of the position controller in every simulator (N m/rad, N/m)."""
        return self.effort / _GAIN_SPAN[self.kind]


@dataclass(frozen=True)
class Model:
    """Links and joints of one SDF model. A link that is no joint's child moves freely."""

    name: str
    pose: Pose
    links: tuple[Link, ...]
    joints: tuple[Joint, ...]


def parse_model(text: str, source: str) -> Model:
    """Read the one model of an SDF document.

    Args:
        text: the document.
        source: what errors call it.

    Raises:
        GraspDecoderError: it is not the SDF that this module knows.
    """
    try:
        model = ElementTree.fromstring(text).find('model')
        if model is None:
            raise GraspDecoderError(f'{source}: no <model> in this SDF document')
        return Model(
            name=model.attrib['name'],
            pose=_pose(model),
            links=tuple(_link(element) for element in model.findall('link')),
            joints=tuple(_joint(element) for element in model.findall('joint')),
        )
    except (ElementTree.ParseError, AttributeError, TypeError, ValueError, KeyError) as error:
        raise GraspDecoderError(f'{source}: not the SDF of a hand or an object ({error})') from error


@lru_cache(maxsize=1)
def hand_model() -> Model:
    """Return the hand that every simulator uses."""
    return parse_model(HAND_SDF.read_text(encoding='utf-8'), HAND_SDF.name)


def hand_joint_names() -> tuple[str, ...]:
    """Names of the hand's joints, lift first, in the order of ``hand.sdf``."""
    return tuple(joint.name for joint in hand_model().joints)


def require_joints(names: Iterable[str]) -> None:
    """Raise `GraspDecoderError` when one of the names is not a joint of the hand."""
    joints = hand_joint_names()
    for name in names:
        if name not in joints:
            raise GraspDecoderError(f"joint '{name}' is not one of hand.sdf's: {', '.join(joints)}")


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(word) for word in text.split())


def _vector(text: str) -> tuple[float, float, float]:
    x, y, z = _numbers(text)
    return x, y, z


def _pose(element) -> Pose:
    x, y, z, roll, pitch, yaw = _numbers(element.findtext('pose', '0 0 0 0 0 0'))
    return Pose((x, y, z), (roll, pitch, yaw))


def _link(element) -> Link:
    inertial = element.find('inertial')
    return Link(
        name=element.get('name'),
        pose=_pose(element),
        mass=float(inertial.findtext('mass')),
        centre_of_mass=_pose(inertial).xyz,
        inertia=_vector(' '.join(inertial.findtext(f'inertia/{axis}') for axis in ('ixx', 'iyy', 'izz'))),
        collisions=tuple(_shape(shape) for shape in element.findall('collision')),
        visuals=tuple(_shape(shape) for shape in element.findall('visual')),
    )


def _shape(element) -> Shape:
    geometry = element.find('geometry')[0]
    sizes = {'box': ('size',), 'sphere': ('radius',), 'cylinder': ('radius', 'length')}[geometry.tag]
    red, green, blue, alpha = _numbers(element.findtext('material/diffuse', _DEFAULT_RGBA))
    return Shape(
        name=element.get('name'),
        kind=geometry.tag,
        size=tuple(number for name in sizes for number in _numbers(geometry.findtext(name))),
        pose=_pose(element),
        rgba=(red, green, blue, alpha),
        friction=float(element.findtext('surface/friction/ode/mu', _DEFAULT_FRICTION)),
    )


def _joint(element) -> Joint:
    return Joint(
        name=element.get('name'),
        kind={'revolute': 'revolute', 'prismatic': 'prismatic'}[element.get('type')],
        parent=element.findtext('parent'),
        child=element.findtext('child'),
        axis=_vector(element.findtext('axis/xyz')),
        lower=float(element.findtext('axis/limit/lower')),
        upper=float(element.findtext('axis/limit/upper')),
        effort=float(element.findtext('axis/limit/effort')),
        velocity=float(element.findtext('axis/limit/velocity')),
        damping=float(element.findtext('axis/dynamics/damping')),
    )
