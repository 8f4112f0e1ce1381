"""From a hand command to joint angles, inside the limits of the hand's motors."""

from __future__ import annotations

import numpy as np

from grasp_decoder.control.grip_table import GripTable
from grasp_decoder.control.limits import MotionLimiter
from grasp_decoder.types.hand_command import HandCommand
from grasp_decoder.types.time import NS_PER_S


class JointTargets:
    """Joint angles for each command; starts in the open posture. ``names`` gives their order."""

    def __init__(self, grips: GripTable):
        self.names = tuple(joint for motor in grips.motors for joint in motor.joints)
        self._motor_of_joint = np.array([i for i, motor in enumerate(grips.motors) for _ in motor.joints])
        self._ratio = np.array([ratio for motor in grips.motors for ratio in motor.joints.values()])
        self._grips = grips
        limits = np.array([(m.low, m.high, m.max_velocity, m.max_acceleration) for m in grips.motors]).T
        self._motors = MotionLimiter(grips.motor_angles(grips.default_grip, 0.0), *limits)
        self._moved_ns: int | None = None

    def step(self, command: HandCommand, now_ns: int) -> np.ndarray:
        """Joint angles (n_joints,) in rad at CLOCK_MONOTONIC ``now_ns``."""
        dt_s = 0.0 if self._moved_ns is None else (now_ns - self._moved_ns) / NS_PER_S
        self._moved_ns = now_ns
        angles = self._motors.step(self._grips.motor_angles(command.grip, command.aperture), dt_s)
        return angles[self._motor_of_joint] * self._ratio
