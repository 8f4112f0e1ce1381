# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Means over repeated splits, and 95 % intervals over trials.

Windows of one trial resemble each other. Intervals therefore resample whole trials (a cluster bootstrap: Field and
Welsh 2007), never windows. When splits are repeated, a trial that was tested several times stays one cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

RESAMPLES = 2000


def mean_scores(rows: Sequence[dict]) -> dict:
    """Mean of each score over repeats that have it; None when none has."""
    means = {}
    for key in rows[0]:
        values = [row[key] for row in rows if row[key] is not None]
        means[key] = np.mean(values, axis=0).tolist() if values else None
    return means


def mean_interval(values: np.ndarray, trial: np.ndarray) -> list[float]:
    """95 % interval of the mean of ``values`` (n,) that come from trials ``trial`` (n,)."""
    sums = np.column_stack([values, np.ones(len(values))])
    return interval(sums, trial, lambda total: total[..., 0] / total[..., 1])


def interval(
    sums: np.ndarray, trial: Sequence[int] | np.ndarray, statistic: Callable[[np.ndarray], np.ndarray]
) -> list[float]:
    """95 % interval of a statistic of sums over trials, by resampling trials.

    Args:
        sums: (n, ...), addends; those of the same trial belong together.
        trial: (n,), id of the trial of each addend.
        statistic: totals (..., k) -> value (...).
    """
    _, index = np.unique(trial, return_inverse=True)
    per_trial = np.zeros((index.max() + 1, *sums.shape[1:]))
    np.add.at(per_trial, index, sums)
    n = len(per_trial)
    weights = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), RESAMPLES)
    with np.errstate(invalid='ignore', divide='ignore'):
        values = statistic(np.tensordot(weights, per_trial, axes=1))
    return [float(bound) for bound in np.nanpercentile(values, [2.5, 97.5])]
