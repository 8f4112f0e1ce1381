# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Scores of the decoded degree of freedom: the aperture of the hand, or a movement."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from grasp_decoder.features.scoring import r2_of_sums, r2_sums
from grasp_decoder.learning.evaluation.decoded_trials import DecodedTrial
from grasp_decoder.learning.evaluation.intervals import interval, mean_scores


def dof_summary(repeats: Sequence[Sequence[DecodedTrial]], look_back: int) -> dict:
    """R2 over all windows, mean over repeats and degrees of freedom."""
    rows = []
    for repeat in repeats:
        r2 = r2_of_sums(_dof_sums(repeat, look_back).sum(axis=0))
        rows.append({'r2': float(r2.mean()), 'r2_each': r2.tolist()})
    decoded = [trial for repeat in repeats for trial in repeat]
    sums, ids = _dof_sums(decoded, look_back), [each.trial.trial_id for each in decoded]
    return mean_scores(rows) | {'ci95': interval(sums, ids, lambda total: r2_of_sums(total).mean(axis=-1))}


def _dof_sums(decoded: Sequence[DecodedTrial], look_back: int) -> np.ndarray:
    """`r2_sums` of every trial's windows, (n_trials, k, 4)."""
    first = look_back - 1
    return np.array(
        [
            r2_sums(each.dof[first : each.trial.n_bins], each.trial.dof.reshape(each.trial.n_bins, -1)[first:])
            for each in decoded
        ]
    )
