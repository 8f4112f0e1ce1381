# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""GraspLog: how many grasps there were, and how many of them held."""

from __future__ import annotations

from grasp_decoder.control.grasp_state_machine import Seen
from grasp_decoder.types.hand_command import HandCommand, HandMode
from grasp_decoder.types.time import NS_PER_S


class GraspLog:
    """Follows each grasp from its closing to the next opening.

    A grasp held when its object stayed lifted for ``hold_dwell_s``. Of a hand that does not say how high the object is,
    it held when a finger touched the object from the first bin of HOLD to the last. Of a hand that says neither, it is
    not known.

    Attributes:
        tried, closed: grasps that began, and those that reached HOLD.
        held: those that held; None while no hand has said anything of an object.
        last: how the latest grasp went, in words.
    """

    def __init__(self, hold_dwell_s: float):
        self._dwell_ns = hold_dwell_s * NS_PER_S
        self._state = HandMode.SAFE
        self._goes_on = self._in_hold = False
        self.tried = self.closed = 0
        self.held: int | None = None
        self.last = 'none yet'

    def take(self, command: HandCommand, seen: Seen) -> None:
        """Take the command for the next decode, and what the hand said before it."""
        before, self._state = self._state, command.state
        if command.state == HandMode.CLOSE != before:
            self._begin(command.grip)
        if not self._goes_on:
            return
        if command.state == HandMode.HOLD and not self._in_hold:
            self._in_hold = True
            self.closed += 1
        if self._in_hold:
            self._watch(seen, command)
        if command.state == HandMode.OPEN:
            self._end(command.reason)

    def _begin(self, grip: str) -> None:
        self.tried += 1
        self._goes_on, self._in_hold = True, False
        self._grip = grip
        self._touched: bool | None = None
        self._lifted_since_ns: int | None = None
        self._lifted_ns = 0
        self._lift_known = False
        self.last = f'{grip}: closing'

    def _watch(self, seen: Seen, command: HandCommand) -> None:
        if command.state == HandMode.HOLD and seen.touched is not None:
            self._touched = seen.touched and self._touched is not False
        self._lift_known |= seen.lifted is not None
        if not seen.lifted:
            self._lifted_since_ns = None
            return
        if self._lifted_since_ns is None:
            self._lifted_since_ns = command.stamp_ns
        self._lifted_ns = max(self._lifted_ns, command.stamp_ns - self._lifted_since_ns)

    def _end(self, reason: str) -> None:
        self._goes_on = False
        if not self._in_hold:
            self.last = f'{self._grip}: not closed ({reason})'
            return
        held = self._lifted_ns >= self._dwell_ns if self._lift_known else self._touched
        if held is None:
            self.last = f'{self._grip}: closed; whether it held is not known'
            return
        self.held = (self.held or 0) + held
        lifted = f', lifted for {self._lifted_ns / NS_PER_S:.2f} s' if self._lift_known else ''
        self.last = f'{self._grip}: {"held" if held else "not held"}{lifted}'
