# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Joint positions of the hand from the poses of its links, which are all that Gazebo sends."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.spatial.transform import Rotation

from grasp_decoder.hand.sdf import Model


class HandKinematics:
    """Angles (rad) of the revolute and positions (m) of the prismatic joints of one SDF model."""

    def __init__(self, model: Model):
        """Take the poses of the links at joint position zero from the model."""
        self._joints = model.joints
        self._at_zero = {link.name: model.pose.matrix() @ link.pose.matrix() for link in model.links}
        self._at_zero['world'] = np.eye(4)
        self._from_zero = np.linalg.inv(self._child_in_parent(self._at_zero))
        axes = np.array([joint.axis for joint in model.joints])
        self._axes = axes / np.linalg.norm(axes, axis=1, keepdims=True)
        self._is_prismatic = np.array([[joint.kind == 'prismatic'] for joint in model.joints])

    def joint_positions(self, links: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the joint positions, float64 (n_joints,), that put the links where they are.

        Args:
            links: transform (4, 4) of each link in the world, by name. A missing link is where the model has it.
        """
        motion = self._from_zero @ self._child_in_parent({**self._at_zero, **links})
        translation = motion[:, :3, 3]
        rotation = Rotation.from_matrix(motion[:, :3, :3]).as_rotvec()
        return (np.where(self._is_prismatic, translation, rotation) * self._axes).sum(axis=1)

    def _child_in_parent(self, links: Mapping[str, np.ndarray]) -> np.ndarray:
        """Transforms (n_joints, 4, 4) of each joint's child link in the frame of its parent link."""
        parents = np.stack([links[joint.parent] for joint in self._joints])
        return np.linalg.inv(parents) @ np.stack([links[joint.child] for joint in self._joints])
