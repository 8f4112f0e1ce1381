# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What the spikes of the training trials were like: what a decoder compares its input with while it runs.

A decoder answers with confidence whatever it is given. Whether an answer means anything depends on whether the input
is the one that was learnt: the same units, alive, in the same order, about as active. Everything here is cheap to keep
(a few numbers per unit) and cheap to compare (`grasp_decoder.decoding.input_monitor`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.types.time import NS_PER_S

WINDOW_NS = NS_PER_S
"""Time over which activity is compared with training."""

EXPECTED_SPIKES = 3
"""A unit that fires so many spikes in a window on average is missed when it fires none."""

ARTEFACT_FACTOR = 2.0
"""A bin with more spikes than this times what 99 % of the training bins stay below is an artefact."""

SIMILARITY_MARGIN = 2.5
"""How far below its median similarity may fall, as a multiple of how far it fell in training."""

LEAST_SPREAD = 0.1
"""Similarity is taken to vary by this much at least: a short training session has not seen all of it."""

LEAST_RANGE = (0.8, 1.25)
"""Population activity is taken to vary over this range at least."""

BLOCKS = 5
"""Blocks of bins in a window: windows that start with one of them are looked at in training, and as often later."""

POPULATION_MARGIN = (0.4, 2.0)
"""How far population activity may leave the range of training: factors on its least and its highest value."""

RARE = 0.001
"""Share of the training bins or windows that count as outliers when limits are set."""


PER_UNIT = {'rate': np.float32, 'longest_silence': np.int32, 'usual_silence': np.int32, 'most_spikes': np.int32}
"""Fields of `InputStatistics` with a value for each unit, and their types."""


@dataclass(frozen=True)
class InputStatistics:
    """Activity in the training trials, and the limits of normal activity that follow from it.

    Attributes:
        rate: float32 (units,), mean count per bin.
        longest_silence: int32 (units,), most bins without a spike between two spikes.
        usual_silence: int32 (units,), bins without a spike: in all but `RARE` of the bins it had been fewer.
        most_spikes: int32 (units,), most spikes in a window.
        population_low, population_high: least and highest population activity of a window, relative to its mean.
        similarity_median, similarity_low: of `similarity` over windows: its median and its lowest usual value.
        artefact_count: spikes of all units together in one bin above which the bin is an artefact.
    """

    rate: NDArray[np.float32]
    longest_silence: NDArray[np.int32]
    usual_silence: NDArray[np.int32]
    most_spikes: NDArray[np.int32]
    population_low: float
    population_high: float
    similarity_median: float
    similarity_low: float
    artefact_count: float

    @property
    def unit_count(self) -> int:
        return len(self.rate)

    @property
    def least_population(self) -> float:
        """Population activity below which the input is not the one that was learnt."""
        return POPULATION_MARGIN[0] * self.population_low

    @property
    def most_population(self) -> float:
        """Population activity above which the input is not the one that was learnt."""
        return POPULATION_MARGIN[1] * self.population_high

    @property
    def least_similarity(self) -> float:
        """Similarity below which the units are not those that were learnt."""
        return self.similarity_median - SIMILARITY_MARGIN * (self.similarity_median - self.similarity_low)

    def to_arrays(self) -> dict[str, Any]:
        """Every field as an array, for an ``.npz``."""
        return {name: np.asarray(value) for name, value in vars(self).items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.ArrayLike]) -> InputStatistics:
        """What `to_arrays` gave.

        Raises:
            KeyError, ValueError: an array is missing, or has another shape or a value that cannot be.
        """
        values: dict[str, Any] = {
            name: np.asarray(arrays[name], kind) if kind else float(np.asarray(arrays[name]))
            for name, kind in ((field.name, PER_UNIT.get(field.name)) for field in fields(cls))
        }
        units = [values[name] for name in PER_UNIT]
        if len({each.shape for each in units}) != 1 or any(each.ndim != 1 or np.any(each < 0) for each in units):
            raise ValueError('the statistics of the units have different lengths or negative values')
        if not all(np.isfinite(value).all() for value in values.values()):
            raise ValueError('the statistics contain NaN or infinity')
        return cls(**values)


def measure_input(trials: Sequence[TrialBins]) -> InputStatistics:
    """Statistics of training trials, in the order in which they were recorded."""
    ordered = sorted(trials, key=lambda trial: trial.start_ns)
    counts = np.concatenate([trial.counts for trial in ordered])
    population = counts.sum(axis=1)
    artefact_count = ARTEFACT_FACTOR * float(np.quantile(population, 0.99))
    usual = counts if population.max() <= artefact_count else counts[population <= artefact_count]
    rate = usual.mean(axis=0, dtype=np.float64)
    longest_silence, usual_silence = _silences(usual)
    bins = window_bins(trials[0].bin_ns)
    windows = _windows(usual, bins)
    activity = windows.sum(axis=1) / max(rate.sum() * bins, 1e-9)
    alike = np.array([similarity(window, rate * bins) for window in windows])
    usual_similarity = float(np.median(alike))
    return InputStatistics(
        rate=rate.astype(np.float32),
        longest_silence=longest_silence,
        usual_silence=usual_silence,
        most_spikes=windows.max(axis=0).astype(np.int32),
        population_low=min(LEAST_RANGE[0], float(np.quantile(activity, RARE))),
        population_high=max(LEAST_RANGE[1], float(np.quantile(activity, 1 - RARE))),
        similarity_median=usual_similarity,
        similarity_low=min(usual_similarity - LEAST_SPREAD, float(np.quantile(alike, RARE))),
        artefact_count=artefact_count,
    )


def window_bins(bin_ns: int) -> int:
    """Bins of a window, at least 1."""
    return max(1, round(WINDOW_NS / bin_ns))


def similarity(window: NDArray[np.int64], expected: NDArray[np.float64]) -> float:
    """How alike the units' activity is to that of training, whatever its overall level: -1 .. 1.

    It is the correlation over units between the square roots of the spikes of a window and of those expected. Units
    that should have fired and did not are left out: they are dead, which is another question. 0 when nothing is left.

    Args:
        window: spikes of each unit, (units,).
        expected: spikes of each unit in a window on average, (units,).
    """
    compared = (expected > 0) & ((window > 0) | (expected < EXPECTED_SPIKES))
    seen, wanted = np.sqrt(window[compared]), np.sqrt(expected[compared])
    if len(seen) < 2:
        return 0.0
    seen, wanted = seen - seen.mean(), wanted - wanted.mean()
    scale = float(np.sqrt((seen @ seen) * (wanted @ wanted)))
    return float(seen @ wanted) / scale if scale > 0 else 0.0


def _windows(counts: NDArray[np.uint16], bins: int) -> NDArray[np.int64]:
    """Spikes of each unit in windows that start `BLOCKS` times as often as they are long, (n, units), at least one."""
    step = max(1, bins // BLOCKS)
    if len(counts) < bins:
        whole_recording: NDArray[np.int64] = counts.sum(axis=0, dtype=np.int64)[np.newaxis]
        return whole_recording
    whole = len(counts) // step * step
    totals = np.zeros((whole // step + 1, counts.shape[1]), np.int64)
    counts[:whole].reshape(-1, step, counts.shape[1]).sum(axis=1, dtype=np.int64, out=totals[1:])
    np.cumsum(totals, axis=0, out=totals)
    in_window = bins // step
    spikes: NDArray[np.int64] = totals[in_window:] - totals[:-in_window]
    spikes *= bins
    spikes //= in_window * step
    return spikes


def _silences(counts: NDArray[np.uint16]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Longest and usual silence of each unit, in bins.

    The longest is between two spikes: what comes before the first and after the last one does not count. A unit that
    fires less than twice has the whole recording for both.
    """
    n, units = counts.shape
    longest, usual = np.full((2, units), n, np.int32)
    for unit in range(units):
        fired = np.flatnonzero(counts[:, unit])
        if len(fired) > 1:
            gaps = np.diff(fired, prepend=-1, append=n) - 1
            longest[unit] = gaps[1:-1].max()
            # The least silence with which the gaps have no more than RARE * n bins beyond it, if the k longest do.
            longer = np.sort(gaps)[::-1]
            usual[unit] = np.ceil((np.cumsum(longer) - RARE * n) / np.arange(1, len(longer) + 1)).max()
    return longest, usual
