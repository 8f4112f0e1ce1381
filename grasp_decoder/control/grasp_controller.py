# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""GraspController: decoded bins in, safe hand commands out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from grasp_decoder.control.fault_policies import Fault, FaultKind, FaultPolicies, Policy, load_fault_policies
from grasp_decoder.control.faults import DecodeChecker, SilenceJudge, SourceClock
from grasp_decoder.control.grasp_state_machine import UNSEEN, GraspStateMachine, Seen
from grasp_decoder.control.grip_table import PRESHAPE_APERTURE, GripTable
from grasp_decoder.control.limits import MotionLimiter
from grasp_decoder.control.settings import ControlSettings
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.evidence import EvidenceAccumulator, EvidenceRule
from grasp_decoder.types.decoded_grasp import DecodedGrasp
from grasp_decoder.types.hand_command import HandCommand, HandMode
from grasp_decoder.types.time import NS_PER_S

LEAST_BIN_S, MOST_BIN_S = 0.001, 10.0
MOST_LOOK_BACK = 10_000


class GraspController:
    """One `HandCommand` for each `DecodedGrasp`, and SAFE whenever something is wrong.

    Evidence about the object is summed over the objects that share a grip, so that the hand closes when it is sure of
    the grip, even between two sizes of one shape. It does not close where an object that training did not have is more
    probable. Before `configure` the hand stays SAFE.
    States and dwell times run on the decodes' stamps (a replay at any speed decides alike), motion limits and the
    watchdog on CLOCK_MONOTONIC (no replay moves a hand faster than its limits).
    """

    def __init__(self, settings: ControlSettings, grips: GripTable, policies: FaultPolicies | None = None):
        """``policies`` default to those of ``config/faults.yaml``."""
        self._settings = settings
        self._grips = grips
        self._policies = policies if policies is not None else load_fault_policies()
        self._machine = GraspStateMachine(settings, grips.default_grip)
        self._aperture = MotionLimiter(
            0.0, 0.0, 1.0, settings.max_aperture_velocity, settings.max_aperture_acceleration
        )
        self._checker: DecodeChecker | None = None
        self._standing: dict[FaultKind, Fault] = {}
        self._e_stopped = self._e_stop_pressed = False
        self._policy = Policy.OPEN
        self._keeps_until_ns = 0
        self._held_since_ns = 0
        self._segment = -1
        self._last: DecodedGrasp | None = None
        self._followed_aperture = 0.0
        self._held_aperture = 0.0
        self._heard_ns = 0
        self._now_ns = 0
        self._moved_ns: int | None = None
        self._no_decoder = Fault(FaultKind.NO_DECODER, 'no decoder: waiting for /decoder_info')
        self._machine.fail(self._no_decoder.reason)

    @property
    def bin_ns(self) -> int:
        """Length of the decoder's bins; 0 while no decoder is accepted."""
        return self._checker.bin_ns if self._checker is not None else 0

    def configure(
        self,
        object_ids: Sequence[int],
        bin_s: float,
        look_back: int,
        bundle: str = '',
        evidence: EvidenceRule | None = None,
        labels: Sequence[str] = (),
    ) -> None:
        """Expect a new decoder.

        One that makes no sense, or knows other objects than the catalogue, is refused: the hand stays SAFE until
        another comes.

        Args:
            object_ids: its classes, in the order of its probabilities; empty when it decodes the phase alone.
            bin_s: length of its bins.
            look_back: bins that it needs before its first decode of a segment.
            bundle: hash of its bundle, whose first characters every decode carries; '' checks nothing.
            evidence: how evidence about its classes is counted; by default all classes are alike.
            labels: what it calls its classes; empty when it does not say.
        """
        try:
            evidence = evidence or EvidenceRule.for_unknown(len(object_ids) or 1)
            _require_sense(object_ids, bin_s, look_back, evidence)
            self._grips.objects.require_labels(object_ids, labels, 'the decoder')
        except GraspDecoderError as problem:
            self._checker = None
            self._no_decoder = Fault(FaultKind.NO_DECODER, f'no decoder: {problem}')
            self._fail(self._no_decoder)
            return
        settings = self._settings
        grips = [self._grips.grip_of(object_id) for object_id in object_ids] or [self._grips.default_grip]
        self._grip_names = sorted(set(grips))
        self._grip_of_class = np.array([self._grip_names.index(grip) for grip in grips])
        self._object = EvidenceAccumulator(evidence, bin_s)
        self._prior_of_grip = np.bincount(self._grip_of_class, weights=self._object.posterior())
        self._phase = EvidenceAccumulator(EvidenceRule((0.5, 0.5), settings.phase_gain, settings.phase_memory_s), bin_s)
        bin_ns = round(bin_s * NS_PER_S)
        self._checker = DecodeChecker(settings, object_ids, bin_ns, look_back, bundle)
        self._silence = SilenceJudge(settings, bin_ns)
        self._phase_only = not len(object_ids)
        self._fail(Fault(FaultKind.EXCHANGE, 'a new decoder started'))

    def step(self, decoded: DecodedGrasp, now_ns: int, seen: Seen = UNSEEN) -> HandCommand:
        """The command for ``decoded``, received at CLOCK_MONOTONIC ``now_ns``, when the hand says ``seen``."""
        self._now_ns = self._heard_ns = now_ns
        self._last = decoded
        if self._checker is not None:
            fault = self._checker.fault(decoded, now_ns) or next(iter(self._standing.values()), None)
            if fault:
                self._fail(fault)
            elif not self._e_stopped:
                self._decide(decoded, self._checker.warms_up(decoded), seen)
        return self._command(now_ns, decoded.due_ns)

    def watchdog(self, now_ns: int, source: Callable[[], SourceClock | None] = lambda: None) -> HandCommand | None:
        """SAFE when no decode came for too long, else None; ``source`` gives the latest batch of spikes when asked."""
        self._now_ns = now_ns
        if self._checker is not None and self._last is not None:
            if now_ns - self._heard_ns <= self._settings.decode_timeout_s * NS_PER_S:
                return None
            fault = self._silence.fault(now_ns, self._heard_ns, self._last, source())
            if fault is None:
                return None
            self._fail(fault)
        return self._command(now_ns, due_ns=0)

    def go_on(self, now_ns: int) -> HandCommand:
        """The command as it is, moved on to ``now_ns``: nothing is decided."""
        self._now_ns = now_ns
        return self._command(now_ns, due_ns=0)

    def fail(self, fault: Fault, now_ns: int) -> HandCommand:
        """SAFE, for a reason that was noticed elsewhere; it is left as after any other fault."""
        self._now_ns = now_ns
        self._fail(fault)
        return self._command(now_ns, due_ns=0)

    def fail_until_cleared(self, fault: Fault, now_ns: int) -> HandCommand:
        """SAFE until `clear` says that faults of this kind are over."""
        self._standing[fault.kind] = fault
        return self.fail(fault, now_ns)

    def clear(self, kind: FaultKind) -> None:
        """A fault of this kind is over. Without a decoder, and before its first decode, the reason of SAFE says so."""
        over = self._standing.pop(kind, None)
        if over is None or self._standing:
            return
        if self._checker is None:
            self._fail(self._no_decoder)
        elif self._last is None:
            self._fail(Fault(FaultKind.EXCHANGE, 'no decode has come yet'))

    def e_stop(self, now_ns: int) -> HandCommand:
        """The e-stop is pressed: SAFE at once, until `reset`."""
        self._now_ns = now_ns
        self._e_stop_pressed = True
        if not self._e_stopped:
            self._fail(Fault(FaultKind.E_STOP, 'e-stop'))
            self._e_stopped = True
        return self._command(now_ns, due_ns=0)

    def e_stop_let_go(self) -> None:
        """The e-stop is no longer pressed; the hand stays SAFE until `reset`."""
        self._e_stop_pressed = False

    @property
    def e_stopped(self) -> bool:
        """Whether the e-stop was pressed and not reset since."""
        return self._e_stopped

    def reset(self) -> None:
        """Release the e-stop; SAFE is then left as after any other fault.

        Raises:
            GraspDecoderError: the e-stop is still pressed.
        """
        if self._e_stop_pressed:
            raise GraspDecoderError('the e-stop is still pressed: let go of it (false on the topic) before the reset')
        if self._e_stopped:
            self._e_stopped = False
            self._fail(Fault(FaultKind.E_STOP, 'e-stop released'))

    def target_aperture(self) -> float:
        """Aperture that the hand is on its way to, 0 open .. 1 closed."""
        state, proportional = self._machine.state, self._settings.proportional
        if state == HandMode.SAFE:
            return float(self._aperture.position) if self._policy == Policy.HOLD or self._keeps() else 0.0
        if state == HandMode.OPEN:
            return 0.0
        if state == HandMode.PRESHAPE:
            return PRESHAPE_APERTURE
        if not proportional:
            return 1.0
        return max(self._followed_aperture, self._held_aperture if state == HandMode.HOLD else 0.0)

    def _keeps(self) -> bool:
        """Whether the hand, in SAFE, still holds what it held before."""
        return self._policy == Policy.KEEP and self._now_ns < self._keeps_until_ns

    def _fail(self, fault: Fault) -> None:
        if not self._e_stopped:
            self._policy = self._policy_for(fault)
            self._machine.fail(fault.reason)
        if self._checker is not None:
            self._forget()

    def _policy_for(self, fault: Fault) -> Policy:
        """What SAFE does now: the policy of this fault, or that of the fault before where this one would undo it."""
        if self._settings.safe_state != 'by_fault':
            return Policy(self._settings.safe_state)
        policy = self._policies[fault.kind]
        if policy != Policy.KEEP:
            return policy
        if self._machine.state == HandMode.HOLD:
            self._keeps_until_ns = self._held_since_ns + round(self._settings.blind_hold_s * NS_PER_S)
            return Policy.KEEP
        return self._policy if self._machine.state == HandMode.SAFE else Policy.OPEN

    def _forget(self) -> None:
        self._object.reset()
        self._phase.reset()

    def _decide(self, decoded: DecodedGrasp, warms_up: bool, seen: Seen) -> None:
        if decoded.segment != self._segment:
            self._segment = decoded.segment
            self._forget()
        p = decoded.phase_probability
        grasp = None if warms_up else float(self._phase.update(np.array([1.0 - p, p]))[1])
        if self._settings.proportional:
            grasp = decoded.aperture
            if abs(grasp - self._followed_aperture) > self._settings.aperture_dead_band:
                self._followed_aperture = grasp
        closes = grasp is not None and grasp >= self._settings.close_threshold
        novelty = decoded.novelty if closes else 0.0  # it is about the time when the hand closes
        grip, confidence, novelty = self._likely_grip(decoded, novelty)
        before = self._machine.state
        settled = bool(self._aperture.position == self.target_aperture())
        self._machine.step(decoded.stamp_ns, grasp, grip, confidence, settled, self._keeps(), seen, novelty)
        if self._machine.state != before:
            self._held_aperture = float(self._aperture.position)
            if self._machine.state == HandMode.HOLD and before != HandMode.SAFE:
                self._held_since_ns = self._now_ns
            if before in (HandMode.CLOSE, HandMode.HOLD) and self._machine.state == HandMode.OPEN:
                self._object.reset()  # the next grasp is decided on what comes after this one

    def _likely_grip(self, decoded: DecodedGrasp, novelty: float) -> tuple[str, float, float]:
        """The most probable grip, how sure it is, and the novelty where that is more probable, else 0."""
        if self._phase_only:
            return self._grips.default_grip, 1.0, 0.0
        if not len(decoded.object_probability):
            return self._machine.grip, 0.0, 0.0
        posterior = self._object.update(np.asarray(decoded.object_probability))
        by_grip = (1.0 - novelty) * np.bincount(self._grip_of_class, weights=posterior)
        best = int(by_grip.argmax())
        certainty = _certainty(float(by_grip[best]), float(self._prior_of_grip[best]))
        return self._grip_names[best], certainty, novelty if novelty > by_grip[best] else 0.0

    def _command(self, now_ns: int, due_ns: int) -> HandCommand:
        if self._moved_ns is not None:
            self._aperture.step(self.target_aperture(), (now_ns - self._moved_ns) / NS_PER_S)
        self._moved_ns = now_ns
        stamp_ns = self._last.stamp_ns if self._last is not None else 0
        return HandCommand(
            stamp_ns,
            due_ns,
            self._machine.state,
            self._machine.grip,
            float(self._aperture.position),
            self._machine.reason,
            still=self._machine.state == HandMode.SAFE and self._policy == Policy.HOLD,
        )


def _certainty(posterior: float, prior: float) -> float:
    """How far a probability is on its way from the prior, 0, to 1; 1 where there is nothing else to choose."""
    return max(0.0, (posterior - prior) / (1.0 - prior)) if prior < 1.0 else 1.0


def _require_sense(object_ids: Sequence[int], bin_s: float, look_back: int, evidence: EvidenceRule) -> None:
    """Refuse a decoder that is impossible; raises `GraspDecoderError`."""
    if not LEAST_BIN_S <= bin_s <= MOST_BIN_S:  # NaN fails both comparisons
        problem = f'that a bin lasts {bin_s:g} s'
    elif not 1 <= look_back <= MOST_LOOK_BACK:
        problem = f'that it looks back over {look_back} bins'
    elif len(set(object_ids)) != len(object_ids):
        problem = 'that two classes are the same object'
    else:
        problem = evidence.problem(len(object_ids) or 1)
    if problem:
        raise GraspDecoderError(f'/decoder_info says {problem}')
