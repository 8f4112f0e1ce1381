# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""One session from recording to sealed bundle and report: what `train` does."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from grasp_decoder.bundle.edge_report import edge_report
from grasp_decoder.bundle.export.edge_tpu_compiler import require_compiler
from grasp_decoder.bundle.export.writing import bundle_draft, check_replaceable
from grasp_decoder.learning.evaluation.evaluation import Evaluation, evaluate_bundle
from grasp_decoder.learning.evaluation.scores import headline
from grasp_decoder.learning.experiment.architecture_search import search_architecture
from grasp_decoder.learning.experiment.comparisons import decode_for_comparison, with_comparisons
from grasp_decoder.learning.experiment.description import make_manifest, training_facts
from grasp_decoder.learning.experiment.measurements import Measurements
from grasp_decoder.learning.experiment.preparation import prepare
from grasp_decoder.learning.experiment.progress_report import ProgressReport
from grasp_decoder.learning.experiment.settings import Settings
from grasp_decoder.learning.experiment.time_budget import TimeBudget
from grasp_decoder.learning.experiment.training import Trainer
from grasp_decoder.learning.models.search import is_worker

WriteReport = Callable[[Path, Evaluation], dict]

TRAINING_SHARE = 0.75
"""Share of the time after reading that searches, training and baselines may take; export and evaluation come then."""


def run_experiment(
    path: Path, out: Path, settings: Settings, progress: ProgressReport, write_report: WriteReport
) -> Evaluation | None:
    """Prepare, fit, compare, export, evaluate and report one session.

    Ctrl-C ends the network that is being trained at its best epoch. Once the bundle's own networks are trained, it ends
    everything else that was asked for. The bundle and its report are then written with what is finished. With the
    setting ``all_or_nothing`` it ends everything.

    Args:
        path: of the recording.
        out: the bundle's folder.
        write_report: called with the folder ``report`` of the bundle and the evaluation; gives the scores.

    Returns:
        What was decoded; None in a worker of a search, which writes no bundle.

    Raises:
        GraspDecoderError: bad input; nothing is written then.
        KeyboardInterrupt: Ctrl-C came, and nothing was to be written then.
    """
    check_replaceable(out)
    if settings.edge_tpu:
        require_compiler()
    measured, begun_s = Measurements(), time.monotonic()
    experiment = prepare(path, settings, progress, measured)
    state = experiment.random_states[0]
    split = experiment.split(state)

    search_folder = out.with_name(f'{out.name}.search')
    if settings.search_trials and is_worker():
        search_architecture(experiment, split, state, settings.max_seconds, search_folder, progress)
        return None

    whole = TimeBudget(begun_s + settings.max_seconds - time.monotonic())
    budget = TimeBudget(TRAINING_SHARE * whole.seconds_left, experiment.step_count)
    trainer = Trainer(experiment, budget, measured, progress, search_folder)
    wanted = [split]
    if settings.final:
        progress.say('fitting twice: without the test trials, for the scores; then on all trials, for the bundle')
        wanted.append(split.whole)
    fits = [(fitted, trainer.fit_tasks(fitted, state, interruptible=settings.all_or_nothing)) for fitted in wanted]
    comparisons = decode_for_comparison(experiment, trainer, budget, measured, progress)

    with bundle_draft(out, settings.edge_tpu, settings.signing_key) as draft:
        progress.say('exporting to TFLite, as float and as int8')
        with measured.timed('export_s'):
            bundles = [
                draft.export(
                    networks.values(), fitted.train, fitted.validation, make_manifest(experiment, fitted, networks)
                )
                for fitted, networks in fits
            ]
        scored, bundle = bundles[0], bundles[-1]

        progress.say(f'evaluating on {len(split.test)} held-out trials, causally')
        with measured.timed('evaluate_s'):
            evaluation = evaluate_bundle(
                scored, experiment.session, split.test, experiment.look_back, settings.objects, whole.seconds_left
            )
        if evaluation.left_out:
            progress.say(f'left out: {"; ".join(evaluation.left_out)}')
        evaluation = with_comparisons(evaluation, comparisons, experiment, split)
        if over_s := whole.seconds_over:
            measured.timing['over_max_seconds_s'] = over_s
            progress.say(f'this took {over_s:.1f} s longer than --max-seconds allows: the least that gives a bundle')

        measured.take_peak_memory()
        facts = training_facts(
            experiment,
            split,
            bundle.manifest,
            repeats=len(evaluation.repeats),
            ended_early=measured.ended_early,
            left_out=[*comparisons.left_out, *evaluation.left_out],
        )
        evaluation = replace(evaluation, facts=facts, timing=measured.timing, edge_tpu=edge_report(bundle))
        draft.metrics = headline(write_report(draft.report, evaluation))
    return evaluation
