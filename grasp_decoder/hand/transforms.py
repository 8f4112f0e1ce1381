"""Homogeneous transforms (4, 4) from positions (m) and rotations as SDF, Gazebo and ROS write them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.transform import Rotation


def from_roll_pitch_yaw(position: ArrayLike, angles: ArrayLike) -> np.ndarray:
    """Transform of a position (x, y, z) and of roll, pitch, yaw (rad) about the fixed axes x, y, z."""
    return _transform(position, Rotation.from_euler('xyz', angles))


def from_quaternion(position: ArrayLike, quaternion: ArrayLike) -> np.ndarray:
    """Transform of a position (x, y, z) and a unit quaternion (x, y, z, w)."""
    return _transform(position, Rotation.from_quat(quaternion))


def _transform(position: ArrayLike, rotation: Rotation) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = rotation.as_matrix()
    matrix[:3, 3] = position
    return matrix
