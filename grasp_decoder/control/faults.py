# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What makes a decode, or the lack of one, unfit to move a hand."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from grasp_decoder.control.fault_policies import Fault, FaultKind
from grasp_decoder.control.settings import ControlSettings
from grasp_decoder.types.decoded_grasp import REST, VALIDITY_LIMIT, DecodedGrasp
from grasp_decoder.types.time import NS_PER_S

PROBABILITY_TOLERANCE = 1e-3


FUTURE_NS = 50_000_000
"""A decode may be due so much later than now: clocks of one machine agree, what is due is rounded."""


class DecodeChecker:
    """Compares each decode with what the decoder may say and with the decode before it.

    Attributes:
        bin_ns: length of the decoder's bins.
    """

    def __init__(
        self, settings: ControlSettings, object_ids: Collection[int], bin_ns: int, look_back: int, bundle: str = ''
    ):
        self._settings = settings
        self.bin_ns = bin_ns
        self._look_back = look_back
        self._bundle = bundle
        self._object_ids = frozenset(object_ids)
        self._last: DecodedGrasp | None = None
        self._least_lag_ns = 0

    def fault(self, decoded: DecodedGrasp, now_ns: int) -> Fault | None:
        """Why ``decoded``, received at CLOCK_MONOTONIC ``now_ns``, must not move the hand; None when it may."""
        last, self._last = self._last, decoded
        fault = self._of_another(decoded, last) or self._late(decoded, last, now_ns) or self._invalid(decoded)
        return fault or (self._out_of_order(decoded, last) if last else None)

    def warms_up(self, decoded: DecodedGrasp) -> bool:
        """Whether the phase is not known yet because the segment has just begun."""
        return math.isnan(decoded.phase_probability) and decoded.phase == REST and decoded.bin < self._look_back - 1

    def _of_another(self, decoded: DecodedGrasp, last: DecodedGrasp | None) -> Fault | None:
        if decoded.bundle and self._bundle and not self._bundle.startswith(decoded.bundle):
            return Fault(FaultKind.EXCHANGE, f'a decode of bundle {decoded.bundle}, which has not said what it decodes')
        if last is not None and decoded.decoder != last.decoder:
            return Fault(FaultKind.EXCHANGE, 'another decoder than before: if both run, stop one')
        return None

    def _late(self, decoded: DecodedGrasp, last: DecodedGrasp | None, now_ns: int) -> Fault | None:
        lag_ns = now_ns - decoded.stamp_ns
        if last is None or decoded.segment != last.segment or lag_ns < self._least_lag_ns:
            self._least_lag_ns = lag_ns
        if decoded.due_ns > now_ns + FUTURE_NS:
            return Fault(FaultKind.LATE, f'due {(decoded.due_ns - now_ns) / NS_PER_S:.2f} s in the future')
        # From another machine nothing is known but how far its clock falls behind.
        age_ns = now_ns - decoded.due_ns if decoded.due_ns else lag_ns - self._least_lag_ns
        if age_ns > self._settings.max_latency_s * NS_PER_S:
            return Fault(FaultKind.LATE, f'late: the decode is {age_ns / NS_PER_S:.2f} s old')
        return None

    def _invalid(self, decoded: DecodedGrasp) -> Fault | None:
        reason = self._impossible(decoded)
        if reason:
            return Fault(FaultKind.INVALID_DECODE, reason)
        if decoded.validity < VALIDITY_LIMIT:
            return Fault(
                FaultKind.INVALID_INPUT, f'not the input that was learnt: {decoded.invalid_reason or "no reason given"}'
            )
        return None

    def _impossible(self, decoded: DecodedGrasp) -> str:
        settings = self._settings
        if not _is_probability(decoded.phase_probability) and not self.warms_up(decoded):
            return f'phase probability is {decoded.phase_probability:g}'
        if settings.proportional and not _is_probability(decoded.aperture):
            return f'decoded aperture is {decoded.aperture:g}'
        for name, value in (('validity', decoded.validity), ('novelty', decoded.novelty)):
            if not _is_probability(value):
                return f'{name} is {value:g}'
        probability = np.asarray(decoded.object_probability)
        if not probability.size:
            return ''  # before the first decode of a segment, or a decoder of the phase alone
        if probability.size != len(self._object_ids):
            return f'{probability.size} object probabilities for {len(self._object_ids)} objects'
        # NaN fails both comparisons
        if not (probability.min() >= -PROBABILITY_TOLERANCE and probability.max() <= 1.0 + PROBABILITY_TOLERANCE):
            return 'object probabilities are not in 0..1'
        if decoded.object_id not in self._object_ids:
            return f'unknown object {decoded.object_id}'
        if not _is_probability(decoded.confidence):
            return f'confidence is {decoded.confidence:g}'
        if decoded.confidence < (1.0 - PROBABILITY_TOLERANCE) / probability.size:
            return f'no confidence: {decoded.confidence:g} is less than chance'
        return ''

    def _out_of_order(self, decoded: DecodedGrasp, last: DecodedGrasp) -> Fault | None:
        step_ns = decoded.stamp_ns - last.stamp_ns
        if step_ns <= 0:
            reason = f'clock went back {-step_ns / NS_PER_S:g} s' if step_ns else 'clock stands still'
            return Fault(FaultKind.CLOCK, reason)
        if decoded.lost_batches > last.lost_batches:
            return Fault(FaultKind.LOST_DATA, f'lost data: {decoded.lost_batches - last.lost_batches} spike batches')
        if decoded.segment != last.segment:
            return None
        if decoded.bin != last.bin + 1:
            return Fault(FaultKind.LOST_DATA, f'lost data: bin {decoded.bin} follows bin {last.bin}')
        if step_ns != self.bin_ns:
            return Fault(FaultKind.CLOCK, f'clock jumped {step_ns / NS_PER_S:g} s in one bin')
        return None


def _is_probability(value: float) -> bool:
    return math.isfinite(value) and -PROBABILITY_TOLERANCE <= value <= 1.0 + PROBABILITY_TOLERANCE


@dataclass(frozen=True)
class SourceClock:
    """The latest batch of spikes: CLOCK_MONOTONIC of its arrival, its segment, the end of its window."""

    received_ns: int
    segment: int
    window_end_ns: int


class SilenceJudge:
    """Says whether it is a fault that no decode comes.

    The gap between two trials is not a fault: the source then sends heartbeats whose time stands still.
    """

    def __init__(self, settings: ControlSettings, bin_ns: int):
        self._settings = settings
        self._bin_ns = bin_ns
        self._timeout_ns = max(settings.decode_timeout_s * NS_PER_S, 2 * bin_ns)
        self._began_segment = -1
        self._began_ns = 0

    def fault(self, now_ns: int, heard_ns: int, last: DecodedGrasp, clock: SourceClock | None) -> Fault | None:
        """Why silence from ``heard_ns`` to ``now_ns`` (CLOCK_MONOTONIC) is a fault; None when it is not.

        Args:
            last: the last decode.
            clock: the latest batch of spikes; None when there was none yet.
        """
        silent_ns = now_ns - heard_ns
        if silent_ns <= self._timeout_ns:
            return None
        if clock is None or now_ns - clock.received_ns > self._timeout_ns:
            return Fault(FaultKind.SILENCE, 'spikes stopped')
        if self._ahead_ns(last, clock) >= 2 * self._bin_ns:
            return Fault(FaultKind.SILENCE, 'decoder stopped: spikes arrive, decodes do not')
        if silent_ns > self._settings.pause_timeout_s * NS_PER_S:
            return Fault(FaultKind.SILENCE, 'paused')
        return None

    def _ahead_ns(self, last: DecodedGrasp, clock: SourceClock) -> int:
        """How far the source is ahead of the decoder; in a segment without a decode, since it was first seen here."""
        if clock.segment == last.segment:
            return clock.window_end_ns - last.stamp_ns
        if clock.segment != self._began_segment:
            self._began_segment, self._began_ns = clock.segment, clock.window_end_ns
        return clock.window_end_ns - self._began_ns
