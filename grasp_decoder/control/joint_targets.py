# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""From a hand command to joint angles, inside the limits of the hand's motors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grasp_decoder.control.grip_table import GripTable
from grasp_decoder.control.limits import MotionLimiter
from grasp_decoder.types.hand_command import HandCommand
from grasp_decoder.types.time import NS_PER_S

Angles = NDArray[np.float64]


class JointTargets:
    """Joint angles for each command; ``names`` gives their order.

    They start in the open posture, or where the hand is when that is known (`start_from`).
    """

    def __init__(self, grips: GripTable):
        self.names = tuple(joint for motor in grips.motors for joint in motor.joints)
        self._motor_of_joint = np.array([i for i, motor in enumerate(grips.motors) for _ in motor.joints])
        self._ratio = np.array([ratio for motor in grips.motors for ratio in motor.joints.values()])
        self.grips = grips
        limits = np.array([(m.low, m.high, m.max_velocity, m.max_acceleration) for m in grips.motors]).T
        self._motors = MotionLimiter(grips.motor_angles(grips.default_grip, 0.0), *limits)
        self._still: Angles | None = None
        self._moved_ns: int | None = None

    def start_from(self, measured: Angles) -> None:
        """The hand is here, (n_joints,) in rad: go on from there without a jump."""
        self._motors.stop(self._motor_angles(measured))

    def step(self, command: HandCommand, now_ns: int, measured: Angles | None = None) -> Angles:
        """Joint angles (n_joints,) in rad at CLOCK_MONOTONIC ``now_ns``.

        Args:
            measured: where the joints are, (n_joints,) in rad, where that is known. A moving hand that is to be still
                stops there; a hand that has arrived keeps its targets, and with them its hold on an object.
        """
        dt_s = 0.0 if self._moved_ns is None else (now_ns - self._moved_ns) / NS_PER_S
        self._moved_ns = now_ns
        if command.still:
            if self._still is None:
                self._still = self._stand_still(measured)
            return self._still
        self._still = None
        return self._joint_angles(self._motors.step(self.grips.motor_angles(command.grip, command.aperture), dt_s))

    def _stand_still(self, measured: Angles | None) -> Angles:
        moving = bool(np.any(self._motors.velocity))
        self._motors.stop(self._motor_angles(measured) if moving and measured is not None else None)
        return self._joint_angles(self._motors.position)

    def _joint_angles(self, motors: Angles) -> Angles:
        angles: Angles = motors[self._motor_of_joint] * self._ratio
        return angles

    def _motor_angles(self, joints: Angles) -> Angles:
        """The motor angles (n_motors,) whose joints are closest to these (n_joints,), in the mean over its joints."""
        motors = np.bincount(self._motor_of_joint, weights=np.asarray(joints) / self._ratio)
        return motors / np.bincount(self._motor_of_joint)
