# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Limits of position, velocity and acceleration of whatever moves the hand."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

MAX_STEP_S = 0.05
"""A longer pause between two commands counts as this much, so that no command jumps after a silence."""


class MotionLimiter:
    """Moves towards a target inside limits, each axis by itself.

    Position stays in ``[low, high]``, speed under ``max_velocity``, and speed grows by at most ``max_acceleration``.
    Slowing down is never limited: to stop is always safe, and it keeps the other limits true at any command rate.
    All arguments are scalars or arrays (n,) that broadcast to ``start``.
    """

    def __init__(
        self,
        start: ArrayLike,
        low: ArrayLike,
        high: ArrayLike,
        max_velocity: ArrayLike,
        max_acceleration: ArrayLike,
    ):
        self._low, self._high = np.asarray(low), np.asarray(high)
        self._max_velocity, self._max_acceleration = np.asarray(max_velocity), np.asarray(max_acceleration)
        self.position: NDArray[np.float64] = np.clip(np.asarray(start, dtype=float), low, high)
        self.velocity: NDArray[np.float64] = np.zeros_like(self.position)

    def stop(self, position: ArrayLike | None = None) -> None:
        """Stand still at once, where it is or at ``position`` (n,), which is brought inside the limits."""
        if position is not None:
            self.position = np.clip(np.asarray(position, dtype=float), self._low, self._high)
        self.velocity = np.zeros_like(self.position)

    def step(self, target: ArrayLike, dt_s: float) -> NDArray[np.float64]:
        """Move for ``dt_s`` towards ``target`` (n,) and give the new position (n,)."""
        dt_s = min(dt_s, MAX_STEP_S)
        if dt_s <= 0.0:
            return self.position
        target = np.clip(target, self._low, self._high)
        distance = target - self.position
        running = np.where(self.velocity * distance > 0.0, np.abs(self.velocity), 0.0)
        speed = np.minimum(running + self._max_acceleration * dt_s, self._max_velocity)
        arrives = np.abs(distance) <= speed * dt_s
        self.velocity = np.where(arrives, distance / dt_s, np.sign(distance) * speed)
        self.position = np.where(arrives, target, self.position + self.velocity * dt_s)
        return self.position
