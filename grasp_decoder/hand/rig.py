# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The experiment around a simulated hand: puts objects in reach, lifts the hand on HOLD and lowers it on OPEN."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np

from grasp_decoder.control.limits import MotionLimiter
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.hand.sdf import LIFT_JOINT, hand_model
from grasp_decoder.hand.simulator import HandSimulator
from grasp_decoder.hand.state import SimulatorState
from grasp_decoder.objects import GraspObject, ObjectCatalogue
from grasp_decoder.types.hand_command import HandMode

LIFT_M = 0.1  # how far HOLD lifts
_OPEN_MODES = (HandMode.OPEN, HandMode.PRESHAPE)
_ACCELERATION = {'revolute': 300.0, 'prismatic': 6.0}  # rad/s^2, m/s^2
_DOWN_M = 0.005  # below this the lift counts as down
_STEP_S = 0.01  # longest step of the motors
_CLOSED_RAD = 0.15  # a finger this near its target counts as there


class GraspRig:
    """Moves a `HandSimulator` through trials, as commands and trial starts come in.

    Its motors keep the velocity limits of the joints in ``hand.sdf``, so that targets that come once a bin are reached
    in a smooth motion.
    """

    def __init__(self, simulator: HandSimulator, objects: ObjectCatalogue):
        """Start with the hand down and open and no object in reach."""
        self._simulator = simulator
        self._objects = objects
        joints = hand_model().joints
        self._names = [joint.name for joint in joints]
        self._lift = self._names.index(LIFT_JOINT)
        self._targets = np.zeros(len(joints))
        self._motors = MotionLimiter(
            self._targets,
            np.array([joint.lower for joint in joints]),
            np.array([joint.upper for joint in joints]),
            np.array([joint.velocity for joint in joints]),
            np.array([_ACCELERATION[joint.kind] for joint in joints]),
        )
        self._mode = HandMode.OPEN
        self._next_object: GraspObject | None = None

    def place(self, object_id: int) -> None:
        """Put the object of the next trial in reach as soon as the hand is down and open."""
        self._next_object = self._objects.find(object_id)

    def set_mode(self, mode: HandMode) -> None:
        """Follow the state of the grasp: HOLD lifts; OPEN, PRESHAPE and CLOSE lower; SAFE leaves the lift alone."""
        self._mode = mode
        if mode != HandMode.SAFE:
            self._targets[self._lift] = LIFT_M if mode == HandMode.HOLD else 0.0

    def command(self, targets: Mapping[str, float]) -> None:
        """Set target positions of finger joints (rad). Raises `GraspDecoderError` for any other joint."""
        self.require_joints(targets)
        for name, target in targets.items():
            self._targets[self._names.index(name)] = target

    def require_joints(self, names: Iterable[str]) -> None:
        """Raise `GraspDecoderError` unless all of these are finger joints."""
        fingers = [joint for joint in self._names if joint != LIFT_JOINT]
        for name in names:
            if name not in fingers:
                raise GraspDecoderError(f"joint '{name}' is not one of hand.sdf's finger joints: {', '.join(fingers)}")

    def advance(self, dt_s: float) -> SimulatorState:
        """Let ``dt_s`` seconds pass and return the state after them.

        The motors move in steps of 10 ms at most, so that a hand that was kept waiting makes up for it without a jerk.
        """
        steps = max(1, math.ceil(dt_s / _STEP_S))
        for _ in range(steps):
            self._simulator.command(dict(zip(self._names, self._motors.step(self._motor_targets(), dt_s / steps))))
            self._simulator.advance(dt_s / steps)
        state = self._simulator.state()
        if self._next_object is not None and self._is_down_and_open(state):
            self._simulator.set_object(self._next_object)
            self._next_object = None
            state = self._simulator.state()
        return state

    def _motor_targets(self) -> np.ndarray:
        """Targets of the motors: a lift that is down stays there until the fingers are at their targets.

        In a simulation that is slower than real time they come late, and the hand would go up without the object.
        """
        lag = np.abs(self._targets - self._motors.position)
        lag[self._lift] = 0.0
        if lag.max() < _CLOSED_RAD or self._motors.position[self._lift] > 0.0:
            return self._targets
        return np.where(np.arange(len(lag)) == self._lift, 0.0, self._targets)

    def _is_down_and_open(self, state: SimulatorState) -> bool:
        return self._mode in _OPEN_MODES and state.joint_position[self._lift] < _DOWN_M
