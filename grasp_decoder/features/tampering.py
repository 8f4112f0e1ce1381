# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Signs that a session was tampered with, or damaged, before anything is learnt from it.

What is looked for are labels that contradict the spikes, trials that are copies of another one, and units with spikes
that one neuron cannot have fired. All of it is found inside the session: from one day to the next, rates and even units
change more than a careful forger would change them, so that `changed_electrodes` only tells and accuses nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf_shrinkage

from grasp_decoder.errors import GraspDecoderError, first_of
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.recording.session import Session, Trial, Unit
from grasp_decoder.types.decoded_grasp import GRASP
from grasp_decoder.types.time import NS_PER_S

MOST_WRONG_LABELS = 0.03
"""Share of wrong labels above which a session is suspicious, if it is more than chance."""

ALIKE = 0.6
"""Correlation between the spikes of two trials above which one is a copy; those of a session reach 0.2."""

REFRACTORY_NS = 1_000_000
"""A neuron does not fire twice within this time."""

_FOLDS = 5
_LEAST_TRIALS, _LEAST_TRIALS_OF_A_CLASS, _LEAST_TRIALS_PER_CLASS = 60, 3, 8
_HOLD_NS, _BEFORE_HOLD_NS = NS_PER_S, 600_000_000
_LOG_LIKELIHOOD_DROP = 3.3  # of the 99 % interval of one parameter
_COPY_WINDOW_NS, _COPY_BIN_NS, _SKETCH, _LEAST_SPIKES = NS_PER_S, 5_000_000, 4096, 30
_LEAST_INTERVALS, _LEAST_SHORT = 200, 10
_MOST_SHORT, _USUALLY_SHORT = 0.01, 0.002
_LISTED = 40


@dataclass(frozen=True)
class Sign:
    """Something odd about a session.

    Attributes:
        text: what it is, for people, with the numbers of the trials.
        trials: ids of the trials, ascending.
        suspicious: whether nothing should be learnt from the session before someone has looked at it.
    """

    text: str
    trials: tuple[int, ...]
    suspicious: bool = True


def signs_of_tampering(session: Session, trials: Sequence[TrialBins]) -> list[Sign]:
    """All that is odd about a session; it takes seconds at most.

    Args:
        session: the recording.
        trials: its usable trials.
    """
    return [*_copies(session), *_impossible_spikes(session), *_wrong_labels(trials)]


def require_untouched(
    session: Session, trials: Sequence[TrialBins], accept_suspicious: bool, say: Callable[[str], None]
) -> None:
    """Say what is odd about a session that is to be learnt from, and refuse it if it is too odd.

    Args:
        session: the recording.
        trials: its usable trials.
        accept_suspicious: only say it.
        say: takes a line of text.

    Raises:
        GraspDecoderError: it looks tampered with.
    """
    for sign in signs_of_tampering(session, trials):
        if sign.suspicious and not accept_suspicious:
            raise GraspDecoderError(
                f'session {session.name} looks damaged or tampered with: {sign.text}. Look at it, and give '
                '--accept-suspicious to learn from it all the same'
            )
        say(f'odd: {sign.text}')


# --- labels


def _wrong_labels(trials: Sequence[TrialBins]) -> Iterator[Sign]:
    ids, counts = np.unique([trial.object_id for trial in trials], return_counts=True)
    classes = ids[counts >= _LEAST_TRIALS_OF_A_CLASS]
    trials = [trial for trial in trials if trial.object_id in classes and (trial.phase == GRASP).any()]
    if len(classes) < 2 or len(trials) < max(_LEAST_TRIALS, _LEAST_TRIALS_PER_CLASS * len(classes)):
        return
    label = np.searchsorted(classes, [trial.object_id for trial in trials])
    share, least, probability = label_noise(_log_odds(_features(trials), label), label)
    flipped = (len(classes) - 1) / len(classes)
    if least > 0:
        odd = tuple(trial.trial_id for trial, wrong in zip(trials, probability) if wrong > 0.9)
        text = f'about {share * flipped:.1%} of the labels contradict the spikes{_most_likely(odd)}'
        yield Sign(text, odd, share * flipped > MOST_WRONG_LABELS)


def _most_likely(trials: Sequence[int]) -> str:
    return f', most likely those of trials {first_of(trials, _LISTED)}' if trials else ''


def label_noise(
    log_odds: NDArray[np.floating], label: NDArray[np.integer]
) -> tuple[float, float, NDArray[np.floating]]:
    """How many labels are noise: drawn at random from all classes, the right one among them.

    The probability of a label is taken to be that of a classifier, whose temperature is fitted, or by chance. Share and
    temperature are those of the greatest likelihood (Lawrence and Schoelkopf 2001, with Guo et al. 2017). Of two
    classes, noise and a classifier that is too sure look alike: then the share may come out far too low.

    Args:
        log_odds: (n, classes), what a classifier says that has not seen the trial.
        label: (n,), index of the class that the session says.

    Returns:
        Share of noise; the least one that is likely (99 %); probability of each label to be noise, (n,).
    """
    number, classes = log_odds.shape
    shares = np.concatenate([[0.0], np.geomspace(0.002, 0.9, 60)])
    best = np.full(len(shares), -np.inf)
    own = np.zeros((len(shares), number))
    for temperature in np.geomspace(1, 100, 30):
        scaled = log_odds / temperature
        scaled -= scaled.max(axis=1, keepdims=True)
        given = np.exp(scaled[np.arange(number), label]) / np.exp(scaled).sum(axis=1)
        likelihood = np.log((1 - shares[:, None]) * given + shares[:, None] / classes + 1e-300).sum(axis=1)
        better = likelihood > best
        best[better], own[better] = likelihood[better], given
    at = int(best.argmax())
    likely = shares[best > best[at] - _LOG_LIKELIHOOD_DROP]
    chance = shares[at] / classes
    return float(shares[at]), float(likely.min()), chance / ((1 - shares[at]) * own[at] + chance + 1e-300)


def _features(trials: Sequence[TrialBins]) -> NDArray[np.float64]:
    """Square roots of the mean counts in the hold phase and before it, (n, 2 * units), standardised."""
    rows = []
    for trial in trials:
        hold = np.flatnonzero(trial.phase == GRASP)
        first, longest = hold[0], max(1, _HOLD_NS // trial.bin_ns)
        before = trial.counts[max(0, first - max(1, _BEFORE_HOLD_NS // trial.bin_ns)) : max(1, first)]
        rows.append(np.sqrt(np.concatenate([trial.counts[hold[:longest]].mean(axis=0), before.mean(axis=0)])))
    features = np.array(rows)
    spread = features.std(axis=0)
    return np.asarray((features - features.mean(axis=0))[:, spread > 0] / spread[spread > 0])


def _log_odds(features: NDArray[np.float64], label: NDArray[np.integer]) -> NDArray[np.float64]:
    """What linear discriminant analysis says about each trial when it has learnt from other trials, (n, classes)."""
    classes = int(label.max()) + 1
    fold = np.zeros(len(label), int)
    for each in range(classes):
        fold[label == each] = np.arange((label == each).sum()) % _FOLDS
    whole_means = np.array([features[label == each].mean(axis=0) for each in range(classes)])
    shrinkage = ledoit_wolf_shrinkage(features - whole_means[label])
    odds = np.zeros((len(label), classes))
    for each in range(_FOLDS):
        learnt = fold != each
        odds[~learnt] = _discriminant(features[learnt], label[learnt], classes, shrinkage, features[~learnt])
    return odds


def _discriminant(
    features: NDArray[np.float64],
    label: NDArray[np.integer],
    classes: int,
    shrinkage: float,
    asked: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Log-odds of classes with one covariance, shrunk to a sphere.

    There are more features than trials, so the covariance is inverted in the space of the trials.
    """
    means = np.array([features[label == each].mean(axis=0) for each in range(classes)])
    noise = features - means[label]
    scale = 1 / max(1, len(label) - classes)
    sphere = shrinkage * scale * float(np.square(noise).sum()) / features.shape[1] + 1e-9
    gram = (1 - shrinkage) * scale * (noise @ noise.T) + sphere * np.eye(len(label))
    solved = np.linalg.solve(gram, (1 - shrinkage) * scale * (noise @ means.T))
    weights = (means.T - noise.T @ solved) / sphere
    return np.asarray(asked @ weights - (means.T * weights).sum(axis=0) / 2)


# --- copies


def _copies(session: Session) -> Iterator[Sign]:
    """Trials whose spikes, in the first second, are those of an earlier trial."""
    spikes = [(trial, _code(trial, session.unit_count)) for trial in session.trials]
    spikes = [(trial, code) for trial, code in spikes if len(code) >= _LEAST_SPIKES]
    if len(spikes) < 2:
        return
    # All pairs of bin and unit, folded into a few thousand sums with random signs, which keeps correlations
    # (Charikar, Chen and Farach-Colton 2002).
    rng = np.random.default_rng(0)
    places = _COPY_WINDOW_NS // _COPY_BIN_NS * session.unit_count
    place, sign = rng.integers(0, _SKETCH, places), rng.choice((-1.0, 1.0), places)
    sketch = np.array([np.bincount(place[code], sign[code], _SKETCH) for _, code in spikes], np.float32)
    sketch -= sketch.mean(axis=0)
    sketch /= np.maximum(np.sqrt(np.square(sketch).sum(axis=1, keepdims=True)), 1e-6)
    copies: dict[int, list[int]] = {}
    for later, alike in enumerate(np.tril(sketch @ sketch.T, -1) > ALIKE):
        if alike.any():
            copies.setdefault(spikes[int(alike.argmax())][0].id, []).append(spikes[later][0].id)
    for original, found in copies.items():
        verb = 'is a copy' if len(found) == 1 else f'are {len(found)} copies'
        yield Sign(f'trial{"s" * (len(found) > 1)} {first_of(found, _LISTED)} {verb} of trial {original}', tuple(found))


def _code(trial: Trial, units: int) -> NDArray[np.int64]:
    """Which units fire in which short bins of the first second, one number for each pair, ascending."""
    inside = trial.times_ns < trial.start_ns + min(_COPY_WINDOW_NS, trial.stop_ns - trial.start_ns)
    bins = (trial.times_ns[inside] - trial.start_ns) // _COPY_BIN_NS
    return np.unique(bins * units + trial.units[inside])


# --- spikes


def _impossible_spikes(session: Session) -> Iterator[Sign]:
    """Units that fire within their refractory time, in a recording whose other units do not."""
    short = np.zeros((len(session.trials), session.unit_count), np.int64)
    intervals = np.zeros(session.unit_count, np.int64)
    for number, trial in enumerate(session.trials):
        order = np.argsort(trial.units, kind='stable')
        unit, time = trial.units[order], trial.times_ns[order]
        same = unit[1:] == unit[:-1]
        short[number] = np.bincount(unit[1:][same & (np.diff(time) < REFRACTORY_NS)], minlength=session.unit_count)
        intervals += np.bincount(unit[1:][same], minlength=session.unit_count)
    times = short.sum(axis=0)
    share = times / np.maximum(1, intervals)
    known = intervals >= _LEAST_INTERVALS
    if not known.any() or np.quantile(share[known], 0.9) > _USUALLY_SHORT:
        return  # units of several neurons, or a simulation without refractory times: it says nothing
    for odd in np.flatnonzero(known & (share > _MOST_SHORT) & (times >= _LEAST_SHORT)):
        found = tuple(trial.id for trial, count in zip(session.trials, short[:, odd]) if count)
        text = (
            f'unit {odd} fires within {REFRACTORY_NS / 1e6:g} ms of itself {times[odd]} times, which one '
            f'neuron cannot and the other units do not: in trials {first_of(found, _LISTED)}'
        )
        yield Sign(text, found)


# --- earlier sessions


def changed_electrodes(
    session: Session, units: Sequence[Unit], rates_hz: NDArray[np.floating], factor: float = 4.0, least_hz: float = 20.0
) -> Iterator[Sign]:
    """Electrodes whose units together fire far more than in an earlier session, if there are any.

    Args:
        session: the recording.
        units, rates_hz: of the earlier session.
        factor, least_hz: what makes it worth telling: that many times the earlier rate, and so much above it.
    """
    seconds = sum(trial.stop_ns - trial.start_ns for trial in session.trials) / NS_PER_S
    spikes = np.sum([np.bincount(trial.units, minlength=session.unit_count) for trial in session.trials], axis=0)
    before, now = _by_electrode(units, rates_hz), _by_electrode(session.units, spikes / seconds)
    changed = [
        f'{each} ({before[each]:.0f} to {now[each]:.0f} Hz)'
        for each in sorted(before.keys() & now.keys())
        if now[each] > max(factor * before[each], before[each] + least_hz)
    ]
    if changed:
        text = f'{len(changed)} of {len(before)} electrodes fire far more than they did: {first_of(changed, _LISTED)}'
        yield Sign(text, (), suspicious=False)


def _by_electrode(units: Sequence[Unit], rates_hz: NDArray[np.floating]) -> Mapping[int, float]:
    sums: dict[int, float] = {}
    for unit, rate in zip(units, rates_hz):
        if unit.electrode is not None:
            sums[unit.electrode] = sums.get(unit.electrode, 0.0) + float(rate)
    return sums
