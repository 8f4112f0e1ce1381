# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The states of a grasp: SAFE, OPEN, PRESHAPE, CLOSE, HOLD.

::

    SAFE ──rest for recovery_s──▶ OPEN ◀──unsure─── PRESHAPE
    SAFE ──healthy for recovery_s while the hand keeps what it holds──▶ HOLD
                                   │ └───confident──▶ │
                                   └────GRASP──▶ CLOSE ◀──GRASP
                    OPEN ◀──aborted──┘ └──closed──▶ HOLD ──rest, once lifted for hold_dwell_s──▶ OPEN
    any state ──fault──▶ SAFE

docs/safety.md explains them.
"""

from __future__ import annotations

from dataclasses import dataclass

from grasp_decoder.control.settings import ControlSettings
from grasp_decoder.types.hand_command import HandMode
from grasp_decoder.types.time import NS_PER_S

MAX_STEP_NS = 500_000_000
"""A jump of the acquisition clock counts as at most this much dwell time: the longest gap that a replay keeps."""


@dataclass(frozen=True)
class Seen:
    """What the hand says about the object; None where it says nothing.

    Attributes:
        touched: a finger has met it.
        lifted: it is `LIFTED_M` or more above its rest.
    """

    touched: bool | None = None
    lifted: bool | None = None


UNSEEN = Seen()


class GraspStateMachine:
    """Turns evidence into states. Attributes: state, grip (name), reason (why this state)."""

    def __init__(self, settings: ControlSettings, grip: str):
        self._settings = settings
        self._stamp_ns: int | None = None
        self._time_ns = 0
        self._entered_ns = 0
        self._rest_since_ns: int | None = None
        self._healthy_since_ns: int | None = None
        self._held_since_ns = 0
        self._lifted_since_ns: int | None = None
        self._seen = UNSEEN
        self._novelty = 0.0
        self.state = HandMode.SAFE
        self.grip = grip
        self.reason = 'starting'

    def fail(self, reason: str) -> None:
        """Go to SAFE; it is left after `recovery_s` of steps at rest, counted from now."""
        if self.state == HandMode.HOLD:
            self._held_since_ns = self._entered_ns
        self.state, self.reason = HandMode.SAFE, reason
        self._rest_since_ns = self._stamp_ns = self._healthy_since_ns = None

    def step(
        self,
        stamp_ns: int,
        grasp: float | None,
        grip: str,
        confidence: float,
        settled: bool,
        keeps: bool = False,
        seen: Seen = UNSEEN,
        novelty: float = 0.0,
    ) -> None:
        """Take one bin.

        Args:
            stamp_ns: its end on the acquisition clock; later than the one before, or `fail` was called between them.
            grasp: evidence for GRASP (proportional: the decoded aperture), 0..1; None while nothing is known, which
                is neither grasp nor rest.
            grip, confidence: the most probable grip, and how sure it is: 0 as before anything is known, 1 certain.
            settled: the hand's aperture has arrived at its target.
            keeps: in SAFE, the hand still holds what it held before.
            seen: what the hand says about the object.
            novelty: probability that training did not have the object, where it is more probable than the grip; else 0.
        """
        self._novelty = novelty
        if self._stamp_ns is not None:
            self._time_ns += min(stamp_ns - self._stamp_ns, MAX_STEP_NS)
        self._stamp_ns = stamp_ns
        if self._healthy_since_ns is None:
            self._healthy_since_ns = self._time_ns
        self._note_rest(grasp)
        self._note_lift(seen)
        if self.state == HandMode.SAFE:
            self._in_safe(keeps)
        else:
            getattr(self, f'_in_{self.state.name.lower()}')(grasp or 0.0, grip, confidence, settled)

    def _note_rest(self, grasp: float | None) -> None:
        if grasp is None:
            # What is not known yet is not rest, but it does not contradict the rest that was decoded in HOLD before.
            if self.state != HandMode.HOLD:
                self._rest_since_ns = None
        elif grasp >= self._settings.release_threshold:
            self._rest_since_ns = None
        elif self._rest_since_ns is None:
            self._rest_since_ns = self._time_ns

    def _note_lift(self, seen: Seen) -> None:
        self._seen = seen
        if not seen.lifted:
            self._lifted_since_ns = None
        elif self._lifted_since_ns is None:
            self._lifted_since_ns = self._time_ns

    def _enter(self, state: HandMode, reason: str, grip: str | None = None) -> None:
        self.state, self.reason, self.grip = state, reason, grip or self.grip
        self._entered_ns = self._time_ns

    def _stayed(self, dwell_s: float) -> bool:
        return self._time_ns - self._entered_ns >= dwell_s * NS_PER_S

    def _rested(self, dwell_s: float) -> bool:
        return self._rest_since_ns is not None and self._time_ns - self._rest_since_ns >= dwell_s * NS_PER_S

    def _healthy(self, dwell_s: float) -> bool:
        return self._healthy_since_ns is not None and self._time_ns - self._healthy_since_ns >= dwell_s * NS_PER_S

    def _in_safe(self, keeps: bool) -> None:
        if not keeps:
            if self._rested(self._settings.recovery_s):
                self._enter(HandMode.OPEN, 'recovered')
        elif self._healthy(self._settings.recovery_s):
            self._enter(HandMode.HOLD, 'recovered, and still holding')
            self._entered_ns = self._held_since_ns

    def _in_open(self, grasp: float, grip: str, confidence: float, settled: bool) -> None:
        if not self._stayed(self._settings.open_dwell_s):
            return
        if grasp >= self._settings.close_threshold:
            self._close(grip, confidence)
        elif confidence >= self._settings.preshape_confidence:
            self._enter(HandMode.PRESHAPE, f'{grip} grip expected ({confidence:.2f})', grip)

    def _in_preshape(self, grasp: float, grip: str, confidence: float, settled: bool) -> None:
        if grasp >= self._settings.close_threshold:
            self._close(grip, confidence)
        elif self._stayed(self._settings.preshape_dwell_s) and (
            grip != self.grip or confidence < self._settings.preshape_release
        ):
            self._enter(HandMode.OPEN, f'no longer sure of the {self.grip} grip')

    def _close(self, grip: str, confidence: float) -> None:
        if self._novelty:
            self.reason = f'grasp decoded, but of an object unlike those of training ({self._novelty:.2f})'
        elif confidence >= self._settings.close_confidence:
            self._enter(HandMode.CLOSE, f'grasp decoded, {grip} grip ({confidence:.2f})', grip)
        else:
            self.reason = f'grasp decoded, but unsure of the grip ({confidence:.2f})'

    def _in_close(self, grasp: float, grip: str, confidence: float, settled: bool) -> None:
        if self._rested(self._settings.abort_dwell_s):
            self._enter(HandMode.OPEN, 'aborted: rest decoded while closing')
        elif settled and self._seen.touched is False:
            self.reason = 'closed, but no finger has met an object'
        elif settled:
            self._enter(HandMode.HOLD, 'closed')
            self._lifted_since_ns = None

    def _in_hold(self, grasp: float, grip: str, confidence: float, settled: bool) -> None:
        if self._held_long_enough() and self._rested(self._settings.release_dwell_s):
            self._enter(HandMode.OPEN, 'released: rest decoded')

    def _held_long_enough(self) -> bool:
        if self._lifted_since_ns is None:
            return self._stayed(self._settings.blind_hold_s)
        return self._time_ns - self._lifted_since_ns >= self._settings.hold_dwell_s * NS_PER_S
