# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""LinkPoses: where the links of a model are when its joints are at given positions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.spatial.transform import Rotation

from grasp_decoder.hand.sdf import Joint, Model


class LinkPoses:
    """Forward kinematics of one SDF model, whose joints are listed from the world outwards."""

    def __init__(self, model: Model):
        """Take the poses of the links at joint position zero from the model."""
        self._joints = model.joints
        self._at_zero = {link.name: model.pose.matrix() @ link.pose.matrix() for link in model.links}
        zero = {**self._at_zero, 'world': np.eye(4)}
        self._in_parent = [np.linalg.inv(zero[joint.parent]) @ zero[joint.child] for joint in model.joints]

    def at(self, positions: Mapping[str, float]) -> dict[str, np.ndarray]:
        """Transform (4, 4) of each link in the world, by name.

        Args:
            positions: of joints, rad or m, by name; a joint that is not given is at zero.
        """
        found = {**self._at_zero, 'world': np.eye(4)}
        for joint, in_parent in zip(self._joints, self._in_parent):
            found[joint.child] = found[joint.parent] @ in_parent @ _motion(joint, positions.get(joint.name, 0.0))
        del found['world']
        return found


def _motion(joint: Joint, position: float) -> np.ndarray:
    """Transform (4, 4) of the child link by its joint."""
    axis = np.array(joint.axis) / np.linalg.norm(joint.axis)
    moved = np.eye(4)
    if joint.kind == 'prismatic':
        moved[:3, 3] = position * axis
    else:
        moved[:3, :3] = Rotation.from_rotvec(position * axis).as_matrix()
    return moved
