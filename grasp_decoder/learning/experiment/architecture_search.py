# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Searches the architecture of the object network among the trials of one split."""

from __future__ import annotations

import hashlib
from pathlib import Path

from grasp_decoder.bundle.task_network import OBJECT
from grasp_decoder.features.splits import Split
from grasp_decoder.learning.experiment.experiment import Experiment
from grasp_decoder.learning.experiment.progress_report import ProgressReport
from grasp_decoder.learning.models.search import search
from grasp_decoder.learning.models.seed_bilstm import Architecture
from grasp_decoder.learning.models.training import FitProblem


def search_architecture(
    experiment: Experiment, split: Split, state: int, seconds: float, folder: Path, progress: ProgressReport
) -> Architecture | None:
    """Search on the training and validation trials of one split; None in a worker.

    Every split has a search of its own, because the test trials of one split are training trials of another.

    Args:
        state: random state of the split, and seed of the search.
        seconds: for the whole search.
        folder: keeps the finished trials of this experiment, and of others.
    """
    problem = FitProblem(
        OBJECT,
        split.train,
        split.validation,
        split.classes,
        experiment.look_back,
        state,
        progress.stage(f'search, split {state}'),
        seconds,
    )
    return search(problem, experiment.settings.search_trials, folder, _project(experiment, problem), progress.say)


def _project(experiment: Experiment, problem: FitProblem) -> str:
    """Name of a search, by what architectures are compared on.

    The training trials are not part of it: a network that is fitted once more on all trials takes what was found.
    """
    settings = experiment.settings
    identity = (
        experiment.session.source_sha256,
        settings.bin_ns,
        problem.look_back,
        sorted(settings.objects.copies.items()),
        settings.protocol,
        problem.seed,
        sorted(trial.trial_id for trial in problem.validation),
    )
    return hashlib.sha256(repr(identity).encode()).hexdigest()[:16]
