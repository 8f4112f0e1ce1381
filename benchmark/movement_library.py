# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Movement of another day from the movements of an earlier one, whatever units there are today.

Units change from day to day; how an arm moves does not. The movements of an earlier day are the states of a hidden
Markov model: in every bin the arm is at some bin of one of them, and in the next bin a bin further. How today's units
fire at a state is a regression on its velocities. Without any label, the regression and the states are found together
by expectation maximisation (Dempster et al. 1977), from vague to sure, as Dyer et al. (2017) match the distributions of
activity and movement. It begins from several guesses: each gives the targets of the earlier day to today's clusters of
trials in another order.

Where targets lie around the centre, the movements fit as well when they are turned, so how likely a guess makes today's
activity says little. What tells is the geometry: how alike the activity is at any two states, whatever units there are
(Kriegeskorte et al. 2008), is much the same on every day (Gallego et al. 2020). Guesses count by how close they come to
it, and the decoder answers with their mean: close to no movement where nothing is sure.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import softmax
from sklearn.cluster import KMeans

LAGS = (-2, -1, 0, 1, 2)
"""Bins around the current one whose velocity and speed units may follow."""

GO_ON, SKIP, STAY = 0.8, 0.1, 0.1
JUMP = 0.02
"""Probability of any other state of any movement."""

SECOND_BIN = 0.3
"""How probable it is, relative to its first bin, that a movement begins with its second one."""

RIDGE = 100.0
SHARED_NOISE = 0.5
"""Share of the noise that units have in common which is believed. None of it is without labels."""

LEAST_VARIANCE = 1e-2
TEMPERATURE = 4.0
"""Evidence is divided by it: neighbouring bins are not independent."""

FROM_NOTHING = (64.0, 32.0, 16.0, 8.0, 4.0, 4.0)
OTHER_TARGET = 0.1
"""How probable a guess makes a movement to another target, relative to one to the guessed target."""

GEOMETRY_SPREAD = 0.05
"""A guess whose geometry is less similar to that of the earlier day by so much counts less by a factor of e."""

PIECES = (slice(0, 3), slice(3, 7))
"""Bins of a trial whose mean activity is clustered."""


@dataclass(frozen=True)
class Reach:
    """One trial.

    Attributes:
        velocity: (n_bins, 2).
        roots: (n_bins, units), square roots of the counts.
        target: number of its target.
    """

    velocity: NDArray[np.float64]
    roots: NDArray[np.float64]
    target: int


@dataclass(frozen=True)
class Encoding:
    """How units fire at each state.

    Attributes:
        loading: (features, units).
        offset: (units,).
        noise: (units, units), covariance.
    """

    loading: NDArray[np.float64]
    offset: NDArray[np.float64]
    noise: NDArray[np.float64]


@dataclass(frozen=True)
class Guess:
    """An encoding that was found without labels.

    Attributes:
        weight: of its decodes; those of all guesses sum to 1.
        encoding: of today's units.
    """

    weight: float
    encoding: Encoding


class MovementLibrary:
    """States and their order; everything about it is known from an earlier day."""

    def __init__(self, reaches: Sequence[Reach]):
        lengths = np.array([len(each.velocity) for each in reaches])
        begin = np.cumsum(lengths) - lengths
        last = np.repeat(begin + lengths - 1, lengths)
        self.velocity = np.concatenate([each.velocity for each in reaches])
        self.target = np.repeat([each.target for each in reaches], lengths)
        self._size = len(self.velocity)
        features = np.concatenate([_features(each.velocity) for each in reaches])
        self._mean, self._spread = features.mean(axis=0), features.std(axis=0)
        self._features = self.features(features)
        here = np.arange(self._size)
        steps = ((GO_ON, np.minimum(here + 1, last)), (SKIP, np.minimum(here + 2, last)), (STAY, here))
        share = np.repeat([each for each, _ in steps], self._size)
        places = np.tile(here, len(steps)), np.concatenate([to for _, to in steps])
        self._transition = csr_array((share, places), shape=(self._size, self._size))
        self._first = np.zeros(self._size)
        self._first[np.minimum(begin + 1, last[begin])] = SECOND_BIN
        self._first[begin] = 1
        self._first /= self._first.sum()

    def features(self, features: NDArray) -> NDArray:
        """Scaled as those of the library."""
        return (features - self._mean) / self._spread

    def encode(self, reaches: Sequence[Reach]) -> Encoding:
        """How units fire, from trials whose movement is known."""
        features = np.concatenate([self.features(_features(each.velocity)) for each in reaches])
        return _encoding(
            features, np.eye(len(features)), np.concatenate([each.roots for each in reaches]), SHARED_NOISE
        )

    def align(self, trials: Sequence[NDArray], earlier: Encoding) -> list[Guess]:
        """How units fire, from the roots (n_bins, units) of trials alone; the same for the same trials.

        Args:
            earlier: how the units of the earlier day fired.
        """
        targets, rows = np.unique(self.target), np.concatenate(trials)
        parts = np.array([np.concatenate([each[part].mean(axis=0) for part in PIECES]) for each in trials])
        cluster = KMeans(len(targets), n_init=10, random_state=0).fit_predict(parts)
        nothing = Encoding(np.zeros((self._features.shape[1], rows.shape[1])), rows.mean(axis=0), np.eye(rows.shape[1]))
        usual = self._shares(nothing, trials, 1.0)
        then, found, alike = self._geometry(earlier), [], []
        for order in itertools.permutations(targets):
            guess = [
                np.where(self.target == order[each], 1, OTHER_TARGET) * share for each, share in zip(cluster, usual)
            ]
            shares = np.concatenate(guess)
            encoding = _encoding(self._features, shares / shares.sum(axis=1, keepdims=True), rows, 0.0)
            for temperature in FROM_NOTHING:
                shares = self._shares(encoding, trials, temperature)
                encoding = _encoding(self._features, np.concatenate(shares), rows, 0.0)
            found.append(encoding)
            alike.append(np.vdot(self._geometry(encoding), then))
        weights = softmax(np.array(alike) / GEOMETRY_SPREAD)
        return [Guess(float(weight), encoding) for weight, encoding in zip(weights, found)]

    def _geometry(self, encoding: Encoding) -> NDArray[np.float64]:
        """How alike the activity is at any two states, (states, states) of norm 1; it does not depend on the units."""
        activity = self._features @ encoding.loading / np.sqrt(np.diag(encoding.noise))
        products = activity @ activity.T
        return np.asarray(products / np.linalg.norm(products))

    def decode(self, encoding: Encoding, roots: NDArray) -> NDArray[np.float64]:
        """Velocity (n_bins, 2) of one trial, causally: the mean of the states, given all bins until then."""
        forward = self._forward(_likelihood(self._evidence(encoding, [roots]), TEMPERATURE))
        return forward[:, :, 0] @ self.velocity

    def decode_guesses(self, guesses: Sequence[Guess], roots: NDArray) -> NDArray[np.float64]:
        """The same with what was found without labels: the mean of what all guesses say."""
        return np.sum([each.weight * self.decode(each.encoding, roots) for each in guesses], axis=0)

    def _evidence(self, encoding: Encoding, trials: Sequence[NDArray]) -> list[NDArray]:
        """Log-likelihood of every bin at every state, (n_bins, states), but for what all bins have in common."""
        expected = self._features @ encoding.loading
        weighted = np.linalg.solve(encoding.noise, expected.T)
        own = np.einsum('su,us->s', expected, weighted) / 2
        return [(roots - encoding.offset) @ weighted - own for roots in trials]

    def _forward(self, likelihood: NDArray) -> NDArray[np.float64]:
        """Probability of every state given all bins until then, (n_bins, states, trials)."""
        probability, found = self._first[:, np.newaxis], []
        for each in likelihood:
            if found:
                probability = (1 - JUMP) * (self._transition.T @ probability) + JUMP / self._size
            probability = probability * each
            probability = probability / probability.sum(axis=0)
            found.append(probability)
        return np.array(found)

    def _shares(self, encoding: Encoding, trials: Sequence[NDArray], temperature: float) -> list[NDArray]:
        """Probability of every state in every bin of each trial, given all of it."""
        likelihood = _likelihood(self._evidence(encoding, trials), temperature)
        forward = self._forward(likelihood)
        backward, shares = np.ones_like(forward[0]), [forward[-1]]
        for seen, later in zip(forward[-2::-1], likelihood[:0:-1]):
            after = backward * later
            backward = (1 - JUMP) * (self._transition @ after) + JUMP * after.mean(axis=0)
            backward /= backward.mean(axis=0)
            share = seen * backward
            shares.append(share / share.sum(axis=0))
        found = np.array(shares[::-1])
        return [found[: len(roots), :, index] for index, roots in enumerate(trials)]


def _likelihood(evidence: Sequence[NDArray], temperature: float) -> NDArray[np.float64]:
    """Likelihood of the bins of trials relative to the best state, (n_bins, states, trials).

    Bins after the end of a trial say nothing.
    """
    longest = max(map(len, evidence))
    found = np.ones((longest, evidence[0].shape[1], len(evidence)))
    for index, each in enumerate(evidence):
        found[: len(each), :, index] = np.exp((each - each.max(axis=1, keepdims=True)) / temperature)
    return found


def _features(velocity: NDArray) -> NDArray:
    """Velocity and speed at each of `LAGS`, (n_bins, 3 * lags); 0 outside of the trial."""
    both = np.column_stack([velocity, np.linalg.norm(velocity, axis=1)])
    width = max(LAGS)
    padded = np.pad(both, ((width, width), (0, 0)))
    return np.concatenate([padded[width + lag : width + lag + len(both)] for lag in LAGS], axis=1)


def _encoding(features: NDArray, shares: NDArray, rows: NDArray, shared_noise: float) -> Encoding:
    """The most likely encoding when bin n has the features of state s with probability ``shares[n, s]``."""
    weight, mean = shares.sum(axis=0), rows.mean(axis=0)
    expected = shares @ features
    centre = expected.mean(axis=0)
    products = (features * weight[:, np.newaxis]).T @ features - len(rows) * np.outer(centre, centre)
    with_rows = expected.T @ rows - len(rows) * np.outer(centre, mean)
    loading = np.linalg.solve(products + RIDGE * np.eye(len(products)), with_rows)
    spread = rows - mean
    noise = spread.T @ spread - loading.T @ with_rows - with_rows.T @ loading + loading.T @ products @ loading
    noise /= len(rows)
    own = np.diag(np.diag(noise))
    noise = shared_noise * noise + (1 - shared_noise) * own + LEAST_VARIANCE * np.eye(len(noise))
    return Encoding(loading, mean - centre @ loading, noise)
