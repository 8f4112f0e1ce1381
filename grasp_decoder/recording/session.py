# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Recorded sessions in memory: trials with columnar spike arrays.

Times become int64 nanoseconds of the acquisition clock once, when a file is read, and stay
integers from there on; every interval is half open, ``[start, end)``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Unit:
    """One sorted unit. ``None`` where the recording does not say."""

    index: int
    electrode: int | None = None
    sort_code: int | None = None
    area: str | None = None


@dataclass(frozen=True)
class Trial:
    """One trial, which is one segment: an unbroken stretch of recording.

    Attributes:
        id: position of the trial in its file, counted from 0 over all trials.
        start_ns, stop_ns: acquisition clock, int64 ns, half open.
        events: label -> ns, in time order; several labels may share one time.
        object_id: -1 when unknown.
        correct: None when the recording does not say.
        times_ns: int64 (n_spikes,), ascending; ties ascend by unit.
        units: uint16 (n_spikes,), indices into ``Session.units``.
        signals: name -> (times_ns int64 (n,), values float64 (n, channels)) of continuous signals.
        excluded: its object id says to leave the trial out (`Mapping.first_excluded_object`).
    """

    id: int
    start_ns: int
    stop_ns: int
    events: dict[str, int]
    object_id: int
    correct: bool | None
    times_ns: np.ndarray
    units: np.ndarray
    signals: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    excluded: bool = False

    @property
    def usable(self) -> bool:
        """The one rule of which trials to train and score with: correct, complete and not excluded."""
        return (
            self.correct is not False
            and not self.excluded
            and self.object_id >= 0
            and 'Hold' in self.events
            and 'Rew' in self.events
            and len(self.times_ns) > 0
        )

    def moved(self, by_ns: int) -> Trial:
        """The trial as it would be, had it taken place so much later."""
        return replace(
            self,
            start_ns=self.start_ns + by_ns,
            stop_ns=self.stop_ns + by_ns,
            events={label: time + by_ns for label, time in self.events.items()},
            times_ns=self.times_ns + by_ns,
            signals={name: (times + by_ns, values) for name, (times, values) in self.signals.items()},
        )


@dataclass(frozen=True)
class Session:
    """A recording: its unit table and its trials in time order.

    ``source_sha256`` is the hash of the file that it was read from; a bundle keeps its training
    trials under that hash. ``remarks`` are what a person should know about how it was read, a sentence each.
    """

    name: str
    units: tuple[Unit, ...]
    trials: tuple[Trial, ...]
    source_sha256: str = ''
    remarks: tuple[str, ...] = ()

    @property
    def unit_count(self) -> int:
        return len(self.units)

    @cached_property
    def is_grasping(self) -> bool:
        """Whether there are grasps in it, or continuous movement only."""
        return any('Hold' in trial.events for trial in self.trials) or not any(trial.signals for trial in self.trials)

    def is_usable(self, trial: Trial) -> bool:
        """`Trial.usable`; where there is only movement, correct and with spikes."""
        return trial.usable if self.is_grasping else trial.correct is not False and len(trial.times_ns) > 0
