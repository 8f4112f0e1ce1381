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


def reliability(confidence: np.ndarray, correct: np.ndarray) -> dict:
    """Reliability curve and expected calibration error (Guo et al. 2017).

    Args:
        confidence: (n,), 0..1.
        correct: bool (n,).
    """
    index = np.minimum((confidence * BINS).astype(int), BINS - 1)
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

    Args:
        decoded: trials of objects that the decoder knows, with what it said about the object.
        classes: object ids, ascending.
        rule: how the controller counts evidence.
        objects: the catalogue that says which grip an object takes.
    """
    grip = grip_of_classes(classes, objects)
    confidence: dict[str, list[np.ndarray]] = {}
    correct: dict[str, list[np.ndarray]] = {}
    for each in decoded:
        posterior = grip_posterior(rule, each.objects, each.trial.bin_ns, grip)
        right = posterior.argmax(axis=1) == grip[classes.index(each.trial.object_id)]
        for name, bins in periods(each.trial).items():
            confidence.setdefault(name, []).append(posterior[bins].max(axis=1))
            correct.setdefault(name, []).append(right[bins])
    found = {}
    for name in (name for name in PERIODS if name in confidence):
        sure, right = np.concatenate(confidence[name]), np.concatenate(correct[name])
        found[name] = reliability(sure, right) | {'accuracy': float(right.mean()), 'confidence': float(sure.mean())}
    return found
