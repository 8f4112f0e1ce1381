# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The elapsed-time baseline: phase and aperture from the time since the segment began, and nothing else.

Where every trial takes its time in the same way, a clock decodes them well without a neuron. A decoder that is no
better than it has learnt the task's timing. A segment that begins late shows the difference: the clock is then wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.learning.evaluation.decoded_trials import DecodedTrial
from grasp_decoder.types.decoded_grasp import GRASP


@dataclass(frozen=True)
class ElapsedTime:
    """A clock, fitted by `fit_elapsed_time`; after its last bin it stays as it is.

    Attributes:
        grasp: bool (n,), whether it says GRASP in each bin since the segment began.
        dof: float (n, k), mean degrees of freedom in each bin.
    """

    grasp: np.ndarray
    dof: np.ndarray

    def decode(self, trial: TrialBins) -> DecodedTrial:
        """What the clock says about a trial that is a segment of its own."""
        bins = np.minimum(np.arange(trial.n_bins), len(self.grasp) - 1)
        return DecodedTrial(trial, grasp=self.grasp[bins], dof=self.dof[bins])


def fit_elapsed_time(trials: Sequence[TrialBins]) -> ElapsedTime:
    """The clock of some trials: the mean of each bin; it says GRASP where that gives the best F1 on them."""
    n_bins = max(trial.n_bins for trial in trials)
    width = trials[0].dof.reshape(trials[0].n_bins, -1).shape[1]
    count, grasp, dof = np.zeros(n_bins), np.zeros(n_bins), np.zeros((n_bins, width))
    for trial in trials:
        count[: trial.n_bins] += 1
        grasp[: trial.n_bins] += trial.phase == GRASP
        dof[: trial.n_bins] += trial.dof.reshape(trial.n_bins, -1)
    order = np.argsort(-grasp / count, kind='stable')
    hits, said = np.cumsum(grasp[order]), np.cumsum(count[order])
    best = int(np.argmax(2 * hits / (said + grasp.sum())))
    says_grasp = np.zeros(n_bins, bool)
    says_grasp[order[: best + 1]] = True
    return ElapsedTime(says_grasp, dof / count[:, np.newaxis])
