# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Fitting a `UnitModel` to training trials."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.extmath import randomized_svd

from grasp_decoder.features.count_features import SQUARE_ROOT_LUT, count_features
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.features.unit_model import UnitModel

FACTORS = 32
"""Factors, at most; fewer where there are few units or little data."""

BLOCK_BINS = 6
"""Correlations are measured between means over so many bins: networks look at more than one bin as well."""

ROUNDS = 4
"""Rounds of principal factor analysis."""

LEAST_PRIVATE = 0.05
"""Share of a unit's variance that is its own, at least."""

ITERATIONS = 3
"""Power iterations of each decomposition."""


def fit_unit_model(trials: Sequence[TrialBins]) -> UnitModel:
    """Fit the model to the bins of some trials, by principal factors."""
    return _model_of(tuple(trials))


@lru_cache(maxsize=1)  # the networks of all tasks learn from the same trials
def _model_of(trials: Sequence[TrialBins]) -> UnitModel:
    blocks = np.concatenate([_block_means(count_features(trial.counts, SQUARE_ROOT_LUT)) for trial in trials])
    mean = blocks.mean(axis=0)
    blocks -= mean
    variance = np.square(blocks).mean(axis=0)
    variance = np.maximum(variance, 1e-3 * variance.mean() + 1e-9)  # silent units have none of their own
    factors = min(FACTORS, min(blocks.shape) - 1)
    loading = np.zeros((len(mean), max(factors, 0)), np.float32)
    private = variance / 2
    for _ in range(ROUNDS if factors > 0 else 0):
        spread = np.sqrt(private)
        _, strength, directions = randomized_svd(blocks / spread, factors, n_iter=ITERATIONS, random_state=0)
        excess = np.maximum(np.square(strength) / len(blocks) - 1, 0)
        loading = spread[:, None] * directions.T * np.sqrt(excess)
        private = np.maximum(variance - np.square(loading).sum(axis=1), LEAST_PRIVATE * variance)
    return UnitModel(mean.astype(np.float32), loading.astype(np.float32), private.astype(np.float32))


def _block_means(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Means over blocks of bins, (blocks, units); a trial shorter than a block is one."""
    whole = max(1, round(len(features) / BLOCK_BINS))
    return np.array([block.mean(axis=0) for block in np.array_split(features, whole)])
