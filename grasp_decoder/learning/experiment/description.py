# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What a bundle and its report say about the experiment that they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np

import grasp_decoder
from grasp_decoder.bundle.manifest import Manifest, SelfReset, SourceSession, Thresholds
from grasp_decoder.bundle.task_network import OBJECT, PHASE, TaskNetwork
from grasp_decoder.features.splits import Split
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.learning.evaluation.evaluation import TrainingFacts
from grasp_decoder.learning.experiment.experiment import Experiment
from grasp_decoder.learning.grip_posterior import calibrate_evidence
from grasp_decoder.learning.models.earlier_sessions import EarlierSession
from grasp_decoder.types.time import NS_PER_S


def make_manifest(experiment: Experiment, split: Split, networks: Mapping[str, TaskNetwork]) -> Manifest:
    """The manifest of a bundle of ``networks``, as far as it is known before the export."""
    session, settings = experiment.session, experiment.settings
    parts = {
        'train': split.train + split.negatives,
        'validation': split.validation,
        'test': split.test + split.held_out_negatives,
    }
    ids = {part: tuple(sorted(trial.trial_id for trial in trials)) for part, trials in parts.items()}
    evidence = None
    if OBJECT in networks:
        evidence = calibrate_evidence(networks[OBJECT], split.train, split.validation, split.classes, settings.objects)
    return Manifest(
        name=session.name,
        created=datetime.now(UTC).isoformat(timespec='seconds'),
        package_version=grasp_decoder.__version__,
        sessions=(SourceSession(session.name, session.source_sha256, **ids), *map(_all_learnt, experiment.earlier)),
        units=session.units,
        bin_s=settings.bin_ns / NS_PER_S,
        look_back=experiment.look_back,
        classes=split.classes,
        labels=tuple(settings.objects.find(object_id).label for object_id in split.classes),
        merge=dict(settings.objects.copies),
        self_reset=_self_reset(split.train),
        final=settings.final and not split.test,
        started_from=experiment.started_from,
        movement=experiment.movement,
        evidence=evidence,
        thresholds=Thresholds(grasp=networks[PHASE].threshold) if PHASE in networks else Thresholds(),
    )


def _all_learnt(session: EarlierSession) -> SourceSession:
    ids = tuple(sorted(trial.trial_id for trial in (*session.trials, *session.negatives)))
    return SourceSession(session.name, session.sha256, train=ids, validation=(), test=())


def _self_reset(train: Sequence[TrialBins]) -> SelfReset | None:
    """In an endless segment, a trial is over when a grasp was followed by as much rest as in a training trial."""
    if not all('Rew' in trial.event_bins for trial in train):
        return None
    after_release = [trial.n_bins - trial.event_bins['Rew'] for trial in train]
    hold = [np.count_nonzero(trial.phase) for trial in train]
    return SelfReset(grasp_bins=max(2, int(np.median(hold)) // 2), rest_bins=max(1, int(np.median(after_release))))


def training_facts(
    experiment: Experiment,
    split: Split,
    manifest: Manifest,
    repeats: int,
    ended_early: Sequence[str],
    left_out: Sequence[str],
) -> TrainingFacts:
    """What was trained and how.

    Args:
        split: the first one.
        manifest: of the bundle.
        repeats: splits that were finished.
        ended_early: the fits that the clock or Ctrl-C ended.
        left_out: what was not begun or not finished because of them.
    """
    settings = experiment.settings
    return TrainingFacts(
        units=experiment.session.unit_count,
        trials=len(experiment.session.trials),
        usable_trials=len(experiment.trials),
        bin_ms=settings.bin_ns / 1e6,
        split_sizes=split.sizes,
        random_states=tuple(experiment.random_states[:repeats]),
        final=settings.final,
        started_from=experiment.started_from,
        earlier=tuple(session.name for session in experiment.earlier),
        ended_early=tuple(ended_early),
        left_out=tuple(left_out),
        models={task: network.model for task, network in manifest.tasks.items()},
    )
