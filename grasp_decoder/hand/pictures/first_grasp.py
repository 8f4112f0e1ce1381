# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Picks the states of the first grasp that lifts an object, and has them drawn."""

from __future__ import annotations

import subprocess
from pathlib import Path

from grasp_decoder.control.held import LIFTED_M
from grasp_decoder.hand.pictures.film import start_drawing
from grasp_decoder.hand.state import SimulatorState

_PERIOD_S = 0.08  # between two states of the film
_MAX_STATES = 61
_AFTERWARDS_S = 0.5  # of film after the object has been put down


class FirstGrasp:
    """Watches a hand until an object has been lifted and put down, then draws that trial in a process of its own."""

    def __init__(self, picture: Path):
        """Draw to ``picture`` (PNG) the object at its highest, and beside it, with the suffix ``.gif``, the film."""
        self._picture = picture
        self._states: list[SimulatorState] = []
        self._lifted = self._drawn = False
        self._since_state_s = self._since_down_s = 0.0

    def watch(self, state: SimulatorState, dt_s: float) -> subprocess.Popen | None:
        """Take the state after another ``dt_s`` seconds; return the process that draws when it starts."""
        self._since_state_s += dt_s
        if self._drawn or self._since_state_s < _PERIOD_S:
            return None
        self._since_state_s = 0.0
        if self._states and state.object_id != self._states[0].object_id and not self._lifted:
            self._states.clear()
        self._states = [*self._states, state][-_MAX_STATES:]
        self._lifted |= state.contact and state.lift_m > LIFTED_M
        is_down = self._lifted and state.lift_m < LIFTED_M
        self._since_down_s = self._since_down_s + _PERIOD_S if is_down else 0.0
        if self._since_down_s < _AFTERWARDS_S:
            return None
        self._drawn = True
        return start_drawing(self._states, _PERIOD_S, self._picture)
