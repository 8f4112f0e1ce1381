# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The relay between source and decoder, and what a fault does to the batches that pass it."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from grasp_decoder.types.spike_batch import SpikeBatch

PAUSE_NS = 100_000_000
"""Acquisition time that stood still for so long was paused: it goes on between two bins of a trial."""
LATE_NS = 100_000_000
"""Much longer than batches may wait for one that they have overtaken."""
OVERTAKEN_NS = 15_000_000
"""One batch overtakes, which the decoder puts right."""

Passing = list[tuple[int, SpikeBatch]]
"""Batches, each with the CLOCK_MONOTONIC at which it goes on."""
Disturbance = Callable[[SpikeBatch, int], Passing]
"""A batch that came at a CLOCK_MONOTONIC -> what becomes of it."""


class Relay:
    """Passes batches on, as they came or disturbed.

    Attributes:
        disturbance: what happens to each batch; None: nothing.
        clock_step_ns: by how much the acquisition clock is ahead of the source's.
        lost: batches so far that did not go on, or too late to be used.
        went_on_ns: CLOCK_MONOTONIC at which the source's time last went on after a pause, as between two trials.
    """

    def __init__(self) -> None:
        self.disturbance: Disturbance | None = None
        self.clock_step_ns = 0
        self.lost = 0
        self.went_on_ns = 0
        self._last_ns = 0
        self._waiting: list[tuple[int, int, SpikeBatch]] = []
        self._count = itertools.count()

    def take(self, batch: SpikeBatch, now_ns: int) -> None:
        """A batch came at CLOCK_MONOTONIC ``now_ns``."""
        if batch.end_ns > batch.start_ns:
            if now_ns - self._last_ns > PAUSE_NS:
                self.went_on_ns = now_ns
            self._last_ns = now_ns
        passing = [(now_ns, batch)] if self.disturbance is None else self.disturbance(batch, now_ns)
        self.lost += all(at_ns - now_ns >= LATE_NS for at_ns, _ in passing)
        for at_ns, each in passing:
            heapq.heappush(self._waiting, (at_ns, next(self._count), self._stepped(each)))

    def due(self, now_ns: int) -> Iterator[SpikeBatch]:
        """The batches that go on by now, in the order of their times."""
        while self._waiting and self._waiting[0][0] <= now_ns:
            yield heapq.heappop(self._waiting)[2]

    def _stepped(self, batch: SpikeBatch) -> SpikeBatch:
        step_ns = self.clock_step_ns
        return replace(batch, start_ns=batch.start_ns + step_ns, end_ns=batch.end_ns + step_ns) if step_ns else batch


class SomeBatches:
    """Disturbs the first batch, and then each with probability ``rate``; ``count`` says how many so far."""

    def __init__(self, disturbance: Disturbance, rate: float, rng: np.random.Generator):
        self._disturbance = disturbance
        self._rate = rate
        self._rng = rng
        self.count = 0

    def __call__(self, batch: SpikeBatch, now_ns: int) -> Passing:
        if self.count and self._rng.random() >= self._rate:
            return [(now_ns, batch)]
        self.count += 1
        return self._disturbance(batch, now_ns)


def drop(batch: SpikeBatch, now_ns: int) -> Passing:
    """It is lost."""
    return []


def duplicate(batch: SpikeBatch, now_ns: int) -> Passing:
    """It comes twice."""
    return [(now_ns, batch), (now_ns, batch)]


def delay(batch: SpikeBatch, now_ns: int) -> Passing:
    """It comes too late to be used."""
    return [(now_ns + LATE_NS, batch)]


def reorder(batch: SpikeBatch, now_ns: int) -> Passing:
    """The next one overtakes it."""
    return [(now_ns + OVERTAKEN_NS, batch)]


class StandingClock:
    """The acquisition clock stands still: every batch covers no time."""

    def __init__(self) -> None:
        self._at_ns: int | None = None

    def __call__(self, batch: SpikeBatch, now_ns: int) -> Passing:
        if self._at_ns is None:
            self._at_ns = batch.start_ns
        return [
            (
                now_ns,
                replace(
                    batch, start_ns=self._at_ns, end_ns=self._at_ns, unit=batch.unit[:0], offset_ns=batch.offset_ns[:0]
                ),
            )
        ]


def due_shifted(shift_ns: int) -> Disturbance:
    """The source's CLOCK_MONOTONIC is ``shift_ns`` ahead, as that of another machine may be."""
    return lambda batch, now_ns: [(now_ns, replace(batch, due_ns=batch.due_ns + shift_ns))]
