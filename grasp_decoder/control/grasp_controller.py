"""GraspController: decoded bins in, safe hand commands out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from grasp_decoder.control.evidence import EvidenceAccumulator
from grasp_decoder.control.faults import DecodeChecker, SilenceJudge, SourceClock
from grasp_decoder.control.grasp_state_machine import GraspStateMachine
from grasp_decoder.control.grip_table import PRESHAPE_APERTURE, GripTable
from grasp_decoder.control.limits import MotionLimiter
from grasp_decoder.control.settings import ControlSettings
from grasp_decoder.types.decoded_grasp import DecodedGrasp
from grasp_decoder.types.hand_command import HandCommand, HandMode
from grasp_decoder.types.time import NS_PER_S


class GraspController:
    """One `HandCommand` for each `DecodedGrasp`, and SAFE whenever something is wrong.

    Evidence about the object is summed over the objects that share a grip, so that the hand closes when it is sure of
    the grip, even between two sizes of one shape. Before `configure` the hand stays SAFE.
    States and dwell times run on the decodes' stamps (a replay at any speed decides alike), motion limits and the
    watchdog on CLOCK_MONOTONIC (no replay moves a hand faster than its limits).
    """

    def __init__(self, settings: ControlSettings, grips: GripTable):
        self._settings = settings
        self._grips = grips
        self._machine = GraspStateMachine(settings, grips.default_grip)
        self._aperture = MotionLimiter(
            0.0, 0.0, 1.0, settings.max_aperture_velocity, settings.max_aperture_acceleration
        )
        self._checker: DecodeChecker | None = None
        self._e_stopped = False
        self._segment = -1
        self._last: DecodedGrasp | None = None
        self._followed_aperture = 0.0
        self._held_aperture = 0.0
        self._heard_ns = 0
        self._moved_ns: int | None = None
        self._machine.fail('no decoder: waiting for /decoder_info')

    def configure(self, object_ids: Sequence[int], bin_s: float, look_back: int) -> None:
        """Expect a new decoder.

        Args:
            object_ids: its classes, in the order of its probabilities; empty when it decodes the phase alone.
            bin_s: length of its bins.
            look_back: bins that it needs before its first decode of a segment.
        """
        settings = self._settings
        grips = [self._grips.grip_of(object_id) for object_id in object_ids] or [self._grips.default_grip]
        self._grip_names = sorted(set(grips))
        self._grip_of_class = np.array([self._grip_names.index(grip) for grip in grips])
        self._object = EvidenceAccumulator(len(grips), bin_s, settings.object_memory_s, settings.object_gain)
        self._phase = EvidenceAccumulator(2, bin_s, settings.phase_memory_s, settings.phase_gain)
        bin_ns = round(bin_s * NS_PER_S)
        self._checker = DecodeChecker(settings, object_ids, bin_ns, look_back)
        self._silence = SilenceJudge(settings, bin_ns)
        self._phase_only = not len(object_ids)
        self._fail('a new decoder started')

    def step(self, decoded: DecodedGrasp, now_ns: int) -> HandCommand:
        """The command for ``decoded``, received at CLOCK_MONOTONIC ``now_ns``."""
        self._heard_ns, self._last = now_ns, decoded
        if self._checker is not None:
            fault = self._checker.fault(decoded, now_ns)
            if fault:
                self._fail(fault)
            elif not self._e_stopped:
                self._decide(decoded)
        return self._command(now_ns, decoded.due_ns)

    def watchdog(self, now_ns: int, source: Callable[[], SourceClock | None] = lambda: None) -> HandCommand | None:
        """SAFE when no decode came for too long, else None; ``source`` gives the latest batch of spikes when asked."""
        if self._checker is not None and self._last is not None:
            if now_ns - self._heard_ns <= self._settings.decode_timeout_s * NS_PER_S:
                return None
            fault = self._silence.fault(now_ns, self._heard_ns, self._last, source())
            if fault is None:
                return None
            self._fail(fault)
        return self._command(now_ns, due_ns=0)

    def e_stop(self, now_ns: int) -> HandCommand:
        """SAFE at once, until `reset`."""
        self._e_stopped = True
        self._machine.fail('e-stop')
        return self._command(now_ns, due_ns=0)

    def reset(self) -> None:
        """Release the e-stop; SAFE is then left as after any other fault."""
        if self._e_stopped:
            self._e_stopped = False
            self._fail('e-stop released')

    def target_aperture(self) -> float:
        """Aperture that the hand is on its way to, 0 open .. 1 closed."""
        state, proportional = self._machine.state, self._settings.proportional
        if state == HandMode.SAFE:
            return float(self._aperture.position) if self._settings.safe_state == 'hold' else 0.0
        if state == HandMode.OPEN:
            return 0.0
        if state == HandMode.PRESHAPE:
            return PRESHAPE_APERTURE
        if not proportional:
            return 1.0
        return max(self._followed_aperture, self._held_aperture if state == HandMode.HOLD else 0.0)

    def _fail(self, reason):
        if not self._e_stopped:
            self._machine.fail(reason)
        if self._checker is not None:
            self._forget()

    def _forget(self):
        self._object.reset()
        self._phase.reset()

    def _decide(self, decoded):
        if decoded.segment != self._segment:
            self._segment = decoded.segment
            self._forget()
        p = decoded.phase_probability
        grasp = 0.0 if self._checker.warms_up(decoded) else float(self._phase.update(np.array([1.0 - p, p]))[1])
        if self._settings.proportional:
            grasp = decoded.aperture
            if abs(grasp - self._followed_aperture) > self._settings.aperture_dead_band:
                self._followed_aperture = grasp
        grip, confidence = self._likely_grip(decoded)
        before = self._machine.state
        settled = self._aperture.position == self.target_aperture()
        self._machine.step(decoded.stamp_ns, grasp, grip, confidence, settled)
        if self._machine.state != before:
            self._held_aperture = float(self._aperture.position)
            if before in (HandMode.CLOSE, HandMode.HOLD) and self._machine.state == HandMode.OPEN:
                self._object.reset()  # the next grasp is decided on what comes after this one

    def _likely_grip(self, decoded):
        if self._phase_only:
            return self._grips.default_grip, 1.0
        if not len(decoded.object_probability):
            return self._machine.grip, 0.0
        posterior = self._object.update(np.asarray(decoded.object_probability))
        by_grip = np.bincount(self._grip_of_class, weights=posterior)
        best = int(by_grip.argmax())
        return self._grip_names[best], float(by_grip[best])

    def _command(self, now_ns, due_ns):
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
        )
