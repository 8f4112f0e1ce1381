# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""HandState: where the joints of a hand are, and what it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class HandState:
    """Fields and units as in ``msg/HandState.msg``; ``stamp_ns`` is its ``acquisition_ns``: that of the last command.

    Attributes:
        monotonic_ns: CLOCK_MONOTONIC of this state; with a simulated clock the time of the world.
        lift: height of the object above its rest, m.
        contact: whether any finger touches the object.
        command_due_ns: ``due_ns`` of the last command that changed the joint targets.
        joint_name: (n_joints,).
        joint_position: (n_joints,), rad (m for the lift joint).
        object_id: the object in reach; -1 for none.
    """

    stamp_ns: int
    monotonic_ns: int
    lift: float
    contact: bool
    command_due_ns: int = 0
    joint_name: Sequence[str] = ()
    joint_position: Sequence[float] = ()
    object_id: int = -1
