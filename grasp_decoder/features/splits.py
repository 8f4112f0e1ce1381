# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Splits by trial: overlapping windows of one trial never land on both sides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain, count, islice
from operator import attrgetter

import numpy as np
from sklearn.model_selection import train_test_split

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.trial_bins import DEFAULT_PROTOCOL, PUBLISHED, TrialBins, classes_of

FEWEST_TRIALS = 3
FIRST_RANDOM_STATE = 42
DEFAULT_TRAIN_FRACTION = 0.8


@dataclass(frozen=True)
class Split:
    """Disjoint sets of trials.

    Attributes:
        train, validation, test: usable trials.
        classes: object ids of all three, ascending.
        negatives: trials to train on in which nothing was grasped, or not what the object id says.
        held_out_negatives: such trials that are kept for tests.
    """

    train: list[TrialBins]
    validation: list[TrialBins]
    test: list[TrialBins]
    classes: tuple[int, ...]
    negatives: list[TrialBins] = field(default_factory=list)
    held_out_negatives: list[TrialBins] = field(default_factory=list)

    @property
    def sizes(self) -> tuple[int, int, int]:
        """How many trials there are for training, validation and test."""
        return len(self.train), len(self.validation), len(self.test)

    @property
    def whole(self) -> Split:
        """Training on the trials that are kept for tests as well."""
        return Split(
            self.train + self.test, self.validation, [], self.classes, self.negatives + self.held_out_negatives, []
        )


def random_states(repeats: int, first: int = FIRST_RANDOM_STATE) -> list[int]:
    """The random states of repeated splits: ``first``, 1, 2, 3 ..."""
    return list(islice(chain([first], (state for state in count(1) if state != first)), repeats))


def drop_rare_classes(trials: Sequence[TrialBins], protocol: str = DEFAULT_PROTOCOL) -> list[TrialBins]:
    """The trials of classes with at least 3 trials.

    Classes are the merged ids; protocol ``published`` counts the recorded ones, as the published code does.

    Raises:
        GraspDecoderError: fewer than two classes are left.
    """
    keys = list(map(_stratum(protocol), trials))
    frequency = Counter(keys)
    kept = [trial for trial, key in zip(trials, keys) if frequency[key] >= FEWEST_TRIALS]
    if len(classes_of(kept)) < 2:
        raise GraspDecoderError(
            f'a decoder needs two objects with at least {FEWEST_TRIALS} usable trials each; here '
            + ', '.join(f'object {key} has {n}' for key, n in sorted(frequency.items()))
        )
    return kept


def split_trials(
    trials: Sequence[TrialBins],
    random_state: int = FIRST_RANDOM_STATE,
    train_fraction: float = DEFAULT_TRAIN_FRACTION,
    protocol: str = DEFAULT_PROTOCOL,
    by_object: bool = True,
    negatives: Sequence[TrialBins] = (),
) -> Split:
    """Drop rare classes, then split stratified by class into training, validation and test trials.

    Every class has a trial in each part. The default gives 64 % training, 16 % validation and 20 % test trials.

    Args:
        trials: the trials to split.
        random_state: seed of the split.
        train_fraction: fraction of the trials for training and validation together, as in table 5 of Viviani et al.
            2023. Validation takes 20 % of these; it takes 30 % if the fraction is 0.3, and 40 % if it is 0.2.
        protocol: as in `drop_rare_classes`.
        by_object: whether trials are split by class. If not, for tasks without objects, no class is dropped.
        negatives: trials in which nothing was grasped, or not what the object id says; they are split at random.

    Raises:
        GraspDecoderError: fewer than two classes with 3 trials (or fewer than 3 trials), or an impossible fraction.
    """
    stratum = _stratum(protocol) if by_object else _one_stratum
    if by_object:
        trials = drop_rare_classes(trials, protocol)
    elif len(trials) < FEWEST_TRIALS:
        raise GraspDecoderError(
            f'{len(trials)} usable trials are too few: training, validation and test need at least {FEWEST_TRIALS}'
        )
    if not 0 < train_fraction < 1:
        raise GraspDecoderError(
            f'a training fraction of {train_fraction:g} leaves no trials to train or to test on; '
            'give one between 0 and 1 (--train-fraction)'
        )
    known, test = _hold_out(trials, 1 - train_fraction, 2, random_state, stratum)
    train, validation = _hold_out(known, _validation_fraction(train_fraction), 1, random_state, stratum)
    order = np.random.default_rng(random_state).permutation(len(negatives))
    learnt = set(order[: round(train_fraction * len(negatives))].tolist())
    return Split(
        train,
        validation,
        test,
        classes_of(trials) if by_object else (),
        [trial for index, trial in enumerate(negatives) if index in learnt],
        [trial for index, trial in enumerate(negatives) if index not in learnt],
    )


def split_in_order(trials: Sequence[TrialBins], train_fraction: float) -> Split:
    """Train on the first part of a session and test on the rest, as a decoder is used.

    Validation takes 20 % of the first part, stratified by class. Classes that have no test trial, or fewer than two in
    the first part, are dropped.

    Args:
        trials: the trials, in the order of the session.
        train_fraction: fraction of them for training and validation together.

    Raises:
        GraspDecoderError: fewer than two classes are left.
    """
    n_known = round(train_fraction * len(trials))
    known, test = trials[:n_known], trials[n_known:]
    frequency = Counter(trial.object_id for trial in known)
    classes = tuple(each for each in classes_of(test) if frequency[each] >= 2)
    if len(classes) < 2:
        raise GraspDecoderError(
            f'the first {train_fraction:.0%} of the session and its rest have fewer than two objects in common'
        )
    kept = [trial for trial in known if trial.object_id in classes]
    train, validation = _hold_out(kept, 0.2, 1, FIRST_RANDOM_STATE, _stratum(DEFAULT_PROTOCOL))
    return Split(train, validation, [trial for trial in test if trial.object_id in classes], classes)


def _validation_fraction(train_fraction: float) -> float:
    if train_fraction > 0.35:
        return 0.2
    return 0.3 if train_fraction > 0.25 else 0.4


def _stratum(protocol: str) -> Callable[[TrialBins], int]:
    return attrgetter('recorded_object_id' if protocol == PUBLISHED else 'object_id')


def _one_stratum(trial: TrialBins) -> int:
    return 0


def _hold_out(
    trials: Sequence[TrialBins], fraction: float, keep: int, random_state: int, stratum: Callable[[TrialBins], int]
) -> tuple[list[TrialBins], list[TrialBins]]:
    """(kept, held out): a stratified split that keeps at least ``keep`` trials of each class and holds one out.

    Needs ``keep + 1`` trials of each class. scikit-learn's split alone may leave a rare class out on one side; then
    trials of that class move over.
    """
    strata = list(map(stratum, trials))
    n_strata = len(set(strata))
    n_held = min(max(int(np.ceil(round(fraction * len(trials), 9))), n_strata), len(trials) - keep * n_strata)
    kept, held = train_test_split(
        range(len(trials)), test_size=n_held, random_state=random_state, stratify=strata if n_strata > 1 else None
    )
    for key in sorted(set(strata)):
        _move([i for i in held if strata[i] == key], held, kept, keep - sum(strata[i] == key for i in kept))
        _move([i for i in kept if strata[i] == key], kept, held, 1 - sum(strata[i] == key for i in held))
    return [trials[i] for i in kept], [trials[i] for i in held]


def _move(candidates: list[int], source: list[int], target: list[int], n: int) -> None:
    """Move the last ``n`` (or none) of the candidates from one list to the other."""
    for item in candidates[len(candidates) - max(n, 0) :]:
        source.remove(item)
        target.append(item)
