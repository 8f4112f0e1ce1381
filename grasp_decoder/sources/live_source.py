# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""LiveSource: batches of a system that may come and go, and its markers as trial events."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from dataclasses import replace

from grasp_decoder.sources.spike_system import SpikeSystem, SystemLost
from grasp_decoder.sources.unit_map import UnitMap
from grasp_decoder.sources.windows import SourceHealth, Timing, Windows
from grasp_decoder.types.spike_batch import SpikeBatch
from grasp_decoder.types.time import NS_PER_S
from grasp_decoder.types.trial_event import TrialEvent, TrialResult

AGAIN_NS = NS_PER_S
IDLE_S = 0.02
OBJECT_ID = re.compile('[0-9]{1,9}')
RESULTS = {'Correct': TrialResult.CORRECT, 'Error': TrialResult.ERROR}
"""Markers that say how their trial went."""


class LiveSource:
    """Opens a system, gives its batches, and opens it again when it was lost.

    No batch comes in between, so the hand goes to its safe state. What comes then is a new segment: an unbroken stretch
    on a clock that may be another one.

    Args:
        open_system: opens the system.
        unit_map: which spike is of which unit.
        timing: of the batches.

    Attributes:
        health: what came so far.
        trouble: why no batches come; empty while they do.
    """

    def __init__(self, open_system: Callable[[], SpikeSystem], unit_map: UnitMap, timing: Timing):
        self.health = SourceHealth()
        self.trouble = 'the system is being opened'
        self._open_system = open_system
        self._unit_map = unit_map
        self._timing = timing
        self._system: SpikeSystem | None = None
        self._windows: Windows | None = None
        self._again_ns = 0
        self._sequence = 0
        self._source = secrets.randbits(63) + 1
        self._trial, self._object_id, self._result = 0, -1, TrialResult.UNKNOWN

    def next_batch(self) -> SpikeBatch | None:
        """Wait for the next batch; None when there is none, which takes seconds at most."""
        try:
            if self._windows is None:
                self._open()
            batch = None if self._windows is None else self._windows.next_batch()
        except SystemLost as lost:
            self.close()
            self.trouble = str(lost)
            self._again_ns = time.monotonic_ns() + AGAIN_NS
            return None
        if batch is None:
            return None
        self.trouble = ''
        self._sequence += 1
        return replace(batch, sequence=self._sequence - 1, source=self._source)

    def take_events(self) -> list[TrialEvent]:
        """The trial events since the last call.

        A marker ``Start`` begins a trial; an object is that of the trial, and so is a result (`RESULTS`).
        """
        if self._windows is None:
            return []
        markers, self._windows.markers = self._windows.markers, []
        return [self._event(time_ns, text) for time_ns, text in markers if text.strip()]

    def counts(self) -> dict[str, object]:
        """What the system itself says."""
        system = self._system  # which the other thread may close meanwhile
        return system.counts() if system is not None else {}

    def close(self) -> None:
        """End the connection to the system."""
        system, self._system, self._windows = self._system, None, None
        if system is not None:
            system.close()

    def _open(self) -> None:
        if time.monotonic_ns() < self._again_ns:
            time.sleep(IDLE_S)
            return
        self._system = self._open_system()
        self._windows = Windows(self._system, self._unit_map, self._timing, self.health, self.health.stretches)
        self.health.stretches += 1

    def _event(self, time_ns: int, text: str) -> TrialEvent:
        label, _, object_id = text.strip().partition(' ')
        if label == 'Start':
            self._trial, self._object_id, self._result = self._trial + 1, -1, TrialResult.UNKNOWN
        self._result = RESULTS.get(label, self._result)
        if OBJECT_ID.fullmatch(object_id.strip()):
            self._object_id = int(object_id)
        segment = self.health.stretches - 1
        return TrialEvent(time_ns, self._trial, segment, label, self._object_id, self._result)
