"""What every simulator of the hand can do, and the registry that opens one by its name.

``mujoco`` and ``gazebo`` are built in. A package adds its own by an entry point of the group
``grasp_decoder.simulators``: a function or class that is called with the speed and returns a `HandSimulator`. The name
of the entry point is then a value of ``--hand``. A simulator that passes ``test/hand/test_simulators.py`` fits: the
tests there run for every simulator of the registry.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from typing import Protocol

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.hand.state import SimulatorState
from grasp_decoder.objects import GraspObject

ENTRY_POINT_GROUP = 'grasp_decoder.simulators'
# Named here too, so that they are there in a checkout that is not installed.
BUILT_IN = {
    'mujoco': 'grasp_decoder.hand.mujoco.simulator:MujocoSimulator',
    'gazebo': 'grasp_decoder.hand.gazebo.simulator:GazeboSimulator',
}


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
    return tuple(_entry_points())


def open_simulator(name: str, speed: float = 1.0) -> HandSimulator:
    """Open a simulator; its libraries are imported only now.

    Args:
        name: one of `simulator_names`.
        speed: seconds of simulation in one second, for simulators with a clock of their own.

    Raises:
        GraspDecoderError: there is no simulator of this name, or it cannot be imported or started.
    """
    points = _entry_points()
    if name not in points:
        raise GraspDecoderError(f"simulator '{name}' is not one of {', '.join(points)}")
    try:
        simulator = points[name].load()
    except (ImportError, AttributeError) as error:
        raise GraspDecoderError(f"simulator '{name}' ({points[name].value}) cannot be imported: {error}") from error
    return simulator(speed)


def _entry_points() -> dict[str, metadata.EntryPoint]:
    built_in = {name: metadata.EntryPoint(name, value, ENTRY_POINT_GROUP) for name, value in BUILT_IN.items()}
    plugged_in = metadata.entry_points(group=ENTRY_POINT_GROUP)
    return built_in | {point.name: point for point in plugged_in if point.name not in BUILT_IN}
