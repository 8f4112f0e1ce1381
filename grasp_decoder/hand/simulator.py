# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What every simulator of the hand can do, and the registry that opens one by its name.

``mujoco`` and ``gazebo`` are built in. A package adds its own by an entry point of the group
``grasp_decoder.simulators``: a function or class that is called with the speed and returns a `HandSimulator`. The name
of the entry point is then a value of ``--hand``. A simulator that passes ``test/hand/test_simulators.py`` fits: the
tests there run for every simulator of the registry.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from grasp_decoder.hand.state import SimulatorState
from grasp_decoder.objects import GraspObject
from grasp_decoder.plug_ins import PlugIns

SIMULATORS = PlugIns(
    'simulator',
    'grasp_decoder.simulators',
    {
        'mujoco': 'grasp_decoder.hand.mujoco.simulator:MujocoSimulator',
        'gazebo': 'grasp_decoder.hand.gazebo.simulator:GazeboSimulator',
    },
)


class HandSimulator(Protocol):
    """A simulated hand over a table with one object in its reach; tested by ``test/hand/test_simulators.py``.

    Attributes:
        joint_names: the hand's joints, in the order of ``hand.sdf``.
    """

    joint_names: tuple[str, ...]

    def set_object(self, thing: GraspObject) -> None:
        """Put this object at its place in reach, upright and at rest, and take away the one before."""

    def command(self, targets: Mapping[str, float]) -> None:
        """Set the target positions of joints by name (rad, m); the other joints keep theirs.

        Raises:
            GraspDecoderError: a name is not in ``joint_names``.
        """

    def advance(self, dt_s: float) -> None:
        """Let ``dt_s`` seconds pass in the simulation."""

    def state(self) -> SimulatorState:
        """Return the state of the hand and its object now."""

    def close(self) -> None:
        """End the simulation and every process that was started for it."""


def simulator_names() -> tuple[str, ...]:
    """Names of all simulators, those built in first."""
    return SIMULATORS.names()


def open_simulator(name: str, speed: float = 1.0) -> HandSimulator:
    """Open a simulator; its libraries are imported only now.

    Args:
        name: one of `simulator_names`.
        speed: seconds of simulation in one second, for simulators with a clock of their own; 0: as many as possible.

    Raises:
        GraspDecoderError: there is no simulator of this name, or it cannot be imported or started.
    """
    simulator: HandSimulator = SIMULATORS.load(name)(speed)
    return simulator
