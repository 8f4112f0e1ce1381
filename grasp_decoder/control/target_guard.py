# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""TargetGuard: what a hand does when nobody tells it any more what to do."""

from __future__ import annotations

import numpy as np

from grasp_decoder.control.fault_policies import Policy
from grasp_decoder.control.grip_table import GripTable
from grasp_decoder.control.joint_targets import Angles, JointTargets
from grasp_decoder.types.hand_command import HandCommand, HandMode
from grasp_decoder.types.time import NS_PER_S

TARGET_TIMEOUT_S = 0.1
"""Silence of the joint targets, which come every 20 ms, after which a hand goes to its safe state by itself."""
AS_OPEN_RAD = 0.1
"""Targets this near to the hand do not close it."""


class TargetGuard:
    """Passes joint targets on while they come; after ``timeout_s`` without any it takes the hand to its safe state.

    hand_bridge sends targets at a fixed rate, so that silence means that it has died or cannot be heard. The guard
    belongs beside the motors, in their driver or right before it: no message has to arrive for it to act. The first
    targets, and those that come again, pass as soon as they do not close the hand: whoever sends them may not know that
    the hand was started again, or was let go.

    Attributes:
        lost: why the hand is in its safe state and targets do not pass; empty when they pass.
    """

    def __init__(self, grips: GripTable, timeout_s: float, on_loss: Policy = Policy.OPEN):
        """``on_loss``: open, within the limits of the motors, or hold the last targets."""
        self._joints = JointTargets(grips)
        self._opened = HandCommand(0, 0, HandMode.SAFE, grips.default_grip, 0.0, 'no targets')
        self._open = JointTargets(grips).step(self._opened, 0)
        self._timeout_ns = timeout_s * NS_PER_S
        self._on_loss = on_loss
        self._last: Angles | None = None
        self._heard_ns = 0
        self.lost = ''

    @property
    def names(self) -> tuple[str, ...]:
        """Joints, in the order of every array of angles."""
        return self._joints.names

    def take(self, angles: Angles, now_ns: int) -> bool:
        """Targets (n_joints,) in rad came at CLOCK_MONOTONIC ``now_ns``; with a NaN they are none, and it is false."""
        angles = np.asarray(angles, dtype=float)
        if not np.isfinite(angles).all():
            return False
        self._heard_ns = now_ns
        known = self._last is not None and not self.lost
        if known or not self._closes(angles, self._open if self._last is None else self._last):
            self._last, self.lost = angles, ''
        else:
            self.lost = 'the joint targets would close a hand that may be open'
        return True

    def stood_still(self, duration_ns: int) -> None:
        """The guard itself could not run for so long: what came meanwhile has not been taken yet."""
        self._heard_ns += duration_ns

    def take_over(self, reason: str) -> None:
        """Take the hand to its safe state now, for this ``reason``."""
        if self._last is not None:
            self.lost = reason
            self._joints = JointTargets(self._joints.grips)
            self._joints.start_from(self._last)

    @property
    def heard(self) -> bool:
        """Whether targets have ever passed."""
        return self._last is not None

    def is_open(self, angles: Angles) -> bool:
        """Whether joints at these angles (n_joints,) in rad are those of an open hand."""
        return not np.any(np.abs(angles - self._open) > AS_OPEN_RAD)

    def targets(self, now_ns: int) -> Angles | None:
        """What the joints are to do now, (n_joints,) in rad; None before the first targets."""
        if self._last is None:
            return None
        if not self.lost and now_ns - self._heard_ns > self._timeout_ns:
            self.take_over(f'no joint targets for {self._timeout_ns / NS_PER_S:g} s')
        if self.lost and self._on_loss == Policy.OPEN:
            self._last = self._joints.step(self._opened, now_ns)
        return self._last

    def _closes(self, angles: Angles, safe: Angles) -> bool:
        """Whether targets are further from the open posture than a hand in its ``safe`` state is."""
        return bool(np.any(np.abs(angles - self._open) > np.abs(safe - self._open) + AS_OPEN_RAD))
