"""What every simulator of the hand can do, and how one is opened by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from grasp_decoder.errors import GraspDecoderError

SIMULATORS = ('mujoco', 'gazebo')


@dataclass(frozen=True)
class SimulatedHand:
    """The hand and its object at one moment.

    Attributes:
        joint_position: float64 (n_joints,), rad (m for the lift joint), in the order of ``joint_names``.
        object_id: the object in reach, -1 for none.
        contact: whether any finger touches the object.
        lift_m: height of the object's centre of mass above its rest.
        object_pose: float64 (4, 4), homogeneous transform of the object in the world.
    """

    joint_position: np.ndarray
    object_id: int
    contact: bool
    lift_m: float
    object_pose: np.ndarray


class HandSimulator(Protocol):
    """A simulated hand over a table with one object in its reach."""

    joint_names: tuple[str, ...]

    def set_object(self, object_id: int) -> None:
        """Put this object at its place in reach, upright and at rest, instead of the one before."""

    def command(self, targets: Mapping[str, float]) -> None:
        """Set targets of joints by name (rad, m); other joints keep theirs. An unknown name is an error."""

    def advance(self, dt_s: float) -> None:
        """Let ``dt_s`` seconds pass in the simulation."""

    def state(self) -> SimulatedHand:
        """Say how things are now."""

    def render(self) -> np.ndarray:
        """Draw how things are now: uint8 (height, width, 3), RGB. Raises `GraspDecoderError` without OpenGL."""

    def close(self) -> None:
        """End the simulation and what was started for it."""


def open_simulator(name: str, speed: float = 1.0) -> HandSimulator:
    """Open ``mujoco`` or ``gazebo``; a simulator's libraries are imported only when it is asked for.

    ``speed`` is for simulators with a clock of their own: seconds of simulation in one second.
    """
    if name == 'mujoco':
        from grasp_decoder.hand.mujoco.simulator import MujocoSimulator

        return MujocoSimulator()
    if name == 'gazebo':
        from grasp_decoder.hand.gazebo.simulator import GazeboSimulator

        return GazeboSimulator(speed)
    raise GraspDecoderError(f"simulator '{name}' is not one of {', '.join(SIMULATORS)}")
