# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The state of a simulated hand and the object in its reach."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from grasp_decoder.objects import GraspObject


@dataclass(frozen=True)
class SimulatorState:
    """The hand and its object at one moment.

    Attributes:
        joint_position: float64 (n_joints,), rad (m for the lift joint), in the order of ``hand.sdf``.
        grasp_object: the object in reach; None without one.
        contact: whether any finger touches the object.
        lift_m: height of the object's centre of mass above its rest.
        object_pose: float64 (4, 4), homogeneous transform of the object in the world.
    """

    joint_position: np.ndarray
    grasp_object: GraspObject | None
    contact: bool
    lift_m: float
    object_pose: np.ndarray

    @property
    def object_id(self) -> int:
        """Id of the object in reach, -1 for none."""
        return -1 if self.grasp_object is None else self.grasp_object.object_id
