# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Read-ins for another day: today's units, in other numbers and order, made to speak the language of that day.

Spike sorting gives every day other units, but the *latents* (what the read-in gives) follow the same course on every
day, for each object (Gallego et al. 2020). A bundle keeps this course. Here units are described by how they follow the
latents, which is a regression for each of them::

    square roots of a unit's counts = offset + loading @ latents + noise that units share

Its inverse is the read-in: the latents that are the most likely ones, given all units (generalised least squares).
What helps to find the loadings, one after the other or together:

- *labelled trials*: the course of the latents is known in each of them;
- *electrodes*: a unit that fires as one did on the same electrode has its loading, until its own trials say otherwise
  (the prior of the regression);
- *trials of which only the events are known*: their objects are found along with the loadings, by expectation
  maximisation (Dempster et al. 1977), from vague to sure (deterministic annealing, Ueda and Nakano 1998). It makes the
  distribution of the latents that of the earlier day, as in Degenhart et al. (2020) and Dyer et al. (2017).

Missing, new and dead units need no care: a unit without a match has the prior 0, and one that says nothing the loading
0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.read_in import ReadIn
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.learning.models.course import moments
from grasp_decoder.learning.models.fisher_read_in import common_events, correlation_shrinkage
from grasp_decoder.recording.session import Unit

Start = Mapping[str, NDArray]

PRIOR = 100.0
"""The prior of a loading counts as much as so many moments of trials, in which every latent has unit variance."""

LEAST_VARIANCE = 1e-3
"""Of a unit's noise: silent units have none of their own."""

MOST_DIFFERENT = 0.6
"""A unit on the same electrode is another one if its course differs by more than this, relative to its spread."""

FROM_NOTHING = np.geomspace(2000, 60, 30)
REFINING = (60.0, 30.0, 20.0, 20.0, 20.0)
"""Temperatures of the annealing: evidence is divided by them. Neighbouring moments do not count as independent."""

FOLDS = 4
"""Parts of the trials that are left out in turn to say how well the rest adapts."""

SHARED_NOISE_ROUNDS = 2
"""In so many last rounds the noise that units share is taken out, which a bad start would take for signal."""


@dataclass(frozen=True)
class Encoding:
    """How units follow the latents.

    Attributes:
        loading: (k, units).
        offset: (units,).
        noise: (units, units), covariance of the noise.
    """

    loading: NDArray[np.float64]
    offset: NDArray[np.float64]
    noise: NDArray[np.float64]

    def weighted(self) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Loading divided by the noise (units, k), and its product with the loading (k, k): Fisher information."""
        weighted: NDArray[np.floating] = np.linalg.solve(self.noise, self.loading.T)
        return weighted, np.asarray(self.loading @ weighted)

    def read_in(self) -> ReadIn:
        """The most likely latents, which are taken to have unit variance."""
        weighted, information = self.weighted()
        kernel = np.linalg.solve(information + np.eye(len(information)), weighted.T).T
        return ReadIn(kernel.astype(np.float32), (-self.offset @ kernel).astype(np.float32))


@dataclass(frozen=True)
class Alignment:
    """A read-in for another day.

    Attributes:
        read_in: for today's units.
        loading: (k, units), how they follow the latents.
        course, spread: (moments, units) and (units,), mean square roots of their counts in a trial, and how they vary.
        match: (units,), for each unit the one of the earlier day that it was taken for; -1 for none.
    """

    read_in: ReadIn
    loading: NDArray[np.float32]
    course: NDArray[np.float32]
    spread: NDArray[np.float32]
    match: NDArray[np.int_]


def course_of(trials: Sequence[TrialBins], read_in: ReadIn) -> dict[str, NDArray]:
    """What other days are aligned to: the course of the latents, and how the units of these trials follow them.

    Its keys are ``objects`` (n,) and how many ``trials`` (n,) there are of each, ``events``, ``latents``
    (n, moments, k) of each object; and of each unit ``loading`` (k, units), ``course`` (moments, units) and ``spread``.
    """
    events = common_events(trials)
    rows = moments(trials, events)
    latents = read_in.of_bins(rows)
    objects, of_trial, count = np.unique([trial.object_id for trial in trials], return_inverse=True, return_counts=True)
    course = np.array([latents[of_trial == each].mean(axis=0) for each in range(len(objects))], np.float32)
    expected = course[of_trial]
    loading, _ = _loading(rows, expected.astype(np.float64), expected, np.ones(len(rows)), 0.0)
    return {
        'objects': objects,
        'trials': count,
        'events': np.array(events, 'U16'),
        'latents': course,
        'loading': loading.astype(np.float32),
        'course': rows.mean(axis=0),
        'spread': rows.std(axis=(0, 1)),
    }


def align(
    start: Start,
    labelled: Sequence[TrialBins],
    unlabelled: Sequence[TrialBins] = (),
    *,
    units: Sequence[Unit] = (),
    earlier_units: Sequence[Unit] = (),
) -> Alignment:
    """The read-in that makes the network of an earlier day understand today's units.

    Args:
        start: what the earlier day's bundle keeps (`Bundle.start`).
        labelled: trials of today; those of objects that the earlier day did not have are left out.
        unlabelled: further ones, of which only the events are used.
        units, earlier_units: units of today and of that day. Those with electrodes are matched.

    Raises:
        GraspDecoderError: there are no trials, or they lack an event or the objects of that day.
    """
    events = start['events'].tolist()
    objects = start['objects'].tolist()
    labelled = [trial for trial in labelled if trial.object_id in objects]
    trials = [*labelled, *unlabelled]
    if not trials:
        raise GraspDecoderError('no trial is of an object that the bundle of the earlier day knows')
    if missing := set(events) - set(common_events(trials)):
        raise GraspDecoderError(
            f'the bundle of the earlier day knows trials with the event {sorted(missing)[0]}, which this session '
            'lacks; train this session on its own'
        )
    rows = moments(trials, events)
    match = match_units(rows, start, units, earlier_units)
    prior = np.where(match >= 0, start['loading'][:, np.maximum(match, 0)], 0)
    certain = np.eye(len(objects))[[objects.index(trial.object_id) for trial in labelled]]
    encoding = _fit(rows, certain, start, prior)
    loading = encoding.loading.astype(np.float32)
    return Alignment(encoding.read_in(), loading, rows.mean(axis=0), rows.std(axis=(0, 1)), match)


def recognised(start: Start, trials: Sequence[TrialBins]) -> float:
    """Share of trials whose objects the latents of that day tell, each by loadings that were fitted to other trials.

    Args:
        start: as of `align`.
        trials: of objects and with the events that it has.
    """
    rows, objects = moments(trials, start['events'].tolist()), start['objects'].tolist()
    latents, frequency = start['latents'].astype(np.float64), start['trials'] / start['trials'].sum()
    label = np.array([objects.index(trial.object_id) for trial in trials])
    order, found = np.random.default_rng(0).permutation(len(trials)), np.empty_like(label)
    for part in np.array_split(order, min(FOLDS, len(order))):
        rest = np.setdiff1d(order, part)
        encoding = _encoding(rows[rest], np.eye(len(objects))[label[rest]], latents, 0.0)
        found[part] = _shares(rows[part], encoding, latents, frequency, 1.0).argmax(axis=1)
    return float((found == label).mean())


def match_units(rows: NDArray, start: Start, units: Sequence[Unit], earlier_units: Sequence[Unit]) -> NDArray[np.int_]:
    """For each of today's units the one of that day, on the same electrode, which fired most alike; -1 for none.

    On each electrode the pairs are those whose mean courses in a trial differ least altogether.

    Args:
        rows: (n, moments, units), today's.
    """
    match = np.full(rows.shape[-1], -1)
    course, spread = rows.mean(axis=0), rows.std(axis=(0, 1))
    then, spread_then = start['course'], start['spread']
    for electrode in {unit.electrode for unit in units} - {None}:
        now, before = (
            np.flatnonzero([unit.electrode == electrode for unit in each]) for each in (units, earlier_units)
        )
        apart = np.sqrt(np.square(course[:, now, None] - then[:, None, before]).mean(axis=0))
        apart /= np.sqrt((np.square(spread[now])[:, None] + np.square(spread_then[before])) / 2 + LEAST_VARIANCE)
        for row, column in zip(*linear_sum_assignment(apart)):
            if apart[row, column] < MOST_DIFFERENT:
                match[now[row]] = before[column]
    return match


def _fit(rows: NDArray, certain: NDArray, start: Start, prior: NDArray) -> Encoding:
    """The encoding, found together with the objects of all trials but the first, of which they are certain."""
    latents, frequency = start['latents'].astype(np.float64), start['trials'] / start['trials'].sum()
    known, others = rows[: len(certain)], rows[len(certain) :]
    if len(certain):
        encoding = _encoding(known, certain, latents, prior)
    if not len(others):
        return encoding
    temperatures = list(REFINING)
    if len(certain):
        shares = _shares(others, encoding, latents, frequency, temperatures.pop(0))
    elif prior.any():
        offset = rows.mean(axis=(0, 1)) - np.einsum('o,omk->k', frequency, latents) / latents.shape[1] @ prior
        encoding = Encoding(prior, offset, np.diag(rows.var(axis=(0, 1)) + LEAST_VARIANCE))
        shares = _shares(others, encoding, latents, frequency, temperatures.pop(0))
    else:
        temperatures = [*FROM_NOTHING, *REFINING]
        shares = np.random.default_rng(0).dirichlet(20 * frequency, len(others))
    for left, temperature in zip(reversed(range(len(temperatures))), temperatures):
        encoding = _encoding(rows, np.concatenate([certain, shares]), latents, prior, left < SHARED_NOISE_ROUNDS)
        shares = _shares(others, encoding, latents, frequency, temperature)
    return _encoding(rows, np.concatenate([certain, shares]), latents, prior)


def _shares(
    rows: NDArray, encoding: Encoding, latents: NDArray, frequency: NDArray, temperature: float
) -> NDArray[np.float64]:
    """Probability of every object in every trial, (n, objects)."""
    weighted, information = encoding.weighted()
    seen = (rows - encoding.offset) @ weighted
    evidence = np.einsum('nmk,omk->no', seen, latents, optimize=True)
    evidence -= np.einsum('omk,kl,oml->o', latents, information, latents, optimize=True) / 2
    evidence = evidence / temperature + np.log(frequency)
    shares = np.exp(evidence - evidence.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def _encoding(
    rows: NDArray, shares: NDArray, latents: NDArray, prior: NDArray | float, shared_noise: bool = True
) -> Encoding:
    """The most likely loadings when trial n is of object o with probability ``shares[n, o]``, and their noise."""
    expected = np.einsum('no,omk->nmk', shares, latents, optimize=True)
    loading, offset = _loading(rows, expected, latents, shares.sum(axis=0), prior)
    flat, z = rows.reshape(-1, rows.shape[-1]), expected.reshape(-1, expected.shape[-1])
    return Encoding(loading, offset, _noise(flat - z @ loading - offset, shared_noise))


def _loading(
    rows: NDArray, expected: NDArray, latents: NDArray, trials: NDArray, prior: NDArray | float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The most likely loadings (k, units) and offset (units,).

    Args:
        rows: (n, moments, units).
        expected: (n, moments, k), the latents expected in each trial.
        latents: (objects, moments, k).
        trials: (objects,), how many trials each object has.
        prior: what the loadings are taken to be without data.
    """
    flat, z = rows.reshape(-1, rows.shape[-1]), expected.reshape(-1, expected.shape[-1])
    mean, centre = flat.mean(axis=0), z.mean(axis=0)
    products = np.einsum('o,omk,oml->kl', trials, latents, latents, optimize=True)
    products += PRIOR * np.eye(len(products)) - len(z) * np.outer(centre, centre)
    loading = np.linalg.solve(products, (z - centre).T @ (flat - mean) + PRIOR * prior)
    return loading, mean - centre @ loading


def _noise(residuals: NDArray, shared: bool) -> NDArray[np.float64]:
    """Covariance of the rows (n, units); correlations that may be chance are left out (Schäfer and Strimmer 2005)."""
    variance = np.square(residuals).mean(axis=0)
    noise = np.diag(variance + LEAST_VARIANCE)
    if shared:
        trust = 1 - correlation_shrinkage(residuals)
        noise += trust * (residuals.T @ residuals / len(residuals) - np.diag(variance))
    return noise
