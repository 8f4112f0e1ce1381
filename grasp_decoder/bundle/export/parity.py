# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Parity: does the int8 model decode what the float model decodes?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from grasp_decoder.bundle.bundle import Bundle
from grasp_decoder.bundle.engines.bundle_engines import BundleEngines, EngineOptions
from grasp_decoder.bundle.engines.task_runner import TaskRunner
from grasp_decoder.bundle.manifest import Parity, TaskManifest
from grasp_decoder.bundle.task_network import DOF, OBJECT, PHASE
from grasp_decoder.features.scoring import accuracy, margin, r2
from grasp_decoder.features.trial_bins import TrialBins

# The float model is confident of a class where its two highest probabilities differ by more than this.
MARGIN = 0.05

# What int8 must keep to count as ready for an Edge TPU.
LEAST_AGREEMENT = 0.98
LEAST_CONFIDENT_AGREEMENT = 0.995
MOST_SCORE_LOST = {PHASE: 0.005, OBJECT: 0.005, DOF: 0.01}


def measure_parity(bundle: Bundle, task: str, trials: Sequence[TrialBins]) -> Parity:
    """Run the float and the int8 model of ``task`` over whole trials, and compare their answers bin by bin.

    Each trial is a segment: both models start it with no memory.
    """
    as_float, as_int8 = (
        np.concatenate([decode_bins(runner, trial) for trial in trials])
        for runner in (
            BundleEngines(bundle, EngineOptions(precision, 'cpu')).runner(task) for precision in ('float', 'int8')
        )
    )
    answered = ~np.isnan(as_float[:, 0])
    as_float, as_int8, target = as_float[answered], as_int8[answered], _targets(task, bundle, trials)[answered]
    difference = np.abs(as_float - as_int8)
    agreement = confident_agreement = 1.0
    if task != DOF:
        float_class, int8_class = as_float.argmax(axis=1), as_int8.argmax(axis=1)
        agreement = accuracy(int8_class, float_class)
        confident = margin(as_float) > MARGIN
        if confident.any():
            confident_agreement = accuracy(int8_class[confident], float_class[confident])
    return Parity(
        bins=len(difference),
        agreement=agreement,
        confident_agreement=confident_agreement,
        mean_difference=float(difference.mean()),
        max_difference=float(difference.max()),
        float_score=_score(task, as_float, target),
        int8_score=_score(task, as_int8, target),
    )


def edge_issues(tasks: Mapping[str, TaskManifest]) -> tuple[str, ...]:
    """Why a bundle of these tasks, with their parity measured, is not ready for an Edge TPU, one line each."""
    issues = []
    for task, manifest in tasks.items():
        parity = manifest.parity
        assert parity is not None
        if manifest.cpu_operators:
            issues.append(f'{task}: {", ".join(manifest.cpu_operators)} would stay on the CPU')
        if parity.agreement < LEAST_AGREEMENT:
            issues.append(
                f'{task}: int8 gives the same class in {parity.agreement:.2%} of the bins, '
                f'less than {LEAST_AGREEMENT:.1%}'
            )
        if parity.confident_agreement < LEAST_CONFIDENT_AGREEMENT:
            issues.append(
                f'{task}: int8 gives the same class in {parity.confident_agreement:.2%} of the bins with a '
                f'margin above {MARGIN}, less than {LEAST_CONFIDENT_AGREEMENT:.1%}'
            )
        if parity.float_score - parity.int8_score > MOST_SCORE_LOST[task]:
            issues.append(
                f'{task}: int8 scores {parity.int8_score:.4f}, float {parity.float_score:.4f}: '
                f'more than {MOST_SCORE_LOST[task]} lost'
            )
    return tuple(issues)


def decode_bins(runner: TaskRunner, trial: TrialBins) -> np.ndarray:
    """The runner's answers to a trial as a segment of its own, float32 (n_bins, n); rows are NaN until it has one."""
    runner.reset()
    answers = [runner.step(counts) for counts in trial.counts]
    width = next(len(answer) for answer in answers if answer is not None)
    return np.array([np.full(width, np.nan, np.float32) if answer is None else answer for answer in answers])


def _targets(task: str, bundle: Bundle, trials: Sequence[TrialBins]) -> np.ndarray:
    """The right answer of every bin: class index (n,) or, for dof, values (n, k). -1 or NaN: the bin is not scored."""
    if task == DOF:
        return np.concatenate([trial.dof.reshape(trial.n_bins, -1) for trial in trials])
    phase = np.concatenate([trial.phase for trial in trials]).astype(int)
    if task == PHASE:
        return phase
    index = {object_id: position for position, object_id in enumerate(bundle.manifest.classes)}
    objects = np.concatenate([np.full(trial.n_bins, index.get(trial.object_id, -1)) for trial in trials])
    return np.where(phase == 1, objects, -1)


def _score(task: str, answers: np.ndarray, target: np.ndarray) -> float:
    """Accuracy or, for dof, the mean R2 of the channels; of the bins that have a target."""
    if task == DOF:
        scored = ~np.isnan(target).any(axis=1)
        return float(r2(answers[scored], target[scored]).mean())
    scored = target >= 0
    return accuracy(answers.argmax(axis=1)[scored], target[scored])
