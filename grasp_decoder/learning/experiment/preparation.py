# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Reads a session and checks it against the settings, before anything is trained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from grasp_decoder.bundle.bundle import Bundle, load_bundle
from grasp_decoder.bundle.task_network import DOF, OBJECT, TASKS
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.read_in import ReadIn
from grasp_decoder.features.splits import Split
from grasp_decoder.features.stored_bins import stored_bin_trials
from grasp_decoder.features.tampering import require_untouched
from grasp_decoder.features.trial_bins import TrialBins, bin_negatives, classes_of
from grasp_decoder.features.windows import choose_look_back
from grasp_decoder.learning.adaptation import Day, adapt_best, least_accuracy
from grasp_decoder.learning.experiment.experiment import Experiment
from grasp_decoder.learning.experiment.measurements import Measurements
from grasp_decoder.learning.experiment.progress_report import ProgressReport
from grasp_decoder.learning.experiment.settings import Settings
from grasp_decoder.learning.models.alignment import course_of, recognised
from grasp_decoder.learning.models.causal_gru import continue_gru, fit_causal_gru, fit_fisher_gru
from grasp_decoder.learning.models.earlier_sessions import EarlierSession
from grasp_decoder.learning.models.fisher_read_in import common_events, fisher_read_in
from grasp_decoder.learning.models.search import is_distributed
from grasp_decoder.learning.movement import movement_range, with_movement
from grasp_decoder.recording.cache import release
from grasp_decoder.recording.reading import read_session
from grasp_decoder.recording.session import Session


def prepare(path: Path, settings: Settings, progress: ProgressReport, measured: Measurements) -> Experiment:
    """Read and bin a session.

    Raises:
        GraspDecoderError: something is wrong with the session, or it does not fit the settings.
    """
    session, trials, negatives = _read(path, settings, progress, measured)
    tasks = _tasks(session, trials, settings, progress)
    if OBJECT not in tasks and (settings.search_trials or len(settings.train_fractions) > 1):
        raise GraspDecoderError(
            'a search and a curve of training fractions are about the object network: add object to --tasks'
        )
    if settings.search_trials and is_distributed() and (settings.repeats, len(settings.train_fractions)) != (1, 1):
        raise GraspDecoderError(
            'several machines search one split: leave out --repeats and further fractions of --train-fraction'
        )
    look_back = choose_look_back(trials, settings.look_back)
    models = dict.fromkeys(tasks, settings.model)
    experiment = Experiment(settings, session, trials, tasks, look_back, models, negatives)
    if settings.dof is not None and DOF in tasks:
        experiment = _decoding_movement(experiment, settings.dof)
    if settings.init_from:
        experiment = _going_on_from(experiment, settings.init_from, progress)
    if settings.earlier_sessions:
        experiment = _learning_from(experiment, settings.earlier_sessions, progress, measured)
    for fraction in settings.train_fractions:
        split = experiment.split(settings.seed, fraction)
    _say_what_was_found(experiment, split, progress)
    return experiment


def _read(
    path: Path, settings: Settings, progress: ProgressReport, measured: Measurements
) -> tuple[Session, list[TrialBins], list[TrialBins]]:
    """A session without its spikes, its usable trials, and those in which nothing was grasped."""
    progress.say(f'reading {path}')
    with measured.timed('read_s'):
        session = read_session(path, settings.mapping, settings.objects)
    for remark in session.remarks:
        progress.say(f'odd: {remark}')
    with measured.timed('bin_s'):
        trials = stored_bin_trials(session, settings.bin_ns, settings.objects.copies, settings.protocol)
        negatives = bin_negatives(session, settings.bin_ns, settings.objects.copies, settings.protocol)
    require_untouched(session, trials, settings.accept_suspicious, progress.say)
    release(session)
    return session, trials, negatives


def _tasks(
    session: Session, trials: Sequence[TrialBins], settings: Settings, progress: ProgressReport
) -> tuple[str, ...]:
    """The tasks that were asked for, else all that the session allows."""
    if settings.tasks is not None:
        if not session.is_grasping and settings.tasks != (DOF,):
            raise GraspDecoderError(
                f'session {session.name} has movement and no grasps: only the task dof can be '
                'learnt from it (--tasks dof --dof position)'
            )
        return settings.tasks
    if not session.is_grasping:
        return (DOF,)
    if settings.dof is not None or all(np.isfinite(trial.dof).all() for trial in trials):
        return TASKS
    progress.say('the task dof is left out: its aperture needs the events Go, Hold, Rew and End in every trial')
    return tuple(task for task in TASKS if task != DOF)


def _decoding_movement(experiment: Experiment, signal: str) -> Experiment:
    """The task ``dof`` decodes a signal of the recording, scaled by the training trials of the first split."""
    settings, recorded = experiment.settings, experiment.session.trials
    train = experiment.split(settings.seed).train
    movement = movement_range(experiment.session, train, signal, settings.velocity)
    experiment = replace(
        experiment,
        trials=[with_movement(trial, recorded[trial.trial_id], movement) for trial in experiment.trials],
        movement=movement,
    )
    # The closed-form read-in looks for objects and phases, not for movement.
    return experiment if settings.model else experiment.with_model(DOF, fit_causal_gru)


def _going_on_from(experiment: Experiment, paths: Sequence[Path], progress: ProgressReport) -> Experiment:
    """The networks start from those of a bundle of another day: of several, that which `adapt_best` takes."""
    settings = experiment.settings
    if experiment.movement is not None:
        raise GraspDecoderError('--init-from knows objects and phases, not a movement: leave out --dof or --init-from')
    if settings.model or settings.search_trials:
        raise GraspDecoderError('--init-from goes on with the networks of the bundle: leave out --model and --search')
    bundles = [load_bundle(path) for path in paths]
    for bundle in bundles:
        if bundle.manifest.bin_ns != settings.bin_ns:
            raise GraspDecoderError(
                f'bundle {bundle.path} decodes bins of {bundle.manifest.bin_ns / 1e6:g} ms: give the same width '
                '(--bin-ms)'
            )
    if len(bundles) > 1:
        train = experiment.split(settings.seed, settings.train_fractions[0]).train

        def day_for(bundle: Bundle) -> Day:
            known = [trial for trial in train if trial.object_id in bundle.manifest.classes]
            return Day(known, units=experiment.session.units)

        bundle = adapt_best(bundles, day_for, progress.say).bundle
        progress.say(f'going on from {bundle.path}')
    models = {task: partial(continue_gru, start=bundle.start(task)) for task in experiment.tasks}
    return replace(experiment, models=models, started_from=bundle.id)


def _learning_from(
    experiment: Experiment, paths: Sequence[Path], progress: ProgressReport, measured: Measurements
) -> Experiment:
    """The networks learn from earlier sessions as well: from those that fit the first training trials."""
    settings, session = experiment.settings, experiment.session
    if not session.is_grasping or experiment.movement is not None:
        raise GraspDecoderError('--earlier-sessions knows objects and phases, not a movement: leave it out')
    if settings.model or settings.search_trials or settings.init_from:
        raise GraspDecoderError(
            '--earlier-sessions trains a network for all sessions: leave out --model, --search and --init-from'
        )
    train = experiment.split(settings.seed).train
    course = course_of(train, ReadIn(*fisher_read_in(train)))
    least = least_accuracy(recognised(course, train), 1 / len(course['objects']))
    earlier = []
    for path in paths:
        other, trials, negatives = _read(path, settings, progress, measured)
        if other.source_sha256 == session.source_sha256:
            raise GraspDecoderError(f'{path} is the session itself: its test trials would be learnt; leave it out')
        if only := set(classes_of(trials)) ^ set(classes_of(experiment.trials)):
            label = settings.objects.find(min(only)).label
            raise GraspDecoderError(
                f'{path} and session {session.name} have different objects (one of them has no {label}): leave it out, '
                'or go on from a bundle of that day (--init-from)'
            )
        trials = [trial for trial in trials if trial.object_id in course['objects']]
        if common_events(trials) != common_events(train):
            progress.say(f'{path} is left out: its trials have other events than those of {session.name}')
        elif (accuracy := recognised(course, trials)) < least:
            progress.say(
                f'{path} is left out, as it does not fit: the course of the latents of {session.name} tells '
                f'{accuracy:.0%} of its objects, less than {least:.0%}; is it of another animal?'
            )
        else:
            earlier.append(EarlierSession(other.name, other.source_sha256, trials, negatives))
    models = {task: partial(fit_fisher_gru, earlier=earlier) for task in experiment.tasks}
    return replace(experiment, models=models, earlier=earlier)


def _say_what_was_found(experiment: Experiment, split: Split, progress: ProgressReport) -> None:
    """What is learnt from, and what is left out."""
    session, trials, objects = experiment.session, experiment.trials, experiment.settings.objects
    rare = Counter(trial.object_id for trial in trials if split.classes and trial.object_id not in split.classes)
    if rare:
        progress.say(
            'left out, because fewer than 3 trials can neither be trained nor tested: '
            + ', '.join(f'{objects.find(each).label} ({count})' for each, count in sorted(rare.items()))
        )
    fires = np.any([trial.counts.any(axis=0) for trial in trials], axis=0)
    if not fires.all():
        progress.say(f'{np.count_nonzero(~fires)} of {len(fires)} units have no spike in any usable trial')
    classes = f'{len(split.classes)} objects, ' if split.classes else ''
    progress.say(
        f'{session.name}: {session.unit_count} units, {len(trials)} usable trials of {len(session.trials)}, '
        f'{classes}bins of {experiment.settings.bin_ns / 1e6:g} ms, look-back {experiment.look_back} bins'
    )
