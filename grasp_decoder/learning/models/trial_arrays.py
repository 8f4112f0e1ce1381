"""Trials as padded arrays, for models that run over whole trials."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from grasp_decoder.bundle.task_network import DOF
from grasp_decoder.features.count_features import clip_counts
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.learning.models.training import FitProblem


def padded_counts(trials: Sequence[TrialBins], n_bins: int) -> np.ndarray:
    """Counts of every trial, uint8 (n_trials, n_bins, units), zeros behind a trial's end, clipped as by the lut."""
    padded = np.zeros((len(trials), n_bins, trials[0].counts.shape[1]), np.uint8)
    for row, trial in zip(padded, trials):
        row[: trial.n_bins] = clip_counts(trial.counts)
    return padded


def padded_targets(problem: FitProblem, trials: Sequence[TrialBins], n_bins: int) -> np.ndarray:
    """`FitProblem.targets` of every trial, (n_trials, n_bins) or for dof (n_trials, n_bins, outputs)."""
    shape = (problem.output_count,) if problem.task == DOF else ()
    padded = np.zeros((len(trials), n_bins, *shape), np.float32 if problem.task == DOF else np.int32)
    for row, trial in zip(padded, trials):
        row[: trial.n_bins] = problem.targets(trial)
    return padded


def scored_bins(problem: FitProblem, trials: Sequence[TrialBins], n_bins: int) -> np.ndarray:
    """`FitProblem.scored` of every trial, bool (n_trials, n_bins)."""
    padded = np.zeros((len(trials), n_bins), bool)
    for row, trial in zip(padded, trials):
        row[: trial.n_bins] = problem.scored(trial)
    return padded


def longest(*groups: Sequence[TrialBins]) -> int:
    """Bins of the longest trial."""
    return max(trial.n_bins for trials in groups for trial in trials)
