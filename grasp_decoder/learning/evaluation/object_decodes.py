# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Decodes of the object: of windows, or of whole trials, with the object that was held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grasp_decoder.features.scoring import accuracy
from grasp_decoder.features.windows import HOLD, object_windows
from grasp_decoder.learning.evaluation.decoded_trials import DecodedTrial


@dataclass(frozen=True)
class ObjectDecodes:
    """Decodes of windows (or of whole trials) with the object that was held.

    Attributes:
        probability: float (n, n_classes).
        label: int (n,), class index.
        trial: int (n,), id of the trial.
        classes: object ids, ascending.
    """

    probability: np.ndarray
    label: np.ndarray
    trial: np.ndarray
    classes: tuple[int, ...]

    @property
    def answer(self) -> np.ndarray:
        """Class index of the most probable object, int (n,)."""
        return self.probability.argmax(axis=1)

    @property
    def correct(self) -> np.ndarray:
        return self.answer == self.label

    @property
    def accuracy(self) -> float:
        return accuracy(self.answer, self.label)

    @property
    def relaxed_correct(self) -> np.ndarray:
        """Correct, or the neighbouring class: the object next in size or shape."""
        return np.abs(self.answer - self.label) <= 1


def hold_windows(
    decoded: Sequence[DecodedTrial], classes: Sequence[int], look_back: int, region: str = HOLD
) -> ObjectDecodes:
    """The decodes of all windows that end in the hold phase, or in another region of `object_windows`."""
    trials = [each.trial for each in decoded]
    windows = object_windows(trials, look_back, region)
    probability = [each.objects[windows.last_bin[windows.trial == i]] for i, each in enumerate(decoded)]
    ids = np.array([trial.trial_id for trial in trials])
    return ObjectDecodes(
        np.concatenate(probability), np.searchsorted(classes, windows.label), ids[windows.trial], tuple(classes)
    )


def end_of_hold(windows: ObjectDecodes) -> ObjectDecodes:
    """One decode per trial: the log-probabilities of its hold windows, accumulated until the end of hold."""
    _, first, trial = np.unique(windows.trial, return_index=True, return_inverse=True)
    evidence = np.zeros((len(first), len(windows.classes)))
    np.add.at(evidence, trial, np.log(np.maximum(windows.probability, 1e-12)))
    return ObjectDecodes(evidence, windows.label[first], windows.trial[first], windows.classes)


def pool(repeats: Sequence[ObjectDecodes]) -> ObjectDecodes:
    """The decodes of all repeats together."""
    return ObjectDecodes(
        np.concatenate([repeat.probability for repeat in repeats]),
        np.concatenate([repeat.label for repeat in repeats]),
        np.concatenate([repeat.trial for repeat in repeats]),
        repeats[0].classes,
    )


def all_classes(probability: np.ndarray, known: Sequence[int], classes: Sequence[int]) -> np.ndarray:
    """Probabilities (n, n_known) as (n, n_classes): a class without training windows has none."""
    full = np.zeros((len(probability), len(classes)))
    full[:, np.searchsorted(classes, known)] = probability
    return full
