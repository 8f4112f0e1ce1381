# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What a report compares the bundle's decoder with: other splits, baselines and fewer trials to learn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from grasp_decoder.bundle.task_network import OBJECT
from grasp_decoder.features.splits import Split
from grasp_decoder.learning.evaluation.baseline_decodes import (
    ALL,
    ALL_BASELINES,
    FAST_BASELINES,
    LDA,
    LDA_BLOCKS,
    NONE,
    SEED_BILSTM,
    SEQUENTIAL_BAYES,
    decode_baselines,
)
from grasp_decoder.learning.evaluation.decoded_trials import DecodedTrial, predict_trials
from grasp_decoder.learning.evaluation.elapsed_time import fit_elapsed_time
from grasp_decoder.learning.evaluation.evaluation import Evaluation
from grasp_decoder.learning.evaluation.linear_decodes import decode_by_blocks, decode_sequentially
from grasp_decoder.learning.evaluation.object_decodes import ObjectDecodes, hold_windows
from grasp_decoder.learning.evaluation.object_metrics import object_summary
from grasp_decoder.learning.experiment.experiment import Experiment
from grasp_decoder.learning.experiment.measurements import Measurements
from grasp_decoder.learning.experiment.progress_report import ProgressReport
from grasp_decoder.learning.experiment.time_budget import TimeBudget
from grasp_decoder.learning.experiment.training import Trainer

DECODER = 'decoder'
CURVE_BASELINES = (LDA, SEED_BILSTM)
"""Baselines that the curve of training fractions has, as far as they are fitted."""


@dataclass
class Comparisons:
    """What was finished of it.

    Attributes:
        repeats: decoded test trials of each split after the first.
        baselines: name -> decodes of each split.
        curve: scores by training fraction, without the first.
        left_out: what was asked for and is missing, because the time was over or Ctrl-C came.
    """

    repeats: list[list[DecodedTrial]] = field(default_factory=list)
    baselines: dict[str, list[ObjectDecodes]] = field(default_factory=dict)
    curve: list[dict] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def decode_for_comparison(
    experiment: Experiment, trainer: Trainer, budget: TimeBudget, measured: Measurements, progress: ProgressReport
) -> Comparisons:
    """Fit and decode all that was asked for, until the time is over or Ctrl-C comes.

    What is finished is kept, unless it is all or nothing.
    """
    found = Comparisons()
    try:
        for repeat, state in enumerate(experiment.random_states):
            if repeat and not trainer.has_time:
                break
            split = experiment.split(state)
            networks = trainer.fit_tasks(split, state, interruptible=True) if repeat else {}  # the bundle's are fitted
            baselines = _baselines(experiment, trainer, split, state, budget, measured, progress)
            if repeat:
                found.repeats.append(predict_trials(networks, split.test))
            for name, decodes in baselines.items():
                found.baselines.setdefault(name, []).append(decodes)
        for fraction in experiment.settings.train_fractions[1:]:
            if not trainer.has_time:
                break
            found.curve.append(_curve_point(experiment, trainer, budget, fraction))
    except KeyboardInterrupt:
        if experiment.settings.all_or_nothing:
            raise
        progress.say('interrupted: the bundle is written, with a report on what is finished')
    found.left_out = _left_out(experiment, found)
    if found.left_out:
        progress.say(f'left out: {"; ".join(found.left_out)}')
    return found


def _left_out(experiment: Experiment, found: Comparisons) -> list[str]:
    """What was asked for and is not there, or not of all splits."""
    settings, missing = experiment.settings, []
    states = experiment.random_states[1 + len(found.repeats) :]
    if states:
        missing.append(f'splits {", ".join(map(str, states))}')
    asked: tuple[str, ...] = ()
    if OBJECT in experiment.tasks and settings.baselines != NONE:
        asked = ALL_BASELINES if settings.baselines == ALL else FAST_BASELINES
    for name in asked:
        splits = settings.repeats - len(found.baselines.get(name, []))
        if splits:
            missing.append(f'baseline {name}' + (f' of {splits} splits' if settings.repeats > 1 else ''))
    fractions = settings.train_fractions[1 + len(found.curve) :]
    if fractions:
        missing.append(f'training fractions {", ".join(f"{each:g}" for each in fractions)}')
    without = [f'{row["train_fraction"]:g}' for row in found.curve if SEED_BILSTM not in row]
    if without and settings.baselines == ALL:
        missing.append(f'baseline {SEED_BILSTM} of training fractions {", ".join(without)}')
    return missing


def with_comparisons(
    evaluation: Evaluation, comparisons: Comparisons, experiment: Experiment, split: Split
) -> Evaluation:
    """The evaluation of the bundle, which was fitted on ``split``, with what it is compared with."""
    evaluation = replace(
        evaluation,
        repeats=evaluation.repeats + comparisons.repeats,
        baselines=comparisons.baselines,
        elapsed_time=fit_elapsed_time(split.train + split.validation),
    )
    if not comparisons.curve:
        return evaluation
    decodes = {DECODER: evaluation.object_repeats} | {
        name: evaluation.baselines.get(name, []) for name in CURVE_BASELINES
    }
    first = _curve_row(experiment.settings.train_fractions[0], split, decodes)
    return replace(evaluation, curve=[first, *comparisons.curve])


def _baselines(
    experiment: Experiment,
    trainer: Trainer,
    split: Split,
    state: int,
    budget: TimeBudget,
    measured: Measurements,
    progress: ProgressReport,
) -> dict[str, ObjectDecodes]:
    if experiment.settings.baselines == NONE or OBJECT not in experiment.tasks or budget.seconds_left <= 0:
        return {}
    progress.say(f'baselines, split {state}')
    with measured.timed('baselines_s'):
        found = decode_baselines(split, experiment.look_back, budget.take_share())
    if experiment.settings.baselines == ALL and trainer.has_time:
        with measured.timed('linear_baselines_s'):
            found[SEQUENTIAL_BAYES] = decode_sequentially(split, experiment.look_back)
            if by_blocks := decode_by_blocks(split, experiment.look_back, budget.seconds_left):
                found[LDA_BLOCKS] = by_blocks
    if experiment.settings.baselines == ALL and trainer.has_time:
        with measured.timed('train_seed_bilstm_s'):
            found[SEED_BILSTM] = _fitted(experiment, trainer, split, state, SEED_BILSTM)
    return found


def _curve_point(experiment: Experiment, trainer: Trainer, budget: TimeBudget, fraction: float) -> dict:
    """Scores with another fraction of the trials for training and validation (Viviani et al. 2023, table 5)."""
    decodes: dict[str, list[ObjectDecodes]] = {}
    splits = [experiment.split(state, fraction) for state in experiment.random_states]
    for state, split in zip(experiment.random_states, splits):
        decodes.setdefault(DECODER, []).append(_fitted(experiment, trainer, split, state))
        if lda := decode_baselines(split, experiment.look_back, budget.seconds_left).get(LDA):
            decodes.setdefault(LDA, []).append(lda)
        if experiment.settings.baselines == ALL and trainer.has_time:
            decodes.setdefault(SEED_BILSTM, []).append(_fitted(experiment, trainer, split, state, SEED_BILSTM))
    return _curve_row(fraction, splits[0], decodes)


def _fitted(
    experiment: Experiment, trainer: Trainer, split: Split, state: int, model: str | None = None
) -> ObjectDecodes:
    """What a network decodes of a split's test trials; ``model`` None is the experiment's own."""
    network = trainer.fit(OBJECT, split, state, model, interruptible=True)
    return hold_windows(predict_trials({OBJECT: network}, split.test), split.classes, experiment.look_back)


def _curve_row(fraction: float, split: Split, decodes: Mapping[str, Sequence[ObjectDecodes]]) -> dict:
    """The scores of all that decoded as many splits as the decoder: means of fewer could not be compared with it."""
    row: dict = {'train_fraction': fraction, 'trials': list(split.sizes)}
    for name, repeats in decodes.items():
        if len(repeats) == len(decodes[DECODER]):
            summary = object_summary(repeats)
            row[name] = {key: summary[key] for key in ('accuracy', 'ci95', 'relaxed_accuracy', 'relaxed_ci95')}
    return row
