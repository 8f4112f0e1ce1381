# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""All scores of an `Evaluation`: the content of metrics.json."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from grasp_decoder.bundle.task_network import DOF, OBJECT, PHASE, TASKS
from grasp_decoder.features.scoring import accuracy
from grasp_decoder.features.windows import GO_AND_HOLD
from grasp_decoder.learning.evaluation.decoded_trials import DecodedTrial
from grasp_decoder.learning.evaluation.dof_metrics import dof_summary
from grasp_decoder.learning.evaluation.evaluation import Evaluation
from grasp_decoder.learning.evaluation.object_decodes import hold_windows, pool
from grasp_decoder.learning.evaluation.object_metrics import (
    accuracy_over_time,
    calibration,
    confusion,
    decision_times,
    object_chance,
    object_summary,
    per_object,
    shape_and_size,
)
from grasp_decoder.learning.evaluation.phase_metrics import phase_summary, release_by_hold
from grasp_decoder.learning.evaluation.reliability import grip_reliability


def scores(evaluation: Evaluation) -> dict:
    """The content of metrics.json for one session, without ``timing``; the same evaluation gives the same scores."""
    found: dict = {}
    if evaluation.has(OBJECT):
        found[OBJECT] = _object_scores(evaluation)
    if evaluation.has(PHASE):
        found[PHASE] = _phase_scores(evaluation)
    if evaluation.has(DOF):
        found[DOF] = dof_summary(evaluation.repeats, evaluation.look_back)
        if evaluation.elapsed_time:
            clock = [evaluation.elapsed_time.decode(each.trial) for each in evaluation.repeats[0]]
            found[DOF]['elapsed_time'] = dof_summary([clock], evaluation.look_back)
    found['int8'] = _int8_scores(evaluation)
    if evaluation.baselines:
        found['baselines'] = {
            name: object_summary(repeats) | {'shape_and_size': shape_and_size(pool(repeats), evaluation.objects)}
            for name, repeats in evaluation.baselines.items()
        }
    if evaluation.curve:
        found['training_curve'] = evaluation.curve
    if evaluation.edge_tpu:
        found['edge_tpu'] = evaluation.edge_tpu
    return found


def _object_scores(evaluation: Evaluation) -> dict:
    repeats = evaluation.object_repeats
    pooled = pool(repeats)
    rule = evaluation.evidence
    reliable = grip_reliability(evaluation.int8, evaluation.classes, rule, evaluation.objects) if rule else {}
    return object_summary(repeats) | {
        'grip_posterior': reliable,
        'endless_accuracy': evaluation.hold_windows(evaluation.endless).accuracy if evaluation.endless else None,
        GO_AND_HOLD: _go_and_hold_scores(evaluation),
        'chance': object_chance(len(evaluation.classes)),
        'classes': list(evaluation.classes),
        'confusion': confusion(pooled).tolist(),
        'per_object': per_object(pooled),
        'shape_and_size': shape_and_size(pooled, evaluation.objects),
        'calibration': calibration(pooled)['curve'],
        'over_time': accuracy_over_time(evaluation.decoded, evaluation.classes),
        'decision_times': decision_times(evaluation.decoded, evaluation.classes),
    }


def _go_and_hold_scores(evaluation: Evaluation) -> dict | None:
    """Scores in the region of the online decoder of Fabiani (2021), which begins at Go; None without that event."""
    if not all('Go' in each.trial.event_bins for each in evaluation.decoded):
        return None
    repeats = [
        hold_windows(repeat, evaluation.classes, evaluation.look_back, GO_AND_HOLD) for repeat in evaluation.repeats
    ]
    return object_summary(repeats) | {'shape_and_size': shape_and_size(pool(repeats), evaluation.objects)}


def _phase_scores(evaluation: Evaluation) -> dict:
    look_back, clock = evaluation.look_back, evaluation.elapsed_time
    found = phase_summary(evaluation.repeats, look_back) | {
        'release_by_hold': release_by_hold(evaluation.int8),
        'by_start': [
            {'late_s': late_s, 'trials': len(decoded), 'f1': phase_summary([decoded], look_back)['f1']}
            for late_s, decoded in evaluation.late.items()
        ],
    }
    if clock:
        told = [clock.decode(each.trial) for each in evaluation.repeats[0]]
        found['elapsed_time'] = phase_summary([told], look_back)
        for row, decoded in zip(found['by_start'], evaluation.late.values()):
            told = [clock.decode(each.trial) for each in decoded]
            row['elapsed_time_f1'] = phase_summary([told], look_back)['f1']
    return found


def _int8_scores(evaluation: Evaluation) -> dict:
    """How the int8 models decode the first repeat's test trials, and how often they agree with the float models."""
    found: dict = {}
    first = evaluation.look_back - 1
    if evaluation.has(PHASE):
        found[PHASE] = {
            'agreement': _agreement(evaluation, lambda each: each.grasp[first : each.trial.n_bins]),
            'accuracy': phase_summary([evaluation.int8], evaluation.look_back)['accuracy'],
        }
    if evaluation.has(OBJECT):
        found[OBJECT] = {
            'agreement': _agreement(evaluation, lambda each: each.objects[first:].argmax(axis=1)),
            'accuracy': evaluation.hold_windows(evaluation.int8).accuracy,
        }
    agreements = [task['agreement'] for task in found.values()]
    if agreements:
        found['agreement'] = min(agreements)
    if evaluation.has(DOF):
        found[DOF] = {'r2': dof_summary([evaluation.int8], evaluation.look_back)['r2']}
    return found


def _agreement(evaluation: Evaluation, answers: Callable[[DecodedTrial], np.ndarray]) -> float:
    """Share of the windows in which the int8 models answer as the float models do."""
    as_int8, as_float = (
        np.concatenate([answers(each) for each in decoded]) for decoded in (evaluation.int8, evaluation.repeats[0])
    )
    return accuracy(as_int8, as_float)


def headline(found: dict) -> dict:
    """The numbers of metrics.json without its tables."""
    return {
        task: {key: value for key, value in section.items() if isinstance(value, (int, float)) or key == 'ci95'}
        for task, section in found.items()
        if task in TASKS
    }
