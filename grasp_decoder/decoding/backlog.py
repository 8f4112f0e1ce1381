# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Backlog: the bins that were sent to a decoder and have not come back decoded yet."""

from __future__ import annotations

from collections import deque

from grasp_decoder.types.spike_batch import SpikeBatch


class Backlog:
    """Compares the batches that were sent with the bins that were decoded.

    Attributes:
        bin_ns: length of a bin; 0 while no decoder has said it.
    """

    def __init__(self) -> None:
        self.bin_ns = 0
        self._segment = -1
        self._segment_start_ns = 0
        # (segment, bin) of the last bin that each batch completes. Only batches that were not decoded yet are listed.
        self._pending: deque[tuple[int, int]] = deque()
        self._decoded = -1, -1

    def sent(self, batch: SpikeBatch) -> None:
        """A batch is on its way; ``bin_ns`` must be known."""
        if batch.segment != self._segment:
            self._segment, self._segment_start_ns = batch.segment, batch.start_ns
        whole_bins = (batch.end_ns - self._segment_start_ns) // self.bin_ns
        if whole_bins and (self._segment, whole_bins - 1) > self._decoded:
            self._pending.append((self._segment, whole_bins - 1))

    def decoded(self, segment: int, number: int) -> None:
        """A bin came back."""
        self._decoded = segment, number
        while self._pending and self._pending[0] <= self._decoded:
            self._pending.popleft()

    @property
    def batches(self) -> int:
        """Batches that wait for the decode of the last bin that they complete."""
        return len(self._pending)

    @property
    def bins(self) -> int:
        """Bins that end such a batch."""
        return len(set(self._pending))
