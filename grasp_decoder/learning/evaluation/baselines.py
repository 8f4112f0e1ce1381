# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Baselines that every report compares with, with scikit-learn's API.

Their input is spike counts per unit, summed over what is classified: a window, or a whole hold phase.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, check_non_negative, validate_data

from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.features.windows import Windows


class PoissonNaiveBayes(ClassifierMixin, BaseEstimator):
    """Naive Bayes with one Poisson rate per unit and class, as Schaffelhofer et al. (2015) decode the hold phase.

    Args:
        pseudo_count: added to the spikes of a unit in a class, and to the exposure, so that no rate is 0 (0.5 is
            Jeffreys' prior).

    Attributes:
        classes_: (n_classes,).
        rates_: float64 (n_classes, units), expected count per unit of exposure.
        log_prior_: float64 (n_classes,), of the classes' frequencies.
    """

    def __init__(self, pseudo_count: float = 0.5):
        self.pseudo_count = pseudo_count

    def fit(self, X, y, exposure=None) -> PoissonNaiveBayes:
        """Fit the rates.

        Args:
            X: counts (n, units).
            y: class of each sample (n,).
            exposure: time that each sample was counted for (n,), in any one unit; default 1 for all.
        """
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        check_non_negative(X, 'PoissonNaiveBayes, which takes counts')
        self.classes_, index = np.unique(y, return_inverse=True)
        spikes, time, samples = self._class_sums(X, index, _exposure(exposure, len(X)))
        self.rates_ = self._rates(spikes, time)
        self.log_prior_ = np.log(samples / samples.sum())
        return self

    def predict_joint_log_proba(self, X, exposure=None) -> np.ndarray:
        """Joint log-probability of sample and class, float64 (n, n_classes), without terms that all classes share."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return (
            X @ np.log(self.rates_).T - np.outer(_exposure(exposure, len(X)), self.rates_.sum(axis=1)) + self.log_prior_
        )

    def predict_proba(self, X, exposure=None) -> np.ndarray:
        """Probability of each class, float64 (n, n_classes)."""
        return softmax(self.predict_joint_log_proba(X, exposure), axis=1)

    def predict(self, X, exposure=None) -> np.ndarray:
        """Most probable class of each sample (n,)."""
        joint = self.predict_joint_log_proba(X, exposure)
        return self.classes_[joint.argmax(axis=1)]

    def leave_one_out(self, X, y, exposure=None) -> np.ndarray:
        """The class predicted for each sample by a classifier fitted on all others, (n,).

        Rates are sums, so leaving a sample out only takes it from the sums of its own class: no refitting.
        """
        X, y = np.asarray(X, np.float64), np.asarray(y)
        exposure = _exposure(exposure, len(X))
        self.fit(X, y, exposure)
        index = np.searchsorted(self.classes_, y)
        spikes, time, samples = self._class_sums(X, index, exposure)
        joint = self.predict_joint_log_proba(X, exposure)
        own_rates = self._rates(spikes[index] - X, time[index] - exposure)
        with np.errstate(divide='ignore'):  # a class that only this sample has is never predicted
            own_prior = np.log((samples[index] - 1) / len(X))
        joint[np.arange(len(X)), index] = (
            (X * np.log(own_rates)).sum(axis=1) - exposure * own_rates.sum(axis=1) + own_prior
        )
        return self.classes_[joint.argmax(axis=1)]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        return tags

    def _class_sums(self, X, index, exposure):
        one_hot = np.eye(len(self.classes_))[index]
        return one_hot.T @ X, one_hot.T @ exposure, one_hot.sum(axis=0)

    def _rates(self, spikes, time):
        return (spikes + self.pseudo_count) / (time + self.pseudo_count)[:, np.newaxis]


def shrinkage_lda() -> Pipeline:
    """Linear discriminant analysis of square-root counts, its covariance shrunk as by Ledoit and Wolf (2004)."""
    return make_pipeline(FunctionTransformer(np.sqrt), LinearDiscriminantAnalysis(solver='lsqr', shrinkage='auto'))


def window_counts(trials: Sequence[TrialBins], windows: Windows, look_back: int) -> np.ndarray:
    """Spikes per unit in each window, float32 (n, units): running sums, so overlapping windows cost nothing more."""
    counts = np.empty((len(windows), trials[0].counts.shape[1]), np.float32)
    for index, trial in enumerate(trials):
        own = windows.trial == index
        totals = np.vstack([np.zeros_like(trial.counts[:1]), np.cumsum(trial.counts, axis=0, dtype=np.uint32)])
        stop = windows.last_bin[own] + 1
        counts[own] = totals[stop] - totals[stop - look_back]
    return counts


def hold_counts(trials: Sequence[TrialBins]) -> tuple[np.ndarray, np.ndarray]:
    """Spikes per unit in each trial's whole hold phase, float32 (n, units), and its bins, int64 (n,)."""
    return (
        np.array([trial.counts[trial.phase == 1].sum(axis=0) for trial in trials], np.float32),
        np.array([np.count_nonzero(trial.phase) for trial in trials]),
    )


def fixed_window_counts(trials: Sequence[TrialBins], look_back: int) -> np.ndarray:
    """Spikes per unit in a fixed window of each trial, ``look_back`` bins before and after Hold (Fabiani 2021)."""
    return np.array(
        [
            trial.counts[max(0, trial.event_bins['Hold'] - look_back) : trial.event_bins['Hold'] + look_back].sum(
                axis=0
            )
            for trial in trials
        ],
        np.float32,
    )


def _exposure(exposure, n: int) -> np.ndarray:
    return np.ones(n) if exposure is None else np.asarray(exposure, np.float64)
