"""Fitting a `NoveltyModel`: where the objects of training lie, and how far from them a new object is assumed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression

from grasp_decoder.features.count_features import SQUARE_ROOT_LUT, count_features
from grasp_decoder.features.novelty import LatentAverages, NoveltyModel, distances
from grasp_decoder.features.read_in import ReadIn
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.learning.models.fisher_read_in import whitening

CLOSING_BINS = (1, 3, 5, 7, 9)
"""Bins after Hold at which hands close, or at the last bin of a shorter hold."""

SHRINKAGE = 0.1
"""Noise of the mean variance that is added to all averages."""

MOST_DIRECTIONS = 6

FALSE_ALARMS = 0.01
"""Share of the training trials that lie beyond the limit, as far as the read-in knows them."""

FEWEST_OBJECTS, FEWEST_FREEDOM, FEWEST_VALIDATION = 3, 20, 10
"""Objects, trials beyond one for each object, and validation trials that it takes: two objects differ along one line
only, and a third one may lie anywhere on it."""


def fit_novelty_model(
    read_in: ReadIn, train: Sequence[TrialBins], validation: Sequence[TrialBins]
) -> NoveltyModel | None:
    """Fit the model; None where trials or objects are too few, or a trial lacks Hold or Rew.

    Directions are those of linear discriminant analysis. The read-in knows the training trials, so they lie closer to
    their objects than new trials do. The limit is therefore the quantile of their distances at the level of the
    validation trials. To a validation trial whose own object is left out, that object is new: how much farther the
    nearest of the others is gives the slope.

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
    closing = np.array([_when_closing(read_in, trial) for trial in train])
    means = np.array([closing[label == index].mean(axis=(0, 1)) for index in range(len(objects))])
    noise = (closing - means[label][:, np.newaxis]).reshape(-1, closing.shape[2])
    covariance = noise.T @ noise / (freedom * len(CLOSING_BINS))
    shrunk = SHRINKAGE * np.trace(covariance) / len(covariance) + 1e-9
    white = whitening(covariance + shrunk * np.eye(len(covariance)))
    _, _, differing = np.linalg.svd((means - means.mean(axis=0)) @ white, full_matrices=False)
    directions = white @ differing[: min(MOST_DIRECTIONS, len(objects) - 1)].T
    centres = means @ directions

    middle = CLOSING_BINS.index(3)
    known = np.log(distances(closing[:, middle] @ directions, centres).min(axis=1))
    held_out = np.array([_when_closing(read_in, trial)[middle] for trial in validation])
    distance = np.log(distances(held_out @ directions, centres))
    own = objects == np.array([trial.object_id for trial in validation])[:, np.newaxis]
    nearest, nearest_other = distance.min(axis=1), np.where(own, np.inf, distance).min(axis=1)
    limit = nearest.mean() + np.quantile(known, 1 - FALSE_ALARMS) - known.mean()
    return NoveltyModel(
        directions.astype(np.float32), centres.astype(np.float32), float(limit), _slope(nearest, nearest_other)
    )


def _when_closing(read_in: ReadIn, trial: TrialBins) -> np.ndarray:
    """Averages of a trial at each of `CLOSING_BINS`, (bins, averages)."""
    hold, last = trial.event_bins['Hold'], min(trial.event_bins['Rew'], trial.n_bins) - 1
    latents = count_features(trial.counts[: max(last, hold) + 1], SQUARE_ROOT_LUT) @ read_in.kernel + read_in.bias
    averages = LatentAverages(read_in.width)
    heard = np.array([averages.step(each) for each in latents])
    return heard[[min(hold + bins, last) for bins in CLOSING_BINS]]


def _slope(known: np.ndarray, new: np.ndarray) -> float:
    """How fast the log-odds of being new grow, by logistic regression on logarithms of distances."""
    distance = np.concatenate([known, new])[:, np.newaxis]
    fitted = LogisticRegression(class_weight='balanced').fit(distance, np.repeat([0, 1], [len(known), len(new)]))
    return max(0.1, float(fitted.coef_[0, 0]))
