# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Scene: the hand and the object in reach, as shapes of viser."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import viser

from grasp_decoder.hand.link_poses import LinkPoses
from grasp_decoder.hand.object_models import object_model, object_sdf
from grasp_decoder.hand.sdf import Link, Shape, hand_model, parse_model
from grasp_decoder.hand.transforms import position_and_quaternion
from grasp_decoder.objects import ObjectCatalogue

_LOOK_AT_M = (-0.06, 0.0, 0.13)
_DISTANCE_M, _AZIMUTH, _ELEVATION = 0.5, math.radians(232), math.radians(-12)
_FLOOR_M = 0.6


class Scene:
    """Draws the hand of ``hand.sdf`` and one object of the catalogue."""

    def __init__(self, server: viser.ViserServer, objects: ObjectCatalogue):
        self._scene = server.scene
        self._objects = objects
        self._shown_object = -1
        self._object: viser.FrameHandle | None = None
        server.initial_camera.look_at = _LOOK_AT_M
        flat = _DISTANCE_M * math.cos(_ELEVATION)
        towards = flat * math.cos(_AZIMUTH), flat * math.sin(_AZIMUTH), _DISTANCE_M * math.sin(_ELEVATION)
        x, y, z = np.subtract(_LOOK_AT_M, towards)
        server.initial_camera.position = (float(x), float(y), float(z))
        self._scene.add_grid('/floor', width=_FLOOR_M, height=_FLOOR_M, cell_size=0.05, section_size=0.1)
        self._poses = LinkPoses(hand_model())
        self._links = {link.name: self._add(f'/hand/{link.name}', link) for link in hand_model().links}
        self.show_joints({})

    def show_joints(self, positions: Mapping[str, float]) -> None:
        """Move the hand; positions of joints in rad, or m, by name."""
        for name, matrix in self._poses.at(positions).items():
            frame = self._links.get(name)
            if frame is not None:
                frame.position, frame.wxyz = position_and_quaternion(matrix)

    def show_object(self, object_id: int, lift_m: float) -> None:
        """Show an object at its place, lifted by so much; -1 for none."""
        if object_id != self._shown_object:
            if self._object is not None:
                self._object.remove()
            self._object, self._shown_object = None, object_id
            if object_id >= 0:
                model = object_model(self._objects.find(object_id))
                self._place = model.position
                [link] = parse_model(object_sdf(model), model.name).links
                self._object = self._add('/object', link)
        if self._object is not None:
            x, y, z = self._place
            self._object.position = (x, y, z + lift_m)

    def _add(self, name: str, link: Link) -> viser.FrameHandle:
        """A frame with all that is seen of a link."""
        frame = self._scene.add_frame(name, show_axes=False)
        for shape in link.visuals:
            self._add_shape(f'{name}/{shape.name}', shape)
        return frame

    def _add_shape(self, name: str, shape: Shape) -> None:
        position, wxyz = position_and_quaternion(shape.pose.matrix())
        red, green, blue = (round(255 * each) for each in shape.rgba[:3])
        colour = (red, green, blue)
        if shape.kind == 'box':
            x, y, z = shape.size
            self._scene.add_box(name, color=colour, dimensions=(x, y, z), position=position, wxyz=wxyz)
        elif shape.kind == 'sphere':
            self._scene.add_icosphere(name, radius=shape.size[0], color=colour, position=position, wxyz=wxyz)
        else:
            radius, length = shape.size
            self._scene.add_cylinder(name, radius=radius, height=length, color=colour, position=position, wxyz=wxyz)
