# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""BatchOrder: puts spike batches into the order in which their source sent them, and says what is missing."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from grasp_decoder.types.spike_batch import SpikeBatch

# A batch from before the expected one is compared with this many batches and losses. If it is none of them, the source
# has restarted.
REMEMBERED = 64

# So many batches of another source in a row, and the source that was heard before has stopped.
FOREIGN_IN_A_ROW = 8


@dataclass(frozen=True, slots=True)
class Loss:
    """A stretch of the stream that is missing.

    Attributes:
        run: how often the source had restarted before.
        first_sequence: sequence number of the first missing batch.
        batches: number of missing batches; 0 if the source's clock jumped forward but no sequence number is missing.
        start_segment, start_ns: where the stretch starts; None if the first batches of a run are missing.
        end_segment, end_ns: where it ends. It may be empty: then only heartbeats that cover no time are missing.
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
    """What went through a `Binner` and what was wrong with it, counted since the binner was made.

    Attributes:
        batches, spikes, bins: batches and spikes that were counted, bins that were emitted.
        lost_batches, lost_bins: those that are missing.
        late_batches, late_spikes: those that came after they counted as lost.
        duplicates: batches that came again.
        reordered: batches that came after a later one.
        rejected: malformed batches; ``last_rejection`` says what was wrong with the latest.
        clock_jumps: jumps of the source's clock within a segment.
        restarts: how often the source began again, or another one took its place.
        foreign: batches of another source that came while the first was heard of.
    """

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
    foreign: int = 0
    last_rejection: str = ''


@dataclass(frozen=True, slots=True)
class OrderedBatch:
    """A batch in its turn.

    Attributes:
        batch: the batch.
        lost: number of batches that are missing right before it.
        previous: the batch before it; None for the first of a run of the source.
    """

    batch: SpikeBatch
    lost: int
    previous: SpikeBatch | None


@dataclass
class _Run:
    """The batches since the source began or restarted.

    ``expected`` is the next sequence number, ``held`` the batches that wait for it, ``recent`` the latest in order,
    ``foreign`` the batches of another source since the last one of ``source``.
    """

    source: int
    expected: int
    held: dict[int, SpikeBatch]
    recent: dict[int, SpikeBatch] = field(default_factory=dict)
    previous: SpikeBatch | None = None
    foreign: list[SpikeBatch] = field(default_factory=list)


class BatchOrder:
    """Orders the batches of one source by their sequence numbers.

    Args:
        reorder_depth: batches that may overtake a missing one before it counts as lost.
        health: counters to keep up to date.

    Attributes:
        reorder_depth: as given; may be changed at any time.
        losses: the latest losses, oldest first.
    """

    def __init__(self, reorder_depth: int, health: StreamHealth):
        self.reorder_depth = reorder_depth
        self.losses: deque[Loss] = deque(maxlen=REMEMBERED)
        self._health = health
        self._run: _Run | None = None

    def push(self, batch: SpikeBatch) -> list[OrderedBatch]:
        """Take the next batch that arrived; give those whose turn has come, in order."""
        ordered: list[OrderedBatch] = []
        run = self._run
        if run is None:
            run = self._start_run(batch)
        elif batch.source != run.source:
            run.foreign.append(batch)
            self._health.foreign += 1
            if len(run.foreign) < FOREIGN_IN_A_ROW:
                return ordered
            ordered += self.flush()
            self._health.restarts += 1
            self._run = None
            for waiting in run.foreign:  # nothing of a source that begins is lost
                ordered += self.push(waiting)
            return ordered
        else:
            run.foreign.clear()
            self._health.reordered += bool(run.held) and batch.sequence < max(run.held)
            if batch.sequence >= run.expected:
                self._health.duplicates += batch.sequence in run.held
                run.held[batch.sequence] = batch
            elif self._is_old(batch, run):
                return ordered
            else:
                ordered += self.flush()
                self._health.restarts += 1
                run = self._start_run(batch)
        while run.held and (run.expected in run.held or len(run.held) > self.reorder_depth):
            ordered.append(self._next(run))
        return ordered

    def flush(self) -> list[OrderedBatch]:
        """Wait no longer for missing batches: give all that were held back for them, in order."""
        ordered: list[OrderedBatch] = []
        while self._run is not None and self._run.held:
            ordered.append(self._next(self._run))
        return ordered

    def _start_run(self, batch: SpikeBatch) -> _Run:
        """Begin a run with ``batch``. Batch 0 may still come after it if the transport reorders."""
        expected = 0 if batch.sequence <= self.reorder_depth else batch.sequence
        self._run = _Run(batch.source, expected, {batch.sequence: batch})
        return self._run

    def _is_old(self, batch: SpikeBatch, run: _Run) -> bool:
        """Whether a batch from before the expected one belongs to this run, and so comes too late to be used."""
        if _same(batch, run.recent.get(batch.sequence)):
            self._health.duplicates += 1
            return True
        for loss in self.losses:
            if loss.run == self._health.restarts and 0 <= batch.sequence - loss.first_sequence < loss.batches:
                self._health.late_batches += 1
                self._health.late_spikes += len(batch.unit)
                return True
        return False

    def _next(self, run: _Run) -> OrderedBatch:
        """Take the first of the batches that were held back. If it is not the expected one, batches are lost."""
        batch = run.held.pop(min(run.held))
        previous, lost = run.previous, batch.sequence - run.expected
        skips_time = previous is not None and batch.segment == previous.segment and batch.start_ns > previous.end_ns
        if lost or skips_time:
            self._health.lost_batches += lost
            self.losses.append(
                Loss(
                    run=self._health.restarts,
                    first_sequence=run.expected,
                    batches=lost,
                    start_segment=previous.segment if previous else None,
                    start_ns=previous.end_ns if previous else None,
                    end_segment=batch.segment,
                    end_ns=batch.start_ns,
                )
            )
        run.expected = batch.sequence + 1
        run.previous = batch
        run.recent[batch.sequence] = batch
        if len(run.recent) > REMEMBERED:
            del run.recent[next(iter(run.recent))]
        return OrderedBatch(batch, lost, previous)


def _same(batch: SpikeBatch, other: SpikeBatch | None) -> bool:
    return (
        other is not None
        and (batch.sequence, batch.segment, batch.start_ns, batch.end_ns, batch.due_ns)
        == (other.sequence, other.segment, other.start_ns, other.end_ns, other.due_ns)
        and np.array_equal(batch.unit, other.unit)
        and np.array_equal(batch.offset_ns, other.offset_ns)
    )
