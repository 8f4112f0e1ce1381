# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Life: an endless stream of bins, put together anew from trials, for recurrent networks to learn from.

A network that learns from trials as they were recorded, each from its start, learns the clock as well: in a regular
session the time since the start says almost as much as the units do. So it learns from what life is like instead:

- trial follows trial, and the state is carried from one to the next; a sequence starts anywhere in a trial;
- rest before a cue lasts longer, delays are longer or shorter, holds last longer;
- in some trials there is no go, and in trials that the session has of that kind (`negatives`) as well.

What is longer is made of bins of the same trial, or of rest of all trials, walked through forwards and backwards, so
that what follows one another in a longer stretch did so in the recording too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from grasp_decoder.features.trial_bins import TrialBins

SEQUENCE_BINS = 160
"""Bins of one sequence: two trials or so."""

FROM_A_START = 0.6
"""Share of the sequences that start as a trial does; the others start where the last one ended."""

LONGER_REST, LONGER_DELAY, SHORTER_DELAY, LONGER_HOLD, NO_GO = 0.35, 0.21, 0.14, 0.35, 0.08
"""Share of the trials with each of these."""

LONGER_BINS = 25
"""How much longer on average, exponentially distributed."""

TURNS = 0.12
"""How often a walk turns round, per bin."""


def in_pieces(trials: Sequence[TrialBins], length: int | None) -> np.ndarray:
    """Trials as they were recorded, one after the other, in sequences: numbers of bins, int (n, length).

    Bins are numbered through: those of the first trial, then those of the second, and so on; -1 is no bin.

    Args:
        length: of every sequence; None makes every trial a sequence of its own.
    """
    lengths = [trial.n_bins for trial in trials]
    if length is None:
        offsets = np.arange(max(lengths))
        first = np.cumsum([0, *lengths[:-1]])
        return np.where(offsets < np.array(lengths)[:, None], first[:, None] + offsets, -1)
    n = -(-sum(lengths) // length)
    bins = np.arange(n * length).reshape(n, length)
    return np.where(bins < sum(lengths), bins, -1)


class RecordedTrials:
    """Sequences that are whole trials as they were recorded, in random order."""

    def __init__(self, trials: Sequence[TrialBins], rng: np.random.Generator):
        self._sequences = in_pieces(trials, None)
        self._rng = rng

    def sequences(self, n: int) -> np.ndarray:
        """``n`` sequences, at most one of each trial: numbers of bins, int (n, bins of the longest trial)."""
        return self._sequences[self._rng.permutation(len(self._sequences))[:n]]


@dataclass(frozen=True)
class _Parts:
    """Bins at which the parts of one trial begin, counted over all trials: rest, cue, memory, movement, hold, release.

    A trial without a hold has ``hold == release == stop``.
    """

    rest: int
    cue: int
    memory: int
    go: int
    hold: int
    release: int
    stop: int


class Life:
    """Sequences of bins from trials; bins are numbered as by `in_pieces`."""

    def __init__(self, trials: Sequence[TrialBins], rng: np.random.Generator):
        """``trials``: those to perform, with or without a hold."""
        first = np.cumsum([0, *(trial.n_bins for trial in trials)])
        self._trials = [_parts(trial, int(start)) for trial, start in zip(trials, first)]
        self._rest = np.concatenate([np.arange(each.rest, max(each.cue, each.rest + 1)) for each in self._trials])
        self._rng = rng
        self._stream = self._perform_all()
        self._bins = np.empty(0, int)
        self._starts = np.empty(0, int)

    def sequences(self, n: int) -> np.ndarray:
        """The next ``n`` sequences: numbers of bins, int (n, SEQUENCE_BINS)."""
        return np.array([self._next() for _ in range(n)])

    def _next(self) -> np.ndarray:
        if self._rng.random() < FROM_A_START:
            while not len(self._starts):
                self._extend()
            self._skip(int(self._starts[0]))
        while len(self._bins) < SEQUENCE_BINS:
            self._extend()
        sequence = self._bins[:SEQUENCE_BINS]
        self._skip(SEQUENCE_BINS)
        return sequence

    def _extend(self) -> None:
        self._starts = np.append(self._starts, len(self._bins))
        self._bins = np.concatenate([self._bins, next(self._stream)])

    def _skip(self, n: int) -> None:
        self._bins, self._starts = self._bins[n:], self._starts[self._starts >= n] - n

    def _perform_all(self) -> Iterator[np.ndarray]:
        """The trials in random order, again and again, each as it is performed this time."""
        while True:
            for index in self._rng.permutation(len(self._trials)):
                yield np.concatenate(self._perform(self._trials[index]))

    def _perform(self, trial: _Parts) -> list[np.ndarray]:
        rng = self._rng
        parts = []
        if rng.random() < LONGER_REST:
            parts.append(self._resting(self._longer()))
        if trial.cue < trial.go and trial.hold < trial.stop and rng.random() < NO_GO:
            return [*parts, np.arange(trial.rest, trial.go), self._resting(15 + self._longer())]
        delay = np.arange(trial.memory, trial.go)
        middle, change = len(delay) // 2, rng.random()
        if len(delay) >= 4 and change < LONGER_DELAY:
            longer = self._walk(self._longer(), delay[len(delay) // 3 :])
            delay = np.concatenate([delay[:middle], longer, delay[middle:]])
        elif len(delay) >= 4 and change < LONGER_DELAY + SHORTER_DELAY:
            left_out = int(len(delay) * rng.uniform(0.2, 0.7))
            delay = np.delete(delay, slice((len(delay) - left_out) // 2, (len(delay) + left_out) // 2))
        hold = np.arange(trial.hold, trial.release)
        if len(hold) and rng.random() < LONGER_HOLD:
            middle = max(1, len(hold) // 2)
            longer = self._walk(self._longer(), hold[min(2, len(hold) // 3) :])
            hold = np.concatenate([hold[:middle], longer, hold[middle:]])
        before, movement = np.arange(trial.rest, trial.memory), np.arange(trial.go, trial.hold)
        return [*parts, before, delay, movement, hold, np.arange(trial.release, trial.stop)]

    def _longer(self) -> int:
        return 1 + int(self._rng.exponential(LONGER_BINS))

    def _resting(self, n: int) -> np.ndarray:
        return self._walk(n, self._rest)

    def _walk(self, n: int, bins: np.ndarray) -> np.ndarray:
        """``n`` of some bins, each beside the last one, from anywhere; it turns round at either end and at random."""
        last = len(bins) - 1
        if last < 1:
            return np.repeat(bins, n)
        steps = np.cumprod(np.where(self._rng.random(n) < TURNS, -1, 1))
        position = (np.cumsum(steps) + self._rng.integers(2 * last)) % (2 * last)
        return bins[np.minimum(position, 2 * last - position)]


def _parts(trial: TrialBins, first: int) -> _Parts:
    """The parts of a trial whose first bin has the number ``first``; what an event is missing for has no bins."""
    stop = trial.n_bins
    hold = min(trial.event_bins.get('Hold', stop), stop)
    release = min(max(trial.event_bins.get('Rew', stop), hold), stop)
    go = min(trial.event_bins.get('Go', hold), hold)
    cue = min(trial.event_bins.get('Cue', 0), go)
    memory = max(cue, min(trial.event_bins.get('Mem', cue), go))
    return _Parts(*(first + bin_ for bin_ in (0, cue, memory, go, hold, release, stop)))
