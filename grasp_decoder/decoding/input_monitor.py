# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""InputMonitor: is this still the input that the decoder learnt?

Every bin is compared with the training trials (`InputStatistics`):

- Dead and runaway units are named. Decoding goes on without them, and without units that are silent for unusually long:
  what others say of them costs little, should they only be quiet.
- A bin with a burst on all channels is named, so that it is left out.
- The overall level of activity is followed slowly, so that it can be taken back.
- When too little is as it was (silence, units in another order, far too many spikes, many units dead), the input is not
  valid, and there is a reason.

All of it is causal and deterministic: the same bins give the same answers, online and offline.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grasp_decoder.features.input_statistics import BLOCKS, EXPECTED_SPIKES, InputStatistics, similarity, window_bins
from grasp_decoder.types.decoded_grasp import VALIDITY_LIMIT
from grasp_decoder.types.time import NS_PER_S

MOST_MISSING = 0.4
"""Share of the units with a spike to be expected that may be silent: more than in any training, fewer than half."""

SILENCE_FACTOR, SILENCE_NS = 1.5, 200_000_000
"""A unit is dead after this times its longest silence in training, plus this much."""

RUNAWAY_FACTOR, RUNAWAY_SPIKES = 2, 20
"""A unit runs away above this times its most spikes in training, plus so many."""

GAIN_MEMORY_NS, GAIN_START_NS = 8 * NS_PER_S, NS_PER_S
"""Overall activity relative to training is followed with this time constant; at first it counts as much as this time
of usual activity, so that it is known sooner."""

GAIN_RANGE = (0.4, 2.5)
"""It is followed no further than this."""

USUAL_GAIN = (0.8, 1.25)
"""Between these, activity is as in training."""

GAIN_STEPS_PER_OCTAVE = 4

MOST_ARTEFACTS = 0.5
"""Share of the last bins that may be bursts on all channels."""


@dataclass(frozen=True)
class InputState:
    """What the monitor says after a bin.

    Attributes:
        validity: 0..1; 1 is as in training, below `VALIDITY_LIMIT` the input is not the one that was learnt.
        reason: why validity is below the limit; '' when it is not.
        artefact: the bin is a burst on all channels and holds no information.
        living: bool (units,), units to decode from; the same array as before when nothing has changed.
        gain: overall activity relative to training, in steps; 1 while it is about as in training.
    """

    validity: float
    reason: str
    artefact: bool
    living: NDArray[np.bool_]
    gain: float


class InputMonitor:
    """Takes the counts of one bin after the other. Segments do not matter to it: units live and die across them."""

    def __init__(self, statistics: InputStatistics, bin_ns: int):
        self._statistics = statistics
        self._bins = window_bins(bin_ns)
        self._compare_every = max(1, self._bins // BLOCKS)
        self._expected = statistics.rate.astype(np.float64) * self._bins
        self._expects_spikes = self._expected >= EXPECTED_SPIKES
        self._dead_after = SILENCE_FACTOR * statistics.longest_silence + SILENCE_NS / bin_ns
        self._usual_silence = statistics.usual_silence
        self._runs_away_above = RUNAWAY_FACTOR * statistics.most_spikes + RUNAWAY_SPIKES
        self._least_weight, self._bins_of_start = bin_ns / GAIN_MEMORY_NS, GAIN_START_NS / bin_ns
        self._followed = 0
        self._recent = np.zeros((self._bins, statistics.unit_count), np.uint16)
        self._window = np.zeros(statistics.unit_count, np.int64)
        self._silent = np.zeros(statistics.unit_count, np.int64)
        self._taken = 0
        # Of the last bins, artefacts included: spikes of all units together, at most as many as make an artefact.
        self._population = np.zeros(self._bins)
        self._seen = 0
        self._followed_gain = 1.0
        living = np.ones(statistics.unit_count, np.bool_)
        self.state = InputState(0.0, 'the input has only just begun', False, living, 1.0)

    def push(self, counts: NDArray[np.uint16]) -> InputState:
        """Take the counts (units,) of the next bin."""
        population = float(counts.sum(dtype=np.int64))
        limit = self._statistics.artefact_count
        artefact = population > limit
        self._population[self._seen % self._bins] = min(population, limit)
        self._seen += 1
        if not artefact:
            self._take(counts)
        before = self.state
        living = before.living if artefact else self._living()
        validity, reason = before.validity, before.reason
        if self._seen >= self._bins and (self._seen - self._bins) % self._compare_every == 0:
            validity, reason = self._compare(living)
        trusted = not artefact and validity >= VALIDITY_LIMIT
        gain = self._gain(counts, living) if trusted else before.gain
        self.state = InputState(validity, reason, artefact, living, gain)
        return self.state

    def dead_units(self) -> list[int]:
        """Units that fire no more, although they did in training."""
        return np.flatnonzero(self._silent > self._dead_after).tolist()

    def runaway_units(self) -> list[int]:
        """Units that fire far more than they ever did in training."""
        return np.flatnonzero(self._window > self._runs_away_above).tolist()

    def _take(self, counts: NDArray[np.uint16]) -> None:
        oldest = self._recent[self._taken % self._bins]
        self._window += counts
        self._window -= oldest
        oldest[:] = counts
        self._silent += 1
        self._silent[counts > 0] = 0
        self._taken += 1

    def _living(self) -> NDArray[np.bool_]:
        # Units that fire less than usual are silent for longer.
        silent = self._silent if self.state.gain >= 1.0 else self._silent * self.state.gain
        living: NDArray[np.bool_] = (silent <= self._usual_silence) & (self._window <= self._runs_away_above)
        return self.state.living if (living == self.state.living).all() else living

    def _compare(self, living: NDArray[np.bool_]) -> tuple[float, str]:
        """Compare the last window with training: the worst of all comparisons, and what it is about."""
        limits = self._statistics
        missing = float(np.mean(self._window[self._expects_spikes] == 0)) if self._expects_spikes.any() else 0.0
        activity = float(self._population.sum()) / max(float(self._expected[living].sum()), 1e-9)
        bursts = float(np.mean(self._population >= limits.artefact_count))
        alike = similarity(np.where(self._window > self._runs_away_above, 0, self._window), self._expected)
        level = f'the units fire {activity:.2f} times as much as in training'
        validity, reason = min(
            (_between(MOST_MISSING, missing, 0.0), f'{missing:.0%} of the active units are silent'),
            (_between(limits.least_population, activity, limits.population_low), level),
            (_between(limits.most_population, activity, limits.population_high), level),
            (_between(MOST_ARTEFACTS, bursts, 0.0), f'{bursts:.0%} of the bins are bursts of all units'),
            (
                _between(limits.least_similarity, alike, limits.similarity_median),
                f'the units are not those of training, or in another order (similarity {alike:.2f})',
            ),
        )
        return validity, reason if validity < VALIDITY_LIMIT else ''

    def _gain(self, counts: NDArray[np.uint16], living: NDArray[np.bool_]) -> float:
        expected = float(self._expected[living].sum()) / self._bins
        if expected > 0.0:
            self._followed += 1
            weight = max(self._least_weight, 1.0 / (self._bins_of_start + self._followed))
            seen = float(counts[living].sum(dtype=np.int64)) / expected
            self._followed_gain += weight * (seen - self._followed_gain)
            self._followed_gain = min(max(self._followed_gain, GAIN_RANGE[0]), GAIN_RANGE[1])
        return gain_in_steps(self._followed_gain)


def gain_in_steps(activity: float) -> float:
    """Activity relative to training as it is taken back: in steps, and 1 while it is about as in training."""
    if USUAL_GAIN[0] <= activity <= USUAL_GAIN[1]:
        return 1.0
    steps = round(np.log2(activity) * GAIN_STEPS_PER_OCTAVE)
    return float(2.0 ** (steps / GAIN_STEPS_PER_OCTAVE))


def _between(limit: float, value: float, usual: float) -> float:
    """1 where ``value`` is as usual, `VALIDITY_LIMIT` at the limit, 0 as far beyond it again."""
    share = (value - limit) / (usual - limit)
    return min(1.0, max(0.0, VALIDITY_LIMIT + (1.0 - VALIDITY_LIMIT) * share))
