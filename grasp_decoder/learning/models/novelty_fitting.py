# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Fitting a `NoveltyModel`: where the objects of training lie, and how far from them a new object is assumed."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from grasp_decoder.decoding.input_monitor import gain_in_steps
from grasp_decoder.features.count_features import SQUARE_ROOT_LUT, count_features
from grasp_decoder.features.novelty import LatentAverages, NoveltyModel, distances
from grasp_decoder.features.read_in import ReadIn
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.features.unit_model_fitting import fit_unit_model
from grasp_decoder.features.unit_repair import gain_correction
from grasp_decoder.learning.models.fisher_read_in import whitening

CLOSING_BINS = (1, 3, 5, 7, 9)
"""Bins after Hold at which hands close, or at the last bin of a shorter hold."""

SHRINKAGE = 0.1
"""Noise of the mean variance that is added to all averages."""

MOST_DIRECTIONS = 6

FALSE_ALARMS = 0.01
"""Share of the training trials that lie beyond the limit, as far as the read-in knows them."""

WAYS = 2
"""Other ways in which each training trial is heard."""

MOST_MISSING, FEWER, MORE = 0.5, (0.5, 0.8), (1.25, 1.8)
"""Share of the units that are missing at most, and the ranges of the activity relative to training."""

FEWEST_OBJECTS, FEWEST_FREEDOM, FEWEST_VALIDATION = 3, 20, 10
"""Objects, trials beyond one for each object, and validation trials that it takes: two objects differ along one line
only, and a third one may lie anywhere on it."""

CENTRE_PRIOR, LIMIT_PRIOR = 3, 100
"""On another day, the mean of an object and the limit count as much as so many trials of that day."""


def fit_novelty_model(
    read_in: ReadIn, train: Sequence[TrialBins], validation: Sequence[TrialBins]
) -> NoveltyModel | None:
    """Fit the model; None where trials or objects are too few, or a trial lacks Hold or Rew.

    Directions are those of linear discriminant analysis, of the trials as recorded and as they are heard when units are
    missing or fire less or more, or the decoder starts late: what that changes tells no objects apart.

    The read-in knows the training trials, so they lie closer to their objects than new trials do. The limit is
    therefore the quantile of their distances at the level of the validation trials. To a validation trial whose own
    object is left out, that object is new: how much farther the nearest of the others is gives the slope.

    Args:
        read_in: of the network for the object; it takes square roots of counts.
        train, validation: trials.
    """
    objects, label = np.unique([trial.object_id for trial in train], return_inverse=True)
    validation = [trial for trial in validation if trial.object_id in objects]
    freedom = len(train) - len(objects)
    if not all({'Hold', 'Rew'} <= trial.event_bins.keys() for trial in (*train, *validation)):
        return None
    if len(objects) < FEWEST_OBJECTS or freedom < FEWEST_FREEDOM or len(validation) < FEWEST_VALIDATION:
        return None
    ears = _Ears(read_in, train)
    recorded = np.array([ears.hear(trial) for trial in train])
    closing = np.concatenate([recorded, *(ears.hear_changed(trial) for trial in train)])
    labels = np.concatenate([label, np.repeat(label, WAYS)])
    means = np.array([closing[labels == index].mean(axis=(0, 1)) for index in range(len(objects))])
    noise = (closing - means[labels][:, np.newaxis]).reshape(-1, closing.shape[2])
    covariance = noise.T @ noise / len(noise) * (len(train) / freedom)
    shrunk = SHRINKAGE * np.trace(covariance) / len(covariance) + 1e-9
    white = whitening(covariance + shrunk * np.eye(len(covariance)))
    _, _, differing = np.linalg.svd((means - means.mean(axis=0)) @ white, full_matrices=False)
    directions = white @ differing[: min(MOST_DIRECTIONS, len(objects) - 1)].T
    centres = means @ directions

    middle = CLOSING_BINS.index(3)
    known = np.log(distances(recorded[:, middle] @ directions, centres).min(axis=1))
    held_out = np.array([ears.hear(trial)[middle] for trial in validation])
    distance = np.log(distances(held_out @ directions, centres))
    own = objects == np.array([trial.object_id for trial in validation])[:, np.newaxis]
    nearest, nearest_other = distance.min(axis=1), np.where(own, np.inf, distance).min(axis=1)
    limit = nearest.mean() + np.quantile(known, 1 - FALSE_ALARMS) - known.mean()
    return NoveltyModel(
        directions.astype(np.float32), centres.astype(np.float32), float(limit), _slope(nearest, nearest_other)
    )


def adapt_novelty_model(novelty: NoveltyModel, places: NDArray[np.floating], label: NDArray[np.int_]) -> NoveltyModel:
    """The model on another day, whose latents are noisier, and whose objects lie somewhat elsewhere.

    Means and limit are those of the earlier day and those of today, weighted by trials. No trial counts for the mean
    from which its distance is taken.

    Args:
        places: (n, r), where trials of known objects lie when the hand closes; one at least.
        label: (n,), index of the object of each; -1 where it is not known.
    """
    told = np.flatnonzero(label >= 0)
    own, at = label[told], places[told].astype(np.float64)
    sums = CENTRE_PRIOR * novelty.centres.astype(np.float64)
    np.add.at(sums, own, at)
    counts = CENTRE_PRIOR + np.bincount(own, minlength=len(sums))[:, np.newaxis]
    centres = sums / counts
    apart = distances(places, centres)
    apart[told, own] = np.linalg.norm(at - (sums[own] - at) / (counts[own] - 1), axis=1)
    today = np.quantile(np.log(apart.min(axis=1)), 1 - FALSE_ALARMS)
    limit = (len(places) * today + LIMIT_PRIOR * novelty.limit) / (len(places) + LIMIT_PRIOR)
    return replace(novelty, centres=centres.astype(np.float32), limit=float(limit))


class _Ears:
    """Hears a trial as it was recorded, and in the ways in which a decoder may come to hear it."""

    def __init__(self, read_in: ReadIn, train: Sequence[TrialBins]):
        self._read_in = read_in
        self._units = fit_unit_model(train)
        self._rate = np.mean([trial.counts.mean(axis=0) for trial in train], axis=0)
        self._rng = np.random.default_rng(0)
        self._ways = itertools.cycle([(self._missing, self._more), (self._late, self._fewer)])

    def hear(self, trial: TrialBins) -> NDArray[np.float32]:
        """Averages at each of `CLOSING_BINS` as recorded, (bins, averages)."""
        return _averages(trial, self._read_in.of_bins(_roots(trial)))

    def hear_changed(self, trial: TrialBins) -> NDArray[np.float32]:
        """The same in `WAYS` other ways, (ways, bins, averages); in two more for the next trial."""
        return np.array([_averages(trial, way(trial)) for way in next(self._ways)])

    def _late(self, trial: TrialBins) -> NDArray[np.float32]:
        """From some bin before Go on."""
        hold = trial.event_bins['Hold']
        start = int(self._rng.integers(max(1, min(trial.event_bins.get('Go', hold), hold))))
        return self._read_in.of_bins(_roots(trial)[start:])

    def _missing(self, trial: TrialBins) -> NDArray[np.float32]:
        """With units missing, for which the others stand in."""
        read_in = self._read_in
        living = self._rng.random(read_in.unit_count) >= self._rng.uniform(0, MOST_MISSING)
        return ReadIn(*self._units.stand_in(read_in.kernel, read_in.bias, living)).of_bins(_roots(trial))

    def _fewer(self, trial: TrialBins) -> NDArray[np.float32]:
        activity = self._rng.uniform(*FEWER)
        return self._taken_back(self._rng.binomial(_until_closed(trial), activity), activity)

    def _more(self, trial: TrialBins) -> NDArray[np.float32]:
        activity, counts = self._rng.uniform(*MORE), _until_closed(trial)
        return self._taken_back(counts + self._rng.binomial(counts, activity - 1), activity)

    def _taken_back(self, counts: np.ndarray, activity: float) -> NDArray[np.float32]:
        """Latents of counts whose activity is taken back in steps, as a decoder does it, with all units trusted."""
        roots = count_features(counts, SQUARE_ROOT_LUT) * gain_correction(self._rate, gain_in_steps(activity))
        return self._read_in.of_bins(roots)


def _closing(trial: TrialBins) -> NDArray[np.intp]:
    """The bins of a trial that are `CLOSING_BINS` after Hold."""
    hold, last = trial.event_bins['Hold'], min(trial.event_bins['Rew'], trial.n_bins) - 1
    return np.minimum(np.add(hold, CLOSING_BINS), max(last, hold))


def _until_closed(trial: TrialBins) -> NDArray[np.uint16]:
    return trial.counts[: _closing(trial)[-1] + 1]


def _roots(trial: TrialBins) -> NDArray[np.float32]:
    return count_features(_until_closed(trial), SQUARE_ROOT_LUT)


def _averages(trial: TrialBins, latents: NDArray[np.float32]) -> NDArray[np.float32]:
    """What `LatentAverages` says at each of `CLOSING_BINS` of latents that end with the last of them."""
    averages, closing = LatentAverages(latents.shape[1]), _closing(trial)
    heard = np.array([averages.step(each) for each in latents])
    return heard[closing - closing[-1] - 1]


def _slope(known: np.ndarray, new: np.ndarray) -> float:
    """How fast the log-odds of being new grow, by logistic regression on logarithms of distances."""
    distance = np.concatenate([known, new])[:, np.newaxis]
    fitted = LogisticRegression(class_weight='balanced').fit(distance, np.repeat([0, 1], [len(known), len(new)]))
    return max(0.1, float(fitted.coef_[0, 0]))
