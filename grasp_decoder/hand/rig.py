"""The experiment around the simulated hand: objects are put in reach, HOLD lifts the hand, OPEN lowers it."""

from __future__ import annotations

from collections.abc import Mapping

from grasp_decoder.control.hand_command import HandMode
from grasp_decoder.control.limits import MotionLimiter
from grasp_decoder.hand.sdf import LIFT_JOINT
from grasp_decoder.hand.simulator import HandSimulator, SimulatedHand

LIFT_M = 0.1
_LIFT_VELOCITY, _LIFT_ACCELERATION = 0.6, 5.0  # m/s, m/s^2
_DOWN_M = 0.005
_HELD_M = 0.02


class GraspRig:
    """Moves a `HandSimulator` through trials as commands and trial starts come in."""

    def __init__(self, simulator: HandSimulator):
        """Start with the hand down and open and no object in reach."""
        self._simulator = simulator
        self._lift = MotionLimiter(0.0, 0.0, LIFT_M, _LIFT_VELOCITY, _LIFT_ACCELERATION)
        self._mode = HandMode.OPEN
        self._next_object: int | None = None

    def place(self, object_id: int) -> None:
        """Put the object of the next trial in reach as soon as the hand is down and holds nothing."""
        self._next_object = object_id

    def set_mode(self, mode: HandMode) -> None:
        """Follow the state of the grasp: HOLD lifts, OPEN, PRESHAPE and CLOSE lower, SAFE stops the lift where it is."""
        self._mode = mode

    def command(self, targets: Mapping[str, float]) -> None:
        """Set joint targets of the fingers (rad)."""
        self._simulator.command(targets)

    def advance(self, dt_s: float) -> SimulatedHand:
        """Let time pass and say how things are."""
        if self._mode != HandMode.SAFE:
            self._simulator.command({LIFT_JOINT: self._lift.step(LIFT_M * (self._mode == HandMode.HOLD), dt_s)})
        self._simulator.advance(dt_s)
        state = self._simulator.state()
        if self._next_object is not None and self._may_place(state):
            self._simulator.set_object(self._next_object)
            self._next_object = None
            state = self._simulator.state()
        return state

    def _may_place(self, state: SimulatedHand) -> bool:
        grasping = self._mode in (HandMode.CLOSE, HandMode.HOLD)
        holds = state.contact and state.lift_m > _HELD_M
        lift = state.joint_position[self._simulator.joint_names.index(LIFT_JOINT)]
        return not grasping and not holds and lift < _DOWN_M
