"""The objects that the hand grasps, described once for every simulator.

Ids are those of the recordings: tens = shape, units = size (1 to 6: 15 to 40 mm). Each object stands on a thin stem
with a foot, as on the turntable of the recordings, so that its middle is always at the same height. What the shapes
look like is this project's choice; ids that the merging of classes calls identical are identical here. An unknown id
is a post.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

SAME_OBJECT = {11: 41, 12: 54, 13: 34, 14: 44, 16: 25}  # the mixed turntable shows objects of the others again
DEFAULT_OBJECT = 74
GRASP_HEIGHT_M = 0.072

_SHAPES = {1: 'bar', 2: 'ring', 3: 'cube', 4: 'sphere', 5: 'cylinder', 6: 'plate', 7: 'post'}
_COLOURS = {
    'post': '0.80 0.30 0.26',
    'bar': '0.55 0.38 0.70',
    'cube': '0.93 0.71 0.20',
    'sphere': '0.24 0.58 0.36',
    'cylinder': '0.22 0.45 0.72',
    'ring': '0.72 0.36 0.55',
    'plate': '0.30 0.62 0.64',
}
_PLACE = (0.0, 0.024)  # x, y (m, world): between index and middle finger
_SMALL_PLACE = (0.0, 0.031)  # at the index finger
_PLACES = {'plate': (0.0, 0.049), 'ring': (-0.002, 0.033)}  # beside the index finger, around it
_CENTRE_OF_MASS_M = 0.02
_STEM = '0.35 0.36 0.38'
_FOOT_WIDTH_M, _FOOT_HEIGHT_M, _STEM_RADIUS_M = 0.046, 0.006, 0.0035


@dataclass(frozen=True)
class GraspObject:
    """One object: ``size_m`` is what the grip spans, ``position`` (m, world) where its foot stands in reach."""

    object_id: int
    shape: str
    size_m: float
    mass_kg: float
    position: tuple[float, float, float]

    @property
    def name(self) -> str:
        """Name of its model in a simulator."""
        return f'object_{self.object_id}'


def known_object_ids() -> tuple[int, ...]:
    """Every id that has an object of its own."""
    return tuple(10 * shape + size for shape in _SHAPES for size in range(1, 7))


def grasp_object(object_id: int) -> GraspObject:
    """Return the object of an id of the recordings; an unknown id gives the default one under that id."""
    described = object_id if object_id in known_object_ids() else DEFAULT_OBJECT
    described = SAME_OBJECT.get(described, described)
    shape, step = _SHAPES[described // 10], described % 10
    size = 0.015 + 0.005 * (step - 1)
    x, y = _PLACES.get(shape, _SMALL_PLACE if size < 0.02 else _PLACE)
    return GraspObject(object_id, shape, size, 0.08 + 2 * size, (x, y, 0.0))


def object_sdf(thing: GraspObject) -> str:
    """SDF 1.6 document of an object, its model's frame at the middle of the foot's underside."""
    size, colour = thing.size_m, _COLOURS[thing.shape]
    stem_top = GRASP_HEIGHT_M
    if thing.shape == 'ring':
        stem_top -= 0.5 * (size + 0.04)
    elif thing.shape == 'plate':
        stem_top -= 0.5 * size
    stem_length = stem_top - _FOOT_HEIGHT_M
    parts = [
        ('foot', _box(_FOOT_WIDTH_M, _FOOT_WIDTH_M, _FOOT_HEIGHT_M), (0, 0, _FOOT_HEIGHT_M / 2, 0, 0, 0), _STEM),
        ('stem', _cylinder(_STEM_RADIUS_M, stem_length), (0, 0, _FOOT_HEIGHT_M + stem_length / 2, 0, 0, 0), _STEM),
        *((name, geometry, pose, colour) for name, geometry, pose in _body(thing.shape, size)),
    ]
    shapes = '\n'.join(_part(*part) for part in parts)
    inertia = 2.5e-4
    x, y, z = thing.position
    return f'''<sdf version="1.6">
  <model name="{thing.name}">
    <pose>{x:g} {y:g} {z:g} 0 0 0</pose>
    <allow_auto_disable>false</allow_auto_disable>
    <link name="object">
      <inertial>
        <pose>0 0 {_CENTRE_OF_MASS_M:g} 0 0 0</pose>
        <mass>{thing.mass_kg:g}</mass>
        <inertia><ixx>{inertia:g}</ixx><ixy>0</ixy><ixz>0</ixz><iyy>{inertia:g}</iyy><iyz>0</iyz><izz>{inertia:g}</izz></inertia>
      </inertial>
{shapes}
    </link>
  </model>
</sdf>
'''


def _body(shape: str, size: float) -> list[tuple[str, str, tuple[float, ...]]]:
    """Name, geometry and pose of the primitives that the grip meets."""
    middle = (0, 0, GRASP_HEIGHT_M)
    sideways = (math.pi / 2, 0, 0)
    if shape == 'post':
        return [('post', _cylinder(size / 2, 0.05), (*middle, 0, 0, 0))]
    if shape == 'bar':
        return [('bar', _box(size, 0.08, 0.02), (*middle, 0, 0, 0))]
    if shape == 'cube':
        return [('cube', _box(size, size, size), (*middle, 0, 0, 0))]
    if shape == 'sphere':
        return [('sphere', f'<sphere><radius>{size / 2:g}</radius></sphere>', (*middle, 0, 0, 0))]
    if shape == 'cylinder':
        return [('cylinder', _cylinder(size / 2, 0.07), (*middle, *sideways))]
    if shape == 'plate':
        return [('plate', _box(0.05, 0.004 + 0.1 * size, size), (*middle, 0, 0, 0))]
    radius, thickness, count = (size + 0.04) / 2, 0.008, 8  # ring: upright, its hole towards the fingers
    side = 2 * (radius + thickness / 2) * math.tan(math.pi / count)
    return [
        (
            f'ring_{index}',
            _box(thickness, side, thickness),
            (0, -radius * math.sin(angle), GRASP_HEIGHT_M + radius * math.cos(angle), angle, 0, 0),
        )
        for index, angle in enumerate(2 * math.pi * step / count for step in range(count))
    ]


def _box(x: float, y: float, z: float) -> str:
    return f'<box><size>{x:g} {y:g} {z:g}</size></box>'


def _cylinder(radius: float, length: float) -> str:
    return f'<cylinder><radius>{radius:g}</radius><length>{length:g}</length></cylinder>'


def _part(name: str, geometry: str, pose: tuple[float, ...], colour: str) -> str:
    placed = f'<pose>{" ".join(f"{number:.6g}" for number in pose)}</pose><geometry>{geometry}</geometry>'
    friction = '<surface><friction><ode><mu>1.5</mu><mu2>1.5</mu2></ode></friction></surface>'
    material = f'<material><ambient>{colour} 1</ambient><diffuse>{colour} 1</diffuse></material>'
    return f'''      <collision name="{name}">{placed}{friction}</collision>
      <visual name="{name}">{placed}{material}</visual>'''
