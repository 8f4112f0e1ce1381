# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What the objects of a catalogue are in a simulator, described once for every simulator.

Each object stands on a thin stem with a foot, as on the turntable of the recordings, so that its middle is always at
the same height. What the shapes look like is this project's choice. An object without a shape, or of a shape that is
not here, is a post of 30 mm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.objects import GraspObject, ObjectCatalogue

GRASP_HEIGHT_M = 0.072
LEAST_SIZE_M, MOST_SIZE_M = 0.005, 0.08

_OTHER_SHAPE, _OTHER_SIZE_M = 'post', 0.03
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
class ObjectModel:
    """One object in a simulator.

    Attributes:
        name: of its model.
        shape: one of those that are described here.
        size_m: what the grip spans, m.
        mass_kg: its mass with stem and foot, kg.
        position: where its foot stands in reach, m, world.
    """

    name: str
    shape: str
    size_m: float
    mass_kg: float
    position: tuple[float, float, float]


def object_model(thing: GraspObject) -> ObjectModel:
    """Describe an object of the catalogue.

    Raises:
        GraspDecoderError: it is too small or too large for the hand.
    """
    shape, size = _OTHER_SHAPE, _OTHER_SIZE_M
    if thing.shape in _COLOURS:
        shape, size = thing.shape, thing.size_m or _OTHER_SIZE_M
    if not LEAST_SIZE_M <= size <= MOST_SIZE_M:
        raise GraspDecoderError(
            f'{thing.label}: size_m {size:g}: the simulated hand grasps {LEAST_SIZE_M:g} to {MOST_SIZE_M:g} m; '
            f'without its shape it is a post of {_OTHER_SIZE_M:g} m'
        )
    x, y = _PLACES.get(shape, _SMALL_PLACE if size < 0.02 else _PLACE)
    return ObjectModel(f'object_{thing.object_id}', shape, size, 0.08 + 2 * size, (x, y, 0.0))


def require_models(objects: ObjectCatalogue) -> None:
    """Refuse a catalogue with an object that has no model; raises `GraspDecoderError` as `object_model` does."""
    for thing in objects.objects:
        object_model(thing)


def object_sdf(model: ObjectModel) -> str:
    """SDF 1.6 document of an object, its model's frame at the middle of the foot's underside."""
    size, colour = model.size_m, _COLOURS[model.shape]
    stem_top = GRASP_HEIGHT_M
    if model.shape == 'ring':
        stem_top -= 0.5 * (size + 0.04)
    elif model.shape == 'plate':
        stem_top -= 0.5 * size
    stem_length = stem_top - _FOOT_HEIGHT_M
    parts = [
        ('foot', _box(_FOOT_WIDTH_M, _FOOT_WIDTH_M, _FOOT_HEIGHT_M), (0, 0, _FOOT_HEIGHT_M / 2, 0, 0, 0), _STEM),
        ('stem', _cylinder(_STEM_RADIUS_M, stem_length), (0, 0, _FOOT_HEIGHT_M + stem_length / 2, 0, 0, 0), _STEM),
        *((name, geometry, pose, colour) for name, geometry, pose in _body(model.shape, size)),
    ]
    shapes = '\n'.join(_part(*part) for part in parts)
    inertia = 2.5e-4
    x, y, z = model.position
    return f'''<sdf version="1.6">
  <model name="{model.name}">
    <pose>{x:g} {y:g} {z:g} 0 0 0</pose>
    <allow_auto_disable>false</allow_auto_disable>
    <link name="object">
      <inertial>
        <pose>0 0 {_CENTRE_OF_MASS_M:g} 0 0 0</pose>
        <mass>{model.mass_kg:g}</mass>
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
