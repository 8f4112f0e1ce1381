"""Joint positions of the hand from the poses of its links, for simulators that tell only these."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from grasp_decoder.hand.sdf import Model


class HandKinematics:
    """Angles (rad) of revolute and positions (m) of prismatic joints of one SDF model."""

    def __init__(self, model: Model):
        """Take link poses at joint position zero from the model."""
        self._joints = model.joints
        self._rest = {link.name: model.pose.matrix() @ link.pose.matrix() for link in model.links}
        self._rest['world'] = np.eye(4)
        self._relative_rest = [
            np.linalg.inv(self._rest[joint.parent]) @ self._rest[joint.child] for joint in self._joints
        ]

    def joint_positions(self, placed: Mapping[str, np.ndarray]) -> np.ndarray:
        """Positions (n_joints,) from homogeneous transforms (4, 4) of links in the world; a missing link is at rest."""
        placed = {**self._rest, **placed}
        return np.array(
            [
                _position(joint, np.linalg.inv(rest) @ np.linalg.inv(placed[joint.parent]) @ placed[joint.child])
                for joint, rest in zip(self._joints, self._relative_rest)
            ]
        )


def _position(joint, moved: np.ndarray) -> float:
    axis = np.asarray(joint.axis)
    if joint.kind == 'prismatic':
        return float(axis @ moved[:3, 3])
    # Rodrigues: the antisymmetric part holds the sine, the trace the cosine.
    sine = 0.5 * axis @ (moved[2, 1] - moved[1, 2], moved[0, 2] - moved[2, 0], moved[1, 0] - moved[0, 1])
    return float(np.arctan2(sine, 0.5 * (np.trace(moved[:3, :3]) - 1.0)))


def transform(position, quaternion) -> np.ndarray:
    """Homogeneous transform (4, 4) of a position (x, y, z) in m and a unit quaternion (w, x, y, z)."""
    w, x, y, z = quaternion
    matrix = np.eye(4)
    matrix[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    matrix[:3, 3] = position
    return matrix
