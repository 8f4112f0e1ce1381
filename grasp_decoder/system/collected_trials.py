# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""CollectedTrials: the trials of a running stream, cut out by their events, as a session to learn from."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from grasp_decoder.recording.session import Session, Trial, Unit
from grasp_decoder.types.spike_batch import SpikeBatch
from grasp_decoder.types.time import NS_PER_S
from grasp_decoder.types.trial_event import TrialEvent, TrialResult

LONGEST_NS = 60 * NS_PER_S
"""A trial that takes longer is left out; spikes are kept for so long."""

MOST_HEARD, MOST_SEGMENTS = 1000, 10
"""Trials whose spikes are waited for; segments whose events are waited for. One topic may be far ahead of the other
where a recording is replayed at full speed."""

PAUSE_NS = NS_PER_S
"""Between two trials of a session that is made of them."""


@dataclass
class _Heard:
    """What was heard of a trial so far."""

    segment: int
    events: dict[str, int] = field(default_factory=dict)
    object_id: int = -1
    result: TrialResult = TrialResult.UNKNOWN


class CollectedTrials:
    """Takes spikes and trial events as they come, in any order within a trial, and keeps the newest usable trials.

    A trial is over when the next one has its first event. It reaches from the bin with its first event to the bin with
    its last one, in the bins of the decoder. It is left out if a batch of it is missing, or if its events say that it
    was not done correctly.

    Args:
        units: of the stream.
        bin_ns: bin width of the decoder.
        most: trials that are kept.

    Attributes:
        count: usable trials so far, those included that are not kept any more.
    """

    def __init__(self, units: Sequence[Unit], bin_ns: int, most: int):
        self.count = 0
        self._units = tuple(units)
        self._bin_ns = bin_ns
        self._trials: deque[Trial] = deque(maxlen=most)
        self._forget_stream()

    def _forget_stream(self) -> None:
        self._heard: dict[tuple[int, int], _Heard] = {}
        self._latest: SpikeBatch | None = None
        self._batches: dict[int, deque[SpikeBatch]] = {}  # by segment
        self._starts: dict[int, int] = {}  # segment -> its start

    def take_spikes(self, batch: SpikeBatch) -> None:
        """The next batch of the stream."""
        if batch.end_ns == batch.start_ns or batch.unit_count != len(self._units):
            return
        last = self._latest or batch
        if batch.source != last.source or batch.segment < last.segment:
            self._forget_stream()  # the source was started again: it counts its segments anew
        self._starts.setdefault(batch.segment, batch.start_ns)
        self._batches.setdefault(batch.segment, deque()).append(batch)
        self._latest = batch
        for key in list(self._heard)[:-1]:
            if self._is_covered(self._heard[key], batch):
                self._keep(self._heard.pop(key))
        self._drop_old(batch)

    def take_event(self, event: TrialEvent) -> None:
        """An event of a trial; it may come somewhat before or after its spikes."""
        heard = self._heard.setdefault(event.trial_key, _Heard(event.segment))
        heard.events.setdefault(event.label, event.stamp_ns)
        if len(self._heard) > MOST_HEARD:
            del self._heard[next(iter(self._heard))]
        if event.object_id >= 0:
            heard.object_id = event.object_id
        heard.result = event.result or heard.result

    def session(self, name: str) -> Session:
        """The trials that are kept, one after the other: clocks of sources that were started again do not matter."""
        placed, now_ns = [], 0
        for number, trial in enumerate(self._trials):
            placed.append(replace(trial.moved(now_ns - trial.start_ns), id=number))
            now_ns = placed[-1].stop_ns + PAUSE_NS
        return Session(name, self._units, tuple(placed))

    def _bounds(self, heard: _Heard) -> tuple[int, int]:
        """Start and stop of a trial, on the bin grid of its segment."""
        times_ns = heard.events.values()
        origin_ns = self._starts.get(heard.segment, 0)
        first, last = ((time_ns - origin_ns) // self._bin_ns for time_ns in (min(times_ns), max(times_ns)))
        return origin_ns + max(0, first) * self._bin_ns, origin_ns + (last + 1) * self._bin_ns

    def _is_covered(self, heard: _Heard, latest: SpikeBatch) -> bool:
        """Whether no more spikes of a trial are to come."""
        return latest.segment > heard.segment or latest.end_ns >= self._bounds(heard)[1]

    def _keep(self, heard: _Heard) -> None:
        start_ns, stop_ns = self._bounds(heard)
        inside = [
            batch
            for batch in self._batches.get(heard.segment, ())
            if batch.start_ns < stop_ns and batch.end_ns > start_ns
        ]
        edges = [(batch.start_ns, batch.end_ns) for batch in inside]
        whole = bool(edges) and edges[0][0] <= start_ns and edges[-1][1] >= max(heard.events.values())
        if not whole or any(end != start for (_, end), (start, _) in pairwise(edges)):
            return
        stop_ns = min(stop_ns, edges[-1][1])  # the segment may end with the last event
        times = np.concatenate([batch.start_ns + batch.offset_ns.astype(np.int64) for batch in inside])
        units = np.concatenate([batch.unit for batch in inside])
        wanted = (times >= start_ns) & (times < stop_ns)
        order = np.lexsort((units[wanted], times[wanted]))
        trial = Trial(
            self.count,
            start_ns,
            stop_ns,
            dict(sorted(heard.events.items(), key=lambda event: event[1])),
            heard.object_id,
            heard.result.correct,
            times[wanted][order],
            units[wanted][order],
        )
        if trial.usable:
            self._trials.append(trial)
            self.count += 1

    def _drop_old(self, latest: SpikeBatch) -> None:
        """Forget what no trial can need any more."""
        oldest_segment, oldest_ns = latest.segment - MOST_SEGMENTS, latest.end_ns - LONGEST_NS
        batches = self._batches[latest.segment]
        while batches[0].end_ns < oldest_ns:
            batches.popleft()
        for segment in [each for each in self._batches if each < oldest_segment]:
            del self._batches[segment], self._starts[segment]
        for key, heard in list(self._heard.items()):
            is_of_latest = heard.segment == latest.segment
            if heard.segment < oldest_segment or (is_of_latest and min(heard.events.values()) < oldest_ns):
                del self._heard[key]
