# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Scores of the decoded object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix, f1_score

from grasp_decoder.learning.evaluation.decoded_trials import DecodedTrial
from grasp_decoder.learning.evaluation.intervals import mean_interval, mean_scores
from grasp_decoder.learning.evaluation.object_decodes import ObjectDecodes, end_of_hold, pool
from grasp_decoder.learning.evaluation.reliability import reliability
from grasp_decoder.objects import ObjectCatalogue

CONFIDENCES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


def object_summary(repeats: Sequence[ObjectDecodes]) -> dict:
    """Main scores of the object: means over the repeats, and intervals over the trials of all repeats."""
    windows, trials = pool(repeats), pool([end_of_hold(repeat) for repeat in repeats])
    return mean_scores([_object_scores(repeat) for repeat in repeats]) | {
        'ci95': mean_interval(windows.correct, windows.trial),
        'relaxed_ci95': mean_interval(windows.relaxed_correct, windows.trial),
        'trial_ci95': mean_interval(trials.correct, trials.trial),
        'n_windows': len(windows.label),
        'n_trials': len(trials.label),
        'accuracy_of_repeats': [repeat.accuracy for repeat in repeats],
    }


def _object_scores(windows: ObjectDecodes) -> dict:
    return {
        'accuracy': windows.accuracy,
        'relaxed_accuracy': float(windows.relaxed_correct.mean()),
        'f1': float(f1_score(windows.label, windows.answer, average='macro', zero_division=0)),
        'trial_accuracy': end_of_hold(windows).accuracy,
        'calibration_error': calibration(windows)['error'],
    }


def object_chance(n_classes: int) -> dict:
    """What guessing evenly among the classes scores."""
    return {'accuracy': 1 / n_classes, 'relaxed_accuracy': (3 * n_classes - 2) / n_classes**2}


def confusion(windows: ObjectDecodes) -> np.ndarray:
    """Windows by true (row) and decoded (column) class, int (n_classes, n_classes)."""
    return confusion_matrix(windows.label, windows.answer, labels=range(len(windows.classes)))


def per_object(windows: ObjectDecodes) -> list[dict]:
    """Scores of each class that was tested."""
    rows = []
    for index, object_id in enumerate(windows.classes):
        own = windows.label == index
        if own.any():
            rows.append(
                {
                    'object': object_id,
                    'windows': int(own.sum()),
                    'trials': len(np.unique(windows.trial[own])),
                    'accuracy': float(windows.correct[own].mean()),
                    'relaxed_accuracy': float(windows.relaxed_correct[own].mean()),
                    'ci95': mean_interval(windows.correct[own], windows.trial[own]),
                }
            )
    return rows


def shape_and_size(windows: ObjectDecodes, objects: ObjectCatalogue) -> dict:
    """Shape and size scored apart, and their product, as Fabiani (2021) reports.

    They are scored on the objects whose shape comes in several sizes. An object that is the only one of its shape has a
    score of its own, ``shape_ID_accuracy``.

    Args:
        windows: what was decoded.
        objects: the catalogue that has the shapes and sizes. Nothing is scored where no shape comes in several sizes.
    """
    several = [each.object_id for each in objects.in_several_sizes()]
    if not several:
        return {}
    scores: dict[str, Any] = {}
    ids = np.array(windows.classes)
    true, decoded = ids[windows.label], ids[windows.answer]
    for each in objects.objects:
        if each.shape is not None and each.object_id not in several:
            right = decoded[true == each.object_id] == each.object_id
            scores[f'shape_{each.object_id}_accuracy'] = float(right.mean()) if right.size else None
    scored = np.isin(true, several)
    if scored.any():
        classes = [objects.find(object_id) for object_id in windows.classes]
        shapes = np.array([str(each.shape) for each in classes])
        sizes = np.array([each.size_m or 0.0 for each in classes])
        label, answer, trial = windows.label[scored], windows.answer[scored], windows.trial[scored]
        shape, size = shapes[label] == shapes[answer], sizes[label] == sizes[answer]
        scores |= {
            'shape_accuracy': float(shape.mean()),
            'shape_ci95': mean_interval(shape, trial),
            'size_accuracy': float(size.mean()),
            'size_ci95': mean_interval(size, trial),
            'product': float(shape.mean() * size.mean()),
        }
    return scores


def calibration(windows: ObjectDecodes) -> dict:
    """The `reliability` of the most probable object."""
    return reliability(windows.probability.max(axis=1), windows.correct)


def accuracy_over_time(decoded: Sequence[DecodedTrial], classes: Sequence[int]) -> dict:
    """Accuracy per bin from cue to release, bins counted from Hold; where at least half of the trials have a bin."""
    correct: dict[int, list[tuple[bool, bool]]] = {}
    for each in decoded:
        events, label = each.trial.event_bins, classes.index(each.trial.object_id)
        for k in range(events.get('Cue', 0), min(events.get('End', each.trial.n_bins - 1) + 1, each.trial.n_bins)):
            if not np.isnan(each.objects[k, 0]):
                off = abs(int(each.objects[k].argmax()) - label)
                correct.setdefault(k - events['Hold'], []).append((off == 0, off <= 1))
    offsets = sorted(k for k, trials in correct.items() if 2 * len(trials) >= len(decoded))
    medians = {
        label: float(np.median([each.trial.event_bins[label] - each.trial.event_bins['Hold'] for each in decoded]))
        for label in ('Cue', 'Go', 'Hold', 'Rew', 'End')
        if all(label in each.trial.event_bins for each in decoded)
    }
    means = [np.mean(correct[k], axis=0) for k in offsets]
    return {
        'bin': offsets,
        'accuracy': [float(mean[0]) for mean in means],
        'relaxed_accuracy': [float(mean[1]) for mean in means],
        'trials': [len(correct[k]) for k in offsets],
        'events': medians,
    }


def decision_times(decoded: Sequence[DecodedTrial], classes: Sequence[int]) -> list[dict]:
    """When a decoder that waits for some confidence decides, and how well.

    It waits from Go on (without a Go from Cue, or from the start) until Rew. Times are seconds from Hold to the end of
    the bin in which it decides, negative before Hold.
    """
    rows = []
    for confidence in CONFIDENCES:
        times, correct = [], []
        for each in decoded:
            events = each.trial.event_bins
            start = events.get('Go', events.get('Cue', 0))
            sure = np.flatnonzero(each.objects[start : events['Rew']].max(axis=1) >= confidence)
            if len(sure):
                k = start + sure[0]
                times.append((k + 1 - events['Hold']) * each.trial.bin_ns / 1e9)
                correct.append(classes[each.objects[k].argmax()] == each.trial.object_id)
        rows.append(
            {
                'confidence': confidence,
                'decided': len(times) / len(decoded),
                'accuracy': float(np.mean(correct)) if correct else None,
                'median_s_after_hold': float(np.median(times)) if times else None,
            }
        )
    return rows
