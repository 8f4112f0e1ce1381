# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Recorded trials as the batches that an acquisition system would have sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording.session import Session, Trial
from grasp_decoder.types.spike_batch import SpikeBatch

_LONGEST_PERIOD_NS = np.iinfo(np.uint32).max
_TOGETHER = 4096
"""Batches whose spikes are looked up at once: a trial may last for years, in a recording that is wrong."""


def batches(session: Session, period_ns: int, trials: Iterable[Trial] | None = None) -> Iterator[SpikeBatch]:
    """Every spike of every trial exactly once, in time order, in windows of ``period_ns``.

    Each trial is one segment, numbered from 0; its windows start at its start, and the last one ends at its stop.
    Windows without spikes are sent too: they are heartbeats.

    Args:
        trials: of the session, those to send and in which order; all by default.
    """
    segments = session.trials if trials is None else trials
    if not 0 < period_ns <= _LONGEST_PERIOD_NS:
        raise GraspDecoderError(
            f'batches of {period_ns / 1e6:g} ms cannot be sent: a period lies between 1 ns and 4.29 s'
        )
    sequence = 0
    for segment, trial in enumerate(segments):
        for batch in trial_batches(trial, session.unit_count, period_ns, segment, sequence):
            yield batch
            sequence += 1


def trial_batches(
    trial: Trial, unit_count: int, period_ns: int, segment: int = 0, sequence: int = 0
) -> Iterator[SpikeBatch]:
    """The batches of one trial; their numbers start at ``sequence``."""
    for begin in range(trial.start_ns, trial.stop_ns, _TOGETHER * period_ns):
        end = min(begin + _TOGETHER * period_ns, trial.stop_ns)
        edges = np.append(np.arange(begin, end, period_ns, dtype=np.int64), end)
        bounds = np.searchsorted(trial.times_ns, edges)
        for (start, stop), (first, last) in zip(pairwise(edges.tolist()), pairwise(bounds.tolist())):
            offsets = (trial.times_ns[first:last] - start).astype(np.uint32)
            yield SpikeBatch(sequence, segment, start, stop, unit_count, trial.units[first:last], offsets)
            sequence += 1
