# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""CommandedHand: a simulated hand that does what hand_bridge sends, and opens by itself when nothing comes any more."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from grasp_decoder.control.target_guard import TargetGuard
from grasp_decoder.hand.rig import GraspRig
from grasp_decoder.hand.state import SimulatorState
from grasp_decoder.types.hand_command import HandCommand, HandMode
from grasp_decoder.types.hand_state import HandState
from grasp_decoder.types.trial_event import TrialEvent


class CommandedHand:
    """Passes commands, joint targets and trials on to a `GraspRig`. Without joint targets the guard takes over."""

    def __init__(self, rig: GraspRig, joint_names: Sequence[str], guard: TargetGuard):
        """``joint_names`` are those of the simulator, in its order."""
        self._rig = rig
        self._joint_names = joint_names
        self._guard = guard
        self._trial: tuple[int, int] | None = None
        self._command = HandCommand(0, 0, HandMode.SAFE, '', 0.0, '')
        self._targets: dict[str, float] = {}
        self._changed_stamp_ns = -1
        self._command_due_ns = 0

    def trial_event(self, event: TrialEvent) -> None:
        """The first event of a trial puts its object in reach."""
        if (event.trial, event.segment) != self._trial:
            self._trial = event.trial, event.segment
            self._rig.place(event.object_id)

    def command(self, command: HandCommand) -> None:
        """Follow the mode of a command: it lifts or lowers the hand."""
        self._command = command
        self._rig.set_mode(command.state)
        self._note_change()

    def joint_targets(self, names: Sequence[str], angles: Sequence[float], stamp_ns: int, now_ns: int) -> None:
        """Send joints to these angles.

        Args:
            names: joints.
            angles: (n_joints,) in rad; with a NaN among them they are no targets, and nothing changes.
            stamp_ns: of the command that they belong to, acquisition clock.
            now_ns: CLOCK_MONOTONIC.

        Raises:
            GraspDecoderError: the hand has no such joint.
        """
        targets = dict(zip(names, angles))
        if not np.isfinite(list(targets.values())).all():
            return
        self._rig.require_joints(targets)
        if all(name in targets for name in self._guard.names):
            self._guard.take(np.array([targets[name] for name in self._guard.names]), now_ns)
        if targets != self._targets and not self._guard.lost:
            self._targets = targets
            self._changed_stamp_ns = stamp_ns
            self._rig.command(targets)
            self._note_change()

    def let_go(self, reason: str) -> None:
        """Open the hand, whatever joint targets come, for this ``reason``."""
        self._guard.take_over(reason)

    def is_open(self, simulated: SimulatorState) -> bool:
        """Whether the joints are where they are in an open hand, or were never told to be anywhere."""
        position = dict(zip(self._joint_names, simulated.joint_position))
        return not self._guard.heard or self._guard.is_open(np.array([position[name] for name in self._guard.names]))

    def stood_still(self, duration_ns: int) -> None:
        """The hand could not run for so long: targets that came meanwhile have not been taken yet."""
        self._guard.stood_still(duration_ns)

    def advance(self, dt_s: float, now_ns: int) -> SimulatorState:
        """Let ``dt_s`` seconds pass, until CLOCK_MONOTONIC ``now_ns``, and return the state after them."""
        guarded = self._guard.targets(now_ns)
        if self._guard.lost:
            self._targets = {}
            self._rig.set_mode(HandMode.SAFE)
            if guarded is not None:
                self._rig.command(dict(zip(self._guard.names, guarded.tolist())))
        return self._rig.advance(dt_s)

    def state(self, simulated: SimulatorState, now_ns: int) -> HandState:
        """What the hand says about this state at CLOCK_MONOTONIC ``now_ns``, stamped with the last command's time."""
        return HandState(
            stamp_ns=self._command.stamp_ns,
            monotonic_ns=now_ns,
            lift=simulated.lift_m,
            contact=simulated.contact,
            command_due_ns=self._command_due_ns,
            joint_name=self._joint_names,
            joint_position=simulated.joint_position.tolist(),
            object_id=simulated.object_id,
        )

    def _note_change(self) -> None:
        """Joint targets and their command share a stamp and come in either order."""
        if self._command.stamp_ns == self._changed_stamp_ns:
            self._command_due_ns = self._command.due_ns
