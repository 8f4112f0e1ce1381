# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""RestingActivity: spikes as they are between trials, for the time that a recording leaves out.

A recording by trials says nothing about the time between them. A decoder that runs without end meets it all the same,
and no spikes at all would be an input that it has never seen. Stretches of rest from the trials themselves are put
together at random to fill such time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from grasp_decoder.recording.session import Trial

PIECE_NS = 200_000_000
"""Length of the pieces of rest that are put together."""

AFTER_REW_NS = 500_000_000
"""What follows a reward sooner than this still belongs to the grasp."""


class RestingActivity:
    """Makes spikes of rest of any length from those before the cue and well after the reward of some trials.

    The same trials, seed and order of calls give the same spikes.
    """

    def __init__(self, trials: Sequence[Trial], seed: int = 0):
        """``trials``: to take rest from; where none of them has any, there are no spikes."""
        self._pieces = [
            (trial, start)
            for trial in trials
            for first, last in _rests(trial)
            for start in range(first, last - PIECE_NS + 1, PIECE_NS)
        ]
        self._rng = np.random.default_rng(seed)

    def fill(self, start_ns: int, stop_ns: int) -> tuple[NDArray[np.int64], NDArray[np.uint16]]:
        """Spikes for ``[start_ns, stop_ns)``: times int64 (n,), ascending, and units uint16 (n,)."""
        times, units = [np.empty(0, np.int64)], [np.empty(0, np.uint16)]
        for begin in range(start_ns, stop_ns, PIECE_NS) if self._pieces else ():
            trial, piece = self._pieces[self._rng.integers(len(self._pieces))]
            first, last = np.searchsorted(trial.times_ns, [piece, piece + min(PIECE_NS, stop_ns - begin)])
            times.append(trial.times_ns[first:last] - piece + begin)
            units.append(trial.units[first:last])
        return np.concatenate(times), np.concatenate(units)


def _rests(trial: Trial) -> list[tuple[int, int]]:
    """Stretches of rest of a trial, as (start, stop) in ns."""
    events = trial.events
    before = min((events[label] for label in ('Cue', 'Go', 'Hold') if label in events), default=trial.start_ns)
    rests = [(trial.start_ns, before)]
    if 'Rew' in events:
        rests.append((max(events['Rew'] + AFTER_REW_NS, events.get('End', 0)), trial.stop_ns))
    return rests
