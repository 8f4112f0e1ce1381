# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What a recurrent network is to say about every bin, and how much that counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from grasp_decoder.bundle.task_network import OBJECT
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.learning.models.training import UNKNOWN, FitProblem

WEIGHT_BESIDE_HOLD = 0.1
"""Weight of a bin outside the hold phase for the object network."""

FORGETTING_BINS = 5
"""Bins after the release in which the object may be known still; then it has to be forgotten."""

Labels = tuple[np.ndarray, np.ndarray]
"""Targets (bins,), or (bins, outputs) for dof, and weights float32 (bins,)."""


def label_bins(problem: FitProblem, trials: Sequence[TrialBins], negatives: Sequence[TrialBins] = ()) -> Labels:
    """Labels of all bins of some trials, and then of some `FitProblem.negatives`, side by side."""
    labels = [*(_label(problem, trial) for trial in trials), *(_label_negative(problem, trial) for trial in negatives)]
    targets, weights = zip(*labels)
    return np.concatenate(targets), np.concatenate(weights)


def in_sequences(labels: Labels, sequences: np.ndarray) -> Labels:
    """The labels of sequences of bins, (n, length) numbers of bins; -1 is no bin and has no weight."""
    targets, weights = labels
    return targets[sequences], np.where(sequences >= 0, weights[sequences], 0)


def _label(problem: FitProblem, trial: TrialBins) -> Labels:
    targets, weights = problem.targets(trial), np.ones(trial.n_bins, np.float32)
    if problem.task == OBJECT:
        cue, hold, release = (trial.event_bins.get(event, 0) for event in ('Cue', 'Hold', 'Rew'))
        targets[:cue] = targets[release:] = UNKNOWN
        weights[:hold] = weights[release:] = WEIGHT_BESIDE_HOLD
        weights[release : release + FORGETTING_BINS] = 0
    return targets, weights


def _label_negative(problem: FitProblem, trial: TrialBins) -> Labels:
    """As `_label`, but of the object only what is certain: it is unknown before the cue."""
    n_bins = trial.n_bins
    if problem.task == OBJECT:
        weights = np.where(np.arange(n_bins) < trial.event_bins.get('Cue', 0), WEIGHT_BESIDE_HOLD, 0)
        return np.full(n_bins, UNKNOWN, np.int32), weights.astype(np.float32)
    targets, weights = problem.targets(trial), np.ones(n_bins, np.float32)
    if not np.isfinite(targets).all():  # without a go and a hold the hand stays open
        targets, weights = np.zeros_like(targets), np.full(n_bins, 'Hold' not in trial.event_bins, np.float32)
    return targets, weights
