# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Spike counts per bin, offline (`bin_counts`) and online (`Binner`), by one piece of counting code.

Bin k of a segment is ``[origin + k * bin, origin + (k + 1) * bin)``, where the origin is the start of the segment.
Spikes go into bins by their timestamps, never by their arrival. A bin is emitted once a batch (or a heartbeat) shows
that time has passed its end. A partial last bin is dropped. What a source can do wrong, and what then happens
(docs/realtime.md explains why):

=======================  ========================================================================
reordered batch          held back until its turn, for up to ``reorder_depth`` later batches
lost batch               a `Loss` with its exact extent; the bins that it touches are not emitted;
                         the next whole bin, on the same grid, is marked `Bin.fresh`
late batch               came after it counted as lost: its spikes are counted as late, not used
duplicate batch          ignored
malformed batch          (units out of range, wrong unit count, spikes outside the window, window
                         that ends before it starts or after 1000 bins) rejected: its time is lost
clock jumps forward      treated as a loss of no batch, since the time in between is not covered
clock jumps back         new grid at the new time, bin numbers continue; the next bin is fresh
batch of another source  ignored while the first source goes on; once only the other one is heard, the
                         source has restarted: new grid
sequence number back     (to 0 or otherwise, and not a duplicate) the source restarted: new grid
=======================  ========================================================================

Nothing is guessed: every emitted bin holds exactly the spikes of its interval.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.batch_order import BatchOrder, Loss, OrderedBatch, StreamHealth
from grasp_decoder.types.spike_batch import SpikeBatch

# A batch that claims to cover more bins than this is malformed: counting them takes 8 MB for 1000 units.
MOST_BINS = 1000
MOST_COUNTS = np.iinfo(np.uint16).max


def bin_counts(
    times_ns: npt.ArrayLike, units: npt.ArrayLike, start_ns: int, stop_ns: int, bin_ns: int, unit_count: int
) -> np.ndarray:
    """Count the spikes of each unit in each whole bin of ``[start_ns, stop_ns)``.

    Args:
        times_ns: int64 (n_spikes,), ns, in any order; spikes outside the whole bins are left out.
        units: integer (n_spikes,), 0 <= unit < unit_count.
        start_ns, stop_ns: the interval, ns.
        bin_ns: bin width, ns.
        unit_count: number of units.

    Returns:
        uint16 (n_bins, unit_count), saturated at 65535; the partial last bin is dropped.

    Raises:
        GraspDecoderError: the bin width is not positive, or a unit is out of range.
    """
    _check_bin_width(bin_ns)
    n_bins = max(0, (int(stop_ns) - int(start_ns)) // int(bin_ns))
    index = (np.asarray(times_ns, dtype=np.int64) - start_ns) // bin_ns
    units = np.asarray(units, dtype=np.int64)
    if units.size and (units.max() >= unit_count or units.min() < 0):
        raise GraspDecoderError(
            f'spikes of unit {units.max()} in a recording of {unit_count} units: check the unit table of the recording'
        )
    inside = (index >= 0) & (index < n_bins)
    if not inside.all():
        index, units = index[inside], units[inside]
    counts = np.bincount(index * unit_count + units, minlength=n_bins * unit_count)
    return _saturated(counts).reshape(n_bins, unit_count)


def _check_bin_width(bin_ns: int) -> None:
    if bin_ns <= 0:
        raise GraspDecoderError(f'a bin of {bin_ns} ns cannot be counted: it must be longer than 0')


def _saturated(counts: np.ndarray) -> np.ndarray:
    saturated: np.ndarray = np.minimum(counts, MOST_COUNTS).astype(np.uint16)
    return saturated


@dataclass(frozen=True, slots=True)
class Bin:
    """One whole bin ``[start_ns, end_ns)``.

    Attributes:
        segment: number of the segment, as the source counts.
        index: number of the bin in its segment, from 0.
        start_ns, end_ns: acquisition clock, ns.
        due_ns: CLOCK_MONOTONIC at which ``end_ns`` was due, ns; 0 if unknown.
        counts: uint16 (units,).
        fresh: whether the bin is the first of an unbroken stretch, so that a state from earlier bins is void.
        source: `SpikeBatch.source` of the batch that closed the bin.
    """

    segment: int
    index: int
    start_ns: int
    end_ns: int
    due_ns: int
    counts: np.ndarray
    fresh: bool
    source: int = 0


class Binner:
    """Cuts a stream of `SpikeBatch` into whole bins.

    Args:
        bin_ns: bin width, ns.
        unit_count: units that the source records.
        reorder_depth: batches that may overtake a missing one before it counts as lost.

    Attributes:
        bin_ns, unit_count: as given.
        health: what went through and what was wrong with it.

    Raises:
        GraspDecoderError: the bin width is not positive.
    """

    def __init__(self, bin_ns: int, unit_count: int, reorder_depth: int = 2):
        _check_bin_width(bin_ns)
        self.bin_ns = int(bin_ns)
        self.unit_count = int(unit_count)
        self.health = StreamHealth()
        self._order = BatchOrder(reorder_depth, self.health)
        self._start_grid(0, 0)

    @property
    def reorder_depth(self) -> int:
        """Batches that may overtake a missing one before it counts as lost; may be changed at any time."""
        return self._order.reorder_depth

    @reorder_depth.setter
    def reorder_depth(self, depth: int) -> None:
        self._order.reorder_depth = depth

    @property
    def losses(self) -> deque[Loss]:
        """The latest losses, oldest first."""
        return self._order.losses

    def push(self, batch: SpikeBatch) -> list[Bin]:
        """Take the next batch; give the bins that are complete by then, in order."""
        fault = self._fault_of(batch)
        if fault:
            self.health.rejected += 1
            self.health.last_rejection = f'batch {batch.sequence}: {fault}'
            return []
        return self._count_all(self._order.push(batch))

    def flush(self) -> list[Bin]:
        """Wait no longer for missing batches: count what was held back for them."""
        return self._count_all(self._order.flush())

    def _fault_of(self, batch: SpikeBatch) -> str:
        """What is wrong with a batch; empty for nothing."""
        if batch.unit_count != self.unit_count:
            return f'{batch.unit_count} units instead of {self.unit_count}'
        if not 0 <= batch.end_ns - batch.start_ns <= MOST_BINS * self.bin_ns:
            return f'a window of {batch.end_ns - batch.start_ns} ns'
        if len(batch.unit) != len(batch.offset_ns):
            return f'{len(batch.unit)} units for {len(batch.offset_ns)} spikes'
        if len(batch.unit):
            if batch.unit.max() >= self.unit_count:
                return f'a spike of unit {batch.unit.max()}, but there are {self.unit_count} units'
            if batch.offset_ns.max() >= batch.end_ns - batch.start_ns:
                return 'a spike after the end of its window'
        return ''

    def _count_all(self, ordered: list[OrderedBatch]) -> list[Bin]:
        bins: list[Bin] = []
        for each in ordered:
            self._place(each)
            self.health.batches += 1
            self.health.spikes += len(each.batch.unit)
            self._count(each.batch, bins)
            self._due_before = each.batch.due_ns
        return bins

    def _place(self, ordered: OrderedBatch) -> None:
        """Start a new grid, or skip bins of this one, unless the batch begins where the one before it ended."""
        batch, previous = ordered.batch, ordered.previous
        if previous is None or batch.segment != previous.segment:
            self._start_grid(batch.start_ns, 0)
        elif batch.start_ns < previous.end_ns:
            self.health.clock_jumps += 1
            self._start_grid(batch.start_ns, self._open_index)
        elif batch.start_ns > previous.end_ns:
            self.health.clock_jumps += not ordered.lost
            skipped = -((self._open_start - batch.start_ns) // self.bin_ns)
            self.health.lost_bins += skipped
            self._start_grid(self._open_start + skipped * self.bin_ns, self._open_index + skipped)

    def _start_grid(self, start_ns: int, index: int) -> None:
        """Let bin ``index`` begin at ``start_ns``."""
        self._counts = np.zeros(self.unit_count, np.int64)
        self._open_start = start_ns
        self._open_index = index
        self._fresh = True
        self._due_before = 0

    def _count(self, batch: SpikeBatch, bins: list[Bin]) -> None:
        """Count the batch's spikes; emit every bin that ends by its end."""
        open_end = self._open_start + self.bin_ns
        if self._open_start <= batch.start_ns and batch.end_ns <= open_end:
            if len(batch.unit):
                self._counts += np.bincount(batch.unit, minlength=self.unit_count)
            if batch.end_ns == open_end:
                self._close(batch, bins)
            return
        closing = max(0, (batch.end_ns - self._open_start) // self.bin_ns)
        # One row for each bin that closes, and one for the bin that stays open.
        stop = self._open_start + (closing + 1) * self.bin_ns
        rows = bin_counts(
            batch.start_ns + batch.offset_ns.astype(np.int64),
            batch.unit,
            self._open_start,
            stop,
            self.bin_ns,
            self.unit_count,
        )
        for row in rows[:-1]:
            self._counts += row
            self._close(batch, bins)
        self._counts += rows[-1]

    def _close(self, batch: SpikeBatch, bins: list[Bin]) -> None:
        end = self._open_start + self.bin_ns
        bins.append(
            Bin(
                batch.segment,
                self._open_index,
                self._open_start,
                end,
                self._due(end, batch),
                _saturated(self._counts),
                self._fresh,
                batch.source,
            )
        )
        self.health.bins += 1
        self._open_start = end
        self._open_index += 1
        self._fresh = False
        self._counts[:] = 0

    def _due(self, time_ns: int, batch: SpikeBatch) -> int:
        """When ``time_ns``, within the batch's window, was due: between its start and its end, in proportion.

        The start was due when the batch before it was.
        """
        if time_ns == batch.end_ns or not batch.due_ns or not self._due_before:
            return batch.due_ns
        remaining = (batch.end_ns - time_ns) * (batch.due_ns - self._due_before) // (batch.end_ns - batch.start_ns)
        return batch.due_ns - remaining
