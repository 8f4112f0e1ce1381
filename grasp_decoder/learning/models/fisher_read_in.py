# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""A linear read-in found in closed form: the few directions of neural activity that tell objects and phases apart.

Linear discriminant analysis (Fisher 1936) with two estimates that make it work with a dozen trials per class:

- the noise covariance is pooled over all blocks of bins of all trials, so that fluctuations which units share and which
  are common to all phases are known well and are whitened away; how far its correlations are trusted follows from how
  well they are known (Schäfer and Strimmer 2005);
- class means are shrunk by empirical Bayes: the covariance of tuning *between classes* is estimated over units, and
  each unit's class means are the posterior means under it, so that similar objects lend each other trials (Efron and
  Morris 1973).

The directions are the leading singular vectors of the whitened class means of each epoch of the trial, and of the
whitened time course that all trials share.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.linalg import solve_triangular

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.count_features import SQUARE_ROOT_LUT, count_features
from grasp_decoder.features.trial_bins import TrialBins

EVENTS = ('Cue', 'Mem', 'Go', 'Hold', 'Rew')
"""Events between which the tuning to objects is taken as constant; those that a trial lacks are left out."""

OBJECT_RANK = 8
TIME_RANK = 6
"""Directions of each epoch and of the time course, at most; those along which objects hardly differ are left out."""

LEAST_STRENGTH = 0.8
"""How far class means differ along a direction at least, in standard deviations of the noise in a block of bins."""

BLOCK_BINS = 6
TIME_POINTS = 4


def common_events(trials: Sequence[TrialBins]) -> list[str]:
    """Those of `EVENTS` that structure every one of the trials."""
    return [label for label in EVENTS if all(label in trial.event_bins for trial in trials)]


def fisher_read_in(trials: Sequence[TrialBins]) -> tuple[np.ndarray, np.ndarray]:
    """Kernel float32 (units, directions) and bias (directions,) of the read-in; outputs have about unit variance.

    It takes square roots of counts.

    Args:
        trials: to learn from, with their events.

    Raises:
        GraspDecoderError: the trials have no two events in common.
    """
    return _read_in_of(tuple(trials))


@lru_cache(maxsize=1)  # the networks of all tasks learn from the same trials
def _read_in_of(trials: Sequence[TrialBins]) -> tuple[np.ndarray, np.ndarray]:
    events = common_events(trials)
    if len(events) < 2:
        raise GraspDecoderError('fisher_gru needs trials with events, at least Hold and Rew; use the model causal_gru')
    _, label = np.unique([trial.object_id for trial in trials], return_inverse=True)
    means, blocks, groups = [], [], []
    time_course: Any = 0
    for trial, object_label in zip(trials, label):
        counts = count_features(trial.counts, SQUARE_ROOT_LUT)
        bounds = sorted(min(trial.event_bins[event], trial.n_bins - 1) for event in events)
        epochs = [counts[first : max(last, first + 1)] for first, last in itertools.pairwise(bounds)]
        means.append([epoch.mean(axis=0) for epoch in epochs])
        time_course = time_course + counts[_time_points(bounds, trial.n_bins)] / len(trials)
        for index, epoch in enumerate(epochs):
            for position, block in enumerate(np.array_split(epoch, max(1, len(epoch) // BLOCK_BINS))):
                blocks.append(block.mean(axis=0))
                groups.append((index, position, object_label))
    white = _Whitening(*_noise(np.array(blocks), *np.array(groups).T))

    directions = [
        _leading(_class_means(white.of_rows(epoch - epoch.mean(axis=0)), label), OBJECT_RANK)
        for epoch in np.array(means).swapaxes(0, 1)
    ]
    directions.append(_leading(white.of_rows(time_course - time_course.mean(axis=0)), TIME_RANK))
    kernel = white.kernel(np.concatenate(directions, axis=1))
    outputs = np.concatenate([count_features(trial.counts, SQUARE_ROOT_LUT) @ kernel for trial in trials])
    spread = np.maximum(outputs.std(axis=0), 1e-9)  # a constant output stays one
    return (kernel / spread).astype(np.float32), (-outputs.mean(axis=0) / spread).astype(np.float32)


def _time_points(bounds: Sequence[int], n_bins: int) -> np.ndarray:
    """Bins at the same relative times within every stretch between two events of every trial."""
    edges = [0, *bounds, n_bins]
    return np.concatenate(
        [
            np.linspace(first, max(first, last - 1), TIME_POINTS).round().astype(int)
            for first, last in itertools.pairwise(edges)
        ]
    )


def _noise(means: np.ndarray, epoch: np.ndarray, position: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, int]:
    """Block means (n, units) around the means of their moment and of their class, and their degrees of freedom."""
    moments, classes, noise = epoch * 1000 + position, epoch * 1000 + label, means
    for group in (moments, classes, moments, classes):
        noise = noise - _group_means(noise, group)
    return noise, max(1, len(noise) - len(np.unique(moments)) - len(np.unique(classes)))


class _Whitening:
    """Makes noise white whose covariance is that of some rows (n, units), its correlations shrunk.

    With more units than rows their covariance is never made: its cost would grow with the cube of the units. The noise
    that they share has no more directions than there are rows.
    """

    def __init__(self, noise: np.ndarray, freedom: int):
        self._wide = len(noise) < noise.shape[1]
        if self._wide:
            variance = np.square(noise, dtype=np.float64).sum(axis=0) / freedom
        else:
            covariance = (noise.T @ noise / freedom).astype(np.float64)
            variance = np.diag(covariance)
        shrinkage = min(1.0, correlation_shrinkage(noise) * len(noise) / freedom)
        floor = 1e-3 * variance.mean() + 1e-9  # silent units have no variance of their own
        private = shrinkage * variance + floor
        if self._wide:
            self._scale = 1 / np.sqrt(private)
            self._shared = np.sqrt((1 - shrinkage) / freedom) * noise * self._scale
            strength, directions = np.linalg.eigh(self._shared @ self._shared.T)
            spread = np.sqrt(1 + np.maximum(strength, 0))
            self._gain = -directions / (spread * (1 + spread)) @ directions.T
        else:
            self._matrix = whitening((1 - shrinkage) * covariance + np.diag(private))

    def of_rows(self, rows: np.ndarray) -> np.ndarray:
        """Rows (n, units), with their noise made white."""
        return self._without_shared(rows * self._scale) if self._wide else rows @ self._matrix

    def kernel(self, directions: np.ndarray) -> np.ndarray:
        """The weights (units, k) with which rows give what they have, made white, along directions (units, k)."""
        return (self._without_shared(directions.T) * self._scale).T if self._wide else self._matrix @ directions

    def _without_shared(self, rows: np.ndarray) -> np.ndarray:
        return rows + rows @ self._shared.T @ self._gain @ self._shared


def correlation_shrinkage(rows: np.ndarray) -> float:
    """Share 0..1 of the correlations between the columns of centred rows (n, k) that is best taken for chance.

    It is the estimated variance of the correlations over their sum of squares (Schäfer and Strimmer 2005), which is
    small when there are many rows or strong correlations.
    """
    spread = rows.std(axis=0)
    rows = np.divide(rows, spread, out=np.zeros_like(rows), where=spread > 0)
    squares = np.square(rows)
    products = np.square(squares.sum(axis=1)).mean() - np.square(squares).sum(axis=1).mean()
    wide = rows.shape[1] > len(rows)
    correlation = (rows @ rows.T if wide else rows.T @ rows) / len(rows)  # both have the same sum of squares
    of_one = squares.mean(axis=0) if wide else np.diag(correlation)
    found = np.square(correlation).sum() - np.square(of_one).sum()
    return float(np.clip((products - found) / (len(rows) * max(found, 1e-9)), 0, 1))


def _group_means(rows: np.ndarray, group: np.ndarray) -> np.ndarray:
    """For every row the mean of the rows of its group."""
    _, index, size = np.unique(group, return_inverse=True, return_counts=True)
    sums = np.zeros((len(size), rows.shape[1]))
    np.add.at(sums, index, rows)
    return (sums / size[:, None])[index].astype(rows.dtype)


def whitening(covariance: np.ndarray) -> np.ndarray:
    """A matrix whose product with its transpose is the inverse of a covariance."""
    lower = np.linalg.cholesky(covariance)
    return solve_triangular(lower, np.eye(len(lower)), lower=True, overwrite_b=True).T


def _class_means(white: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Posterior means (classes, units) of whitened trials (n, units) per class."""
    n_classes = label.max() + 1
    trials_per_class = np.bincount(label)
    means = np.array([white[label == index].mean(axis=0) for index in range(n_classes)])
    freedom = max(1, len(label) - n_classes)
    noise = np.square(white - means[label]).sum() / freedom / white.shape[1]
    sampling = np.diag(noise / trials_per_class)
    values, vectors = np.linalg.eigh(means @ means.T / white.shape[1] - sampling)
    tuning = vectors * np.clip(values, 0, None) @ vectors.T
    tuning += 0.02 * np.trace(tuning) / n_classes * np.eye(n_classes)
    return tuning @ np.linalg.pinv(tuning + sampling) @ means


def _leading(rows: np.ndarray, rank: int) -> np.ndarray:
    """The directions (units, at most rank) along which some whitened rows (n, units) differ most, one at least."""
    _, strength, directions = np.linalg.svd(rows, full_matrices=False)
    enough = np.count_nonzero(strength > LEAST_STRENGTH * np.sqrt(len(rows)))
    return directions[: min(rank, max(1, enough))].T
