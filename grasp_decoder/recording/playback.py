# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Playback: recorded trials in the order and rhythm in which they are sent again.

It knows only the clock of the recording. A `Step` says when it is due at normal speed; the sender keeps the time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording.batches import trial_batches
from grasp_decoder.recording.session import Session, Trial
from grasp_decoder.types.spike_batch import SpikeBatch
from grasp_decoder.types.trial_event import TrialEvent, TrialResult

# Pauses between trials are no longer than this, and of this length where the recording has none (a loop).
LONGEST_GAP_NS = 500_000_000


@dataclass(frozen=True)
class Step:
    """One batch and what happened in its window.

    Attributes:
        batch: its sequence number and due time are left to the sender.
        due_ns: when the window ends, in ns of playback at 1x since it began.
        events: of the window, in time order.

    """

    batch: SpikeBatch
    due_ns: int
    events: tuple[TrialEvent, ...]


class Pace:
    """Times of a playback on CLOCK_MONOTONIC; errors do not add up, since each is counted from the same moment."""

    def __init__(self, speed: float, clock: Callable[[], int] = time.monotonic_ns):
        self._speed = speed
        self._clock = clock
        self.go_on_from(0)

    def go_on_from(self, playback_ns: int) -> None:
        """This moment of the playback is now."""
        self._playback_ns = playback_ns
        self._monotonic_ns = self._clock()

    def due_ns(self, playback_ns: int) -> int:
        """CLOCK_MONOTONIC at which that moment of the playback is due."""
        return self._monotonic_ns + round((playback_ns - self._playback_ns) / self._speed)


def heartbeat_at(time_ns: int, unit_count: int, segment: int = 0) -> SpikeBatch:
    """A batch that covers no time."""
    return SpikeBatch(0, segment, time_ns, time_ns, unit_count, np.empty(0, np.uint16), np.empty(0, np.uint32))


class Playback(Iterator[Step]):
    """Steps through trials; each is a segment, numbered by its position in the playback.

    Acquisition stamps are those of the recording until the playback goes back (loop, seek): from there on an offset
    is added, so that the clock never runs back.
    """

    def __init__(self, session: Session, trials: Sequence[Trial], period_ns: int, loop: bool = False):
        self._unit_count = session.unit_count
        self._trials = tuple(trials)
        self._period_ns = period_ns
        self._loop = loop
        self._segment = -1
        self._offset_ns = 0
        self._stop_ns: int | None = None
        self._due_ns = 0
        self._steps = self._play(0, 0)

    def __next__(self) -> Step:
        return next(self._steps)

    def seek(self, trial_id: int, time_ns: int = 0) -> None:
        """Go on ``time_ns`` after the start of a trial, with a new segment.

        Raises:
            GraspDecoderError: the trial is not played, or is shorter than that.

        """
        position = {trial.id: position for position, trial in enumerate(self._trials)}.get(trial_id)
        if position is None:
            raise GraspDecoderError(f'trial {trial_id} is not among the {len(self._trials)} that are played')
        trial = self._trials[position]
        if not 0 <= time_ns < trial.stop_ns - trial.start_ns:
            raise GraspDecoderError(
                f'trial {trial_id} is {(trial.stop_ns - trial.start_ns) / 1e9:g} s long: '
                f'{time_ns / 1e9:g} s lies outside of it'
            )
        self._steps = self._play(position, time_ns)

    def _play(self, position: int, skip_ns: int) -> Iterator[Step]:
        while True:
            for trial in self._trials[position:]:
                yield from self._play_trial(without_beginning(trial, skip_ns))
                skip_ns = 0
            if not self._loop:
                return
            position = 0

    def _play_trial(self, trial: Trial) -> Iterator[Step]:
        self._segment += 1
        if self._stop_ns is not None:
            gap = trial.start_ns + self._offset_ns - self._stop_ns
            if gap < 0:
                gap = LONGEST_GAP_NS
                self._offset_ns = self._stop_ns + gap - trial.start_ns
            self._due_ns += min(gap, LONGEST_GAP_NS)
        events, result = list(trial.events.items()), TrialResult.of(trial.correct)
        for batch in trial_batches(trial, self._unit_count, self._period_ns, self._segment):
            self._due_ns += batch.end_ns - batch.start_ns
            self._stop_ns = batch.end_ns + self._offset_ns
            happened = []
            while events and (events[0][1] < batch.end_ns or batch.end_ns == trial.stop_ns):
                label, time_ns = events.pop(0)
                moved_ns = time_ns + self._offset_ns
                happened.append(TrialEvent(moved_ns, trial.id, self._segment, label, trial.object_id, result))
            moved = replace(batch, start_ns=batch.start_ns + self._offset_ns, end_ns=self._stop_ns)
            yield Step(moved, self._due_ns, tuple(happened))


def without_beginning(trial: Trial, skip_ns: int) -> Trial:
    """The trial without its first ``skip_ns``."""
    if not skip_ns:
        return trial
    start_ns = trial.start_ns + skip_ns
    later = trial.times_ns >= start_ns
    return replace(
        trial,
        start_ns=start_ns,
        times_ns=trial.times_ns[later],
        units=trial.units[later],
        events={label: time_ns for label, time_ns in trial.events.items() if time_ns >= start_ns},
    )
