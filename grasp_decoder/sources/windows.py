# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Windows: cuts the endless spikes of an acquisition system into batches, and says when they cannot be trusted."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from grasp_decoder.sources.spike_system import Marker, SpikeSystem, SystemLost
from grasp_decoder.sources.unit_map import UnitMap
from grasp_decoder.types.spike_batch import SpikeBatch
from grasp_decoder.types.time import NS_PER_MS, NS_PER_S

LOOKED_AT_BATCHES = 100
TRUSTED_AFTER = LOOKED_AT_BATCHES // 2
MOST_LEFT_OUT = 0.2
FEWEST_LEFT_OUT = 5
FEWEST_UNKNOWN = 20
FURTHEST_AHEAD_NS = NS_PER_S
FURTHEST_MARKER_NS = 60 * NS_PER_S
LARGEST_STEP_NS = 100_000_000
MOST_WAITING = 100_000
# Arrivals are timed this finely.
POLL_NS = 2_000_000


@dataclass(frozen=True)
class Timing:
    """When batches are cut and sent.

    Attributes:
        period_ns: length of a batch.
        delay_ns: from the end of a batch until it is sent: what the system takes to deliver a spike.
        silence_ns: without any sign of the system for so long, it is lost; 0: never.
    """

    period_ns: int
    delay_ns: int
    silence_ns: int


@dataclass
class SourceHealth:
    """What came from a system, counted since the node began.

    Attributes:
        sent: spikes in batches.
        late: spikes that came after their batch was sent.
        ahead: spikes whose time lies more than a second ahead.
        unknown: spikes that belong to no unit of the map.
        lost: messages of the system that went missing.
        stretches: how often a system was opened.
        delays_ns: from each of the latest spikes to its arrival.
    """

    sent: int = 0
    late: int = 0
    ahead: int = 0
    unknown: int = 0
    lost: int = 0
    stretches: int = 0
    delays_ns: deque[int] = field(default_factory=lambda: deque(maxlen=10_000))

    def delay_ms(self, quantile: float) -> float:
        """A quantile of the latest delays; not a number without spikes."""
        # A copy in one step: diagnostics ask from another thread.
        delays_ns = list(self.delays_ns)
        return float(np.quantile(delays_ns, quantile)) / NS_PER_MS if delays_ns else float('nan')


class _Counts(NamedTuple):
    """What became of the spikes of one batch."""

    sent: int
    left_out: int
    unknown: int


class Windows:
    """One unbroken stretch of a system: windows of its own clock, one after the other.

    A window is sent ``delay_ns`` after its end. Silence gives empty batches: they tell the decoder that the source
    lives. A spike that comes later than that is too late, and one whose time lies more than a second ahead is of
    another clock. Both are left out and counted. When a fifth of the last second is left out, the rest would be
    mistaken for a brain at rest, so no more batches come. The same holds for the start: nothing is sent before half a
    second fits and the system has given a sign of life.

    Args:
        system: an open system.
        unit_map: which spike is of which unit.
        timing: of the batches.
        health: counters to keep up to date.
        segment: of the batches.
        clock: CLOCK_MONOTONIC, ns.

    Attributes:
        markers: those that have come, for the caller to take.
    """

    def __init__(
        self,
        system: SpikeSystem,
        unit_map: UnitMap,
        timing: Timing,
        health: SourceHealth,
        segment: int = 0,
        clock: Callable[[], int] = time.monotonic_ns,
    ):
        self._system = system
        self._unit_map = unit_map
        self._timing = timing
        self._health = health
        self._segment = segment
        self._clock = clock
        self._offset_ns = system.offset_ns()
        self._start_ns = clock() - self._offset_ns
        self._heard_ns = clock()
        self._heard = not timing.silence_ns
        self._waiting: list[tuple[int, int]] = []
        self._recent: deque[_Counts] = deque(maxlen=LOOKED_AT_BATCHES)
        self._left_out = self._unknown = 0
        self.markers: list[Marker] = []

    def next_batch(self) -> SpikeBatch | None:
        """Wait for the end of the next window, and give its spikes; None while the system is not trusted yet.

        Sequence number and source are left to the sender.

        Raises:
            SystemLost: there are no more batches; why, and what to do.
        """
        start_ns, end_ns = self._start_ns, self._start_ns + self._timing.period_ns
        self._receive_until(end_ns)
        inside = sorted(spike for spike in self._waiting if spike[0] < end_ns)
        self._waiting = [spike for spike in self._waiting if spike[0] >= end_ns]
        self._start_ns = end_ns
        self._recent.append(_Counts(len(inside), self._left_out, self._unknown))
        self._left_out = self._unknown = 0
        self._check()
        if len(self._recent) <= TRUSTED_AFTER or not self._heard:
            return None
        self._health.sent += len(inside)
        window = np.array(inside, np.int64).reshape(-1, 2)
        return SpikeBatch(
            sequence=0,
            segment=self._segment,
            start_ns=start_ns,
            end_ns=end_ns,
            unit_count=len(self._unit_map.units),
            unit=window[:, 1].astype(np.uint16),
            offset_ns=(window[:, 0] - start_ns).astype(np.uint32),
            due_ns=end_ns + self._offset_ns,
        )

    def _receive_until(self, end_ns: int) -> None:
        while True:
            self._follow_clock()
            wait_ns = end_ns + self._offset_ns + self._timing.delay_ns - self._clock()
            self._take(max(0, min(wait_ns, POLL_NS)) / NS_PER_S, end_ns)
            if wait_ns <= 0:
                return

    def _follow_clock(self) -> None:
        offset_ns = self._system.offset_ns()
        step_ns, self._offset_ns = offset_ns - self._offset_ns, offset_ns
        if abs(step_ns) > LARGEST_STEP_NS:
            raise SystemLost(f'its clock has jumped by {-step_ns / NS_PER_S:.3f} s')

    def _take(self, wait_s: float, end_ns: int) -> None:
        arrived = self._system.receive(wait_s)
        now_ns = self._clock()
        if arrived.spikes or arrived.alive:
            self._heard_ns, self._heard = now_ns, True
        elif 0 < self._timing.silence_ns < now_ns - self._heard_ns:
            raise SystemLost(f'nothing has come for {(now_ns - self._heard_ns) / NS_PER_S:.1f} s')
        self.markers += [each for each in arrived.markers if abs(each.time_ns - end_ns) < FURTHEST_MARKER_NS]
        self._health.lost += arrived.lost
        self._left_out += arrived.lost
        for time_ns, channel, sort_code in arrived.spikes:
            unit = self._unit_map.unit_of(channel, sort_code)
            if unit is None:
                self._unknown += 1
                self._health.unknown += 1
                continue
            if time_ns < self._start_ns and not self._recent:
                continue  # it was on its way when the stretch began
            delay_ns = now_ns - time_ns - self._offset_ns
            self._health.delays_ns.append(delay_ns)
            late, ahead = time_ns < self._start_ns, delay_ns < -FURTHEST_AHEAD_NS
            if late or ahead:
                self._health.late += late
                self._health.ahead += ahead
                self._left_out += 1
            else:
                self._waiting.append((time_ns, unit))
        if len(self._waiting) > MOST_WAITING:
            raise SystemLost(f'more than {MOST_WAITING} spikes have come in a second')

    def _check(self) -> None:
        sent, left_out, unknown = (sum(column) for column in zip(*self._recent))
        if len(self._recent) < TRUSTED_AFTER:
            return
        if left_out >= FEWEST_LEFT_OUT and left_out > MOST_LEFT_OUT * (sent + left_out):
            raise SystemLost(
                f'too many spikes are left out, {left_out} of the last {sent + left_out}: 99 % come within'
                f' {self._health.delay_ms(0.99):.1f} ms and delay_ms is {self._timing.delay_ns / NS_PER_MS:g};'
                ' raise it, or look after the clock and the connection of the system'
            )
        if not sent and unknown >= FEWEST_UNKNOWN:
            raise SystemLost(
                f'none of the last {unknown} spikes is of a unit of {self._unit_map.name}:'
                ' give the unit_map of this system'
            )
