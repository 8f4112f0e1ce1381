# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Reliability: whether a decoder is right as often as it says."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from grasp_decoder.evidence import EvidenceRule
from grasp_decoder.learning.evaluation.decoded_trials import DecodedTrial
from grasp_decoder.learning.grip_posterior import PERIODS, grip_of_classes, grip_posterior, periods
from grasp_decoder.objects import ObjectCatalogue

BINS = 10

DRAWS = 1000
"""Of the labels, to learn which error sampling alone makes."""


def reliability(confidence: np.ndarray, correct: np.ndarray) -> dict:
    """Reliability curve and expected calibration error (Guo et al. 2017).

    Args:
        confidence: (n,), 0..1.
        correct: bool (n,).
    """
    index = _level(confidence)
    curve = [
        {
            'confidence': float(confidence[index == b].mean()),
            'accuracy': float(correct[index == b].mean()),
            'windows': int((index == b).sum()),
        }
        for b in range(BINS)
        if (index == b).any()
    ]
    error = sum(point['windows'] * abs(point['confidence'] - point['accuracy']) for point in curve) / len(confidence)
    return {'error': float(error), 'curve': curve}


def grip_reliability(
    decoded: Sequence[DecodedTrial], classes: Sequence[int], rule: EvidenceRule, objects: ObjectCatalogue
) -> dict:
    """Of the controller's posterior over grips: its `reliability`, accuracy and mean confidence in each of `PERIODS`.

    Beside the error of few trials stands what `error_by_sampling` says of them.

    Args:
        decoded: trials of objects that the decoder knows, with what it said about the object.
        classes: object ids, ascending.
        rule: how the controller counts evidence.
        objects: the catalogue that says which grip an object takes.
    """
    grip = grip_of_classes(classes, objects)
    posteriors: dict[str, list[np.ndarray]] = {}
    correct: dict[str, list[np.ndarray]] = {}
    for each in decoded:
        posterior = grip_posterior(rule, each.objects, each.trial.bin_ns, grip)
        right = posterior.argmax(axis=1) == grip[classes.index(each.trial.object_id)]
        for name, bins in periods(each.trial).items():
            posteriors.setdefault(name, []).append(posterior[bins])
            correct.setdefault(name, []).append(right[bins])
    found = {}
    for name in (name for name in PERIODS if name in posteriors):
        sure, right = np.concatenate(posteriors[name]).max(axis=1), np.concatenate(correct[name])
        found[name] = reliability(sure, right) | {
            'accuracy': float(right.mean()),
            'confidence': float(sure.mean()),
            'error_by_sampling': error_by_sampling(posteriors[name]),
        }
    return found


def error_by_sampling(posteriors: Sequence[np.ndarray]) -> dict[str, float]:
    """The expected calibration error that these posteriors would show if they were perfectly calibrated.

    The labels are drawn from the posteriors themselves (as in the consistency bars of Bröcker and Smith 2007). The bins
    of a trial share their label, so every trial is drawn as a whole: one uniform number picks the class in all its
    bins, by the inverse of their cumulative distribution. The draws are the same on every call.

    Args:
        posteriors: of each trial, (n_bins, n_classes).

    Returns:
        ``median`` and ``p95`` (95 % quantile) of the error over `DRAWS` draws.
    """
    rng = np.random.default_rng(0)
    surplus = np.zeros((DRAWS, BINS))
    for posterior in posteriors:
        sure, said = posterior.max(axis=1), posterior.argmax(axis=1)
        upper = posterior.cumsum(axis=1)[np.arange(len(said)), said]
        drawn = rng.random((DRAWS, 1))
        right = (upper - sure <= drawn) & (drawn < upper)
        surplus += (right - sure) @ np.eye(BINS)[_level(sure)]
    errors = np.abs(surplus).sum(axis=1) / sum(map(len, posteriors))
    return {'median': float(np.median(errors)), 'p95': float(np.quantile(errors, 0.95))}


def _level(confidence: np.ndarray) -> np.ndarray:
    """Which of `BINS` levels of confidence each value (n,) is in."""
    return np.minimum((confidence * BINS).astype(int), BINS - 1)
