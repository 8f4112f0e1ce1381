"""Spike counts per bin, offline (`bin_counts`) and online (`Binner`), by one piece of counting code.

Bin k of a segment is ``[origin + k * bin, origin + (k + 1) * bin)``, where the origin is the
start of the segment. Spikes go into bins by their timestamps, never by their arrival. A bin is
emitted once a batch (or a heartbeat) proves that time has passed its end; a partial last bin is
dropped. What a source can do wrong, and what then happens (docs/realtime.md explains why):

=======================  ========================================================================
reordered batch          held back until its turn, for up to ``reorder_depth`` later batches
lost batch               a `Loss` with its exact extent; the bins that it touches are not emitted;
                         the next whole bin, on the same grid, is marked `Bin.fresh`
late batch               came after it was declared lost: its spikes are counted as late, not used
duplicate batch          ignored
malformed batch          (units out of range, wrong unit count, spikes outside the window, window
                         that ends before it starts or after a minute) rejected whole: its time is lost
clock jumps forward      as a loss of no batch: nobody said what happened in between
clock jumps back         new grid at the new time, bin numbers go on; the next bin is fresh
sequence number back     (to 0 or otherwise, and not a duplicate) the source restarted: new grid
=======================  ========================================================================

Nothing is guessed: every emitted bin holds exactly the spikes of its interval.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.types.spike_batch import SpikeBatch

# Batches and losses remembered: an old sequence number that fits none of them is a source that has restarted.
REMEMBERED_BATCHES = 64
# A batch that claims to cover more time than this is malformed.
LONGEST_WINDOW_NS = 60_000_000_000
MOST_COUNTS = np.iinfo(np.uint16).max


def bin_counts(times_ns, units, start_ns: int, stop_ns: int, bin_ns: int, unit_count: int) -> np.ndarray:
    """Count the spikes of each unit in each whole bin of ``[start_ns, stop_ns)``.

    Args:
        times_ns: int64 (n_spikes,), any order; spikes outside the whole bins are left out.
        units: integer (n_spikes,), 0 <= unit < unit_count.

    Returns:
        uint16 (n_bins, unit_count), saturated at 65535; the partial last bin is dropped.

    """
    if bin_ns <= 0:
        raise GraspDecoderError(f'a bin of {bin_ns} ns cannot be counted: it must be longer than 0')
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


def _saturated(counts: np.ndarray) -> np.ndarray:
    return np.minimum(counts, MOST_COUNTS).astype(np.uint16)


@dataclass(frozen=True, slots=True)
class Bin:
    """One whole bin ``[start_ns, end_ns)``.

    Attributes:
        segment, index: as the source numbers its segments; bins count from 0 in each.
        due_ns: CLOCK_MONOTONIC at which ``end_ns`` was due; 0 if unknown.
        counts: uint16 (units,).
        fresh: first bin of an unbroken stretch: whatever was remembered from earlier bins is void.

    """

    segment: int
    index: int
    start_ns: int
    end_ns: int
    due_ns: int
    counts: np.ndarray
    fresh: bool


@dataclass(frozen=True, slots=True)
class Loss:
    """What is missing: ``batches`` batches between ``start_ns`` of one segment and ``end_ns`` of another (or the same).

    ``run`` is how often the source had restarted before. ``batches`` is 0 when the source's clock jumped
    forward without a missing sequence number; ``start_ns == end_ns`` when only heartbeats that cover no
    time were lost; the start is None when the very first batches of a run were lost.
    """

    run: int
    first_sequence: int
    batches: int
    start_segment: int | None
    start_ns: int | None
    end_segment: int
    end_ns: int


@dataclass
class StreamHealth:
    """What has gone through a `Binner` and what was wrong with it, counted since its creation."""

    batches: int = 0
    spikes: int = 0
    bins: int = 0
    lost_batches: int = 0
    lost_bins: int = 0
    late_batches: int = 0
    late_spikes: int = 0
    duplicates: int = 0
    reordered: int = 0
    rejected: int = 0
    clock_jumps: int = 0
    restarts: int = 0
    last_rejection: str = ''


class Binner:
    """Cuts a stream of `SpikeBatch` into whole bins.

    Attributes:
        health: counters, `StreamHealth`.
        losses: the latest losses, oldest first.

    """

    def __init__(self, bin_ns: int, unit_count: int, reorder_depth: int = 2):
        if bin_ns <= 0:
            raise GraspDecoderError(f'a bin of {bin_ns} ns cannot be counted: it must be longer than 0')
        self.bin_ns = int(bin_ns)
        self.unit_count = int(unit_count)
        self.reorder_depth = reorder_depth
        self.health = StreamHealth()
        self.losses: deque[Loss] = deque(maxlen=REMEMBERED_BATCHES)
        self._start_over(None)

    def push(self, batch: SpikeBatch) -> list[Bin]:
        """Take the next batch; give the bins whose end it proves to have passed, in order."""
        fault = self._fault_of(batch)
        if fault:
            self.health.rejected += 1
            self.health.last_rejection = f'batch {batch.sequence}: {fault}'
            return []
        bins: list[Bin] = []
        self.health.reordered += bool(self._held) and batch.sequence < max(self._held)
        if batch.sequence == self._expected:
            self._take(batch, bins)
        elif self._expected is None:
            self._start_over(batch)
        elif batch.sequence > self._expected:
            self.health.duplicates += batch.sequence in self._held
            self._held[batch.sequence] = batch
        elif self._is_old(batch):
            return bins
        else:
            bins += self.flush()
            self.health.restarts += 1
            self._start_over(batch)
        while self._held and (self._expected in self._held or len(self._held) > self.reorder_depth):
            self._take(self._held.pop(min(self._held)), bins)
        return bins

    def flush(self) -> list[Bin]:
        """Give up waiting for missing batches: what is held back is used now."""
        bins: list[Bin] = []
        for sequence in sorted(self._held):
            self._take(self._held.pop(sequence), bins)
        return bins

    def _fault_of(self, batch: SpikeBatch) -> str:
        if batch.unit_count != self.unit_count:
            return f'{batch.unit_count} units instead of {self.unit_count}'
        if not 0 <= batch.end_ns - batch.start_ns <= LONGEST_WINDOW_NS:
            return f'a window of {batch.end_ns - batch.start_ns} ns'
        if len(batch.unit) != len(batch.offset_ns):
            return f'{len(batch.unit)} units for {len(batch.offset_ns)} spikes'
        if len(batch.unit):
            if batch.unit.max() >= self.unit_count:
                return f'a spike of unit {batch.unit.max()}, but there are {self.unit_count} units'
            if batch.offset_ns.max() >= batch.end_ns - batch.start_ns:
                return 'a spike after the end of its window'
        return ''

    def _is_old(self, batch: SpikeBatch) -> bool:
        """Whether a batch from before the expected one belongs to this run of the source (then it is of no use)."""
        if _same(batch, self._recent.get(batch.sequence)):
            self.health.duplicates += 1
            return True
        for loss in self.losses:
            if loss.run == self.health.restarts and 0 <= batch.sequence - loss.first_sequence < loss.batches:
                self.health.late_batches += 1
                self.health.late_spikes += len(batch.unit)
                return True
        return False

    def _start_over(self, batch: SpikeBatch | None):
        """Begin a run of the source with ``batch``, which may come before batch 0 if the transport reorders."""
        self._expected = None
        self._held: dict[int, SpikeBatch] = {}
        self._recent: dict[int, SpikeBatch] = {}
        self._segment = None
        if batch is not None:
            self._expected = 0 if batch.sequence <= self.reorder_depth else batch.sequence
            self._held[batch.sequence] = batch

    def _start_grid(self, start_ns: int, index: int):
        """Bin ``index`` begins at ``start_ns``."""
        self._counts = np.zeros(self.unit_count, np.int64)
        self._open_start = start_ns
        self._open_index = index
        self._fresh = True
        self._now = start_ns
        self._now_due = 0

    def _take(self, batch: SpikeBatch, bins: list[Bin]):
        """Use the next batch in sequence (a jump in sequence is a loss)."""
        lost = batch.sequence - self._expected
        same_segment = batch.segment == self._segment
        if lost or (same_segment and batch.start_ns > self._now):
            self.health.lost_batches += lost
            self.losses.append(
                Loss(
                    self.health.restarts,
                    self._expected,
                    lost,
                    self._segment,
                    None if self._segment is None else self._now,
                    batch.segment,
                    batch.start_ns,
                )
            )
        self._remember(batch)
        if not same_segment:
            self._segment = batch.segment
            self._start_grid(batch.start_ns, 0)
        elif batch.start_ns < self._now:
            self.health.clock_jumps += 1
            self._start_grid(batch.start_ns, self._open_index)
        elif batch.start_ns > self._now:
            self.health.clock_jumps += not lost
            skipped = -((self._open_start - batch.start_ns) // self.bin_ns)
            self.health.lost_bins += skipped
            self._start_grid(self._open_start + skipped * self.bin_ns, self._open_index + skipped)
        self.health.batches += 1
        self.health.spikes += len(batch.unit)
        self._count(batch, bins)
        self._now, self._now_due = batch.end_ns, batch.due_ns

    def _remember(self, batch: SpikeBatch):
        self._expected = batch.sequence + 1
        self._recent[batch.sequence] = batch
        if len(self._recent) > REMEMBERED_BATCHES:
            del self._recent[next(iter(self._recent))]

    def _count(self, batch: SpikeBatch, bins: list[Bin]):
        """Count the batch's spikes; emit every bin that ends by its end."""
        open_end = self._open_start + self.bin_ns
        if self._open_start <= batch.start_ns and batch.end_ns <= open_end:
            if len(batch.unit):
                self._counts += np.bincount(batch.unit, minlength=self.unit_count)
            if batch.end_ns == open_end:
                self._close(batch, bins)
            return
        closing = max(0, (batch.end_ns - self._open_start) // self.bin_ns)
        # One row for each bin that closes, and one for that which stays open.
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

    def _close(self, batch: SpikeBatch, bins: list[Bin]):
        end = self._open_start + self.bin_ns
        bins.append(
            Bin(
                self._segment,
                self._open_index,
                self._open_start,
                end,
                self._due(end, batch),
                _saturated(self._counts),
                self._fresh,
            )
        )
        self.health.bins += 1
        self._open_start = end
        self._open_index += 1
        self._fresh = False
        self._counts[:] = 0

    def _due(self, time_ns: int, batch: SpikeBatch) -> int:
        """When ``time_ns`` of the batch's window was due: the window's start was due with the batch before it."""
        if time_ns == batch.end_ns or not batch.due_ns or not self._now_due:
            return batch.due_ns
        remaining = (batch.end_ns - time_ns) * (batch.due_ns - self._now_due) // (batch.end_ns - batch.start_ns)
        return batch.due_ns - remaining


def _same(batch: SpikeBatch, other: SpikeBatch | None) -> bool:
    return (
        other is not None
        and (batch.sequence, batch.segment, batch.start_ns, batch.end_ns, batch.due_ns)
        == (other.sequence, other.segment, other.start_ns, other.end_ns, other.due_ns)
        and np.array_equal(batch.unit, other.unit)
        and np.array_equal(batch.offset_ns, other.offset_ns)
    )
