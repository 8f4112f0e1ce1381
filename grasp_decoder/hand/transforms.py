# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Homogeneous transforms (4, 4) from positions (m) and rotations as SDF, Gazebo and ROS write them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.transform import Rotation


def from_roll_pitch_yaw(position: ArrayLike, angles: ArrayLike) -> np.ndarray:
    """Transform of a position (x, y, z) and of roll, pitch, yaw (rad) about the fixed axes x, y, z."""
    return _transform(position, Rotation.from_euler('xyz', angles))


def from_quaternion(position: ArrayLike, quaternion: ArrayLike) -> np.ndarray:
    """Transform of a position (x, y, z) and a unit quaternion (x, y, z, w); of n of each, transforms (n, 4, 4)."""
    return _transform(position, Rotation.from_quat(quaternion))


def _transform(position: ArrayLike, rotation: Rotation) -> np.ndarray:
    turns = rotation.as_matrix()
    matrix = np.zeros((*turns.shape[:-2], 4, 4))
    matrix[..., :3, :3] = turns
    matrix[..., :3, 3] = position
    matrix[..., 3, 3] = 1.0
    return matrix


def position_and_quaternion(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Position (x, y, z) and unit quaternion (w, x, y, z) of a transform (4, 4)."""
    x, y, z, w = Rotation.from_matrix(matrix[:3, :3]).as_quat()
    return matrix[:3, 3], np.array([w, x, y, z])
