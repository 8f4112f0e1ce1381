# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Fits the networks of an experiment within its time budget."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from grasp_decoder.bundle.task_network import OBJECT, TaskNetwork
from grasp_decoder.features.splits import Split
from grasp_decoder.learning.experiment.architecture_search import search_architecture
from grasp_decoder.learning.experiment.experiment import Experiment
from grasp_decoder.learning.experiment.measurements import Measurements
from grasp_decoder.learning.experiment.progress_report import ProgressReport
from grasp_decoder.learning.experiment.time_budget import TimeBudget
from grasp_decoder.learning.models.families import ModelFamily
from grasp_decoder.learning.models.fitting import fit
from grasp_decoder.learning.models.interrupts import noticed_interrupt
from grasp_decoder.learning.models.seed_bilstm import fit_seed_bilstm
from grasp_decoder.learning.models.training import Progress


class Trainer:
    """Fits one network after the other.

    With a search, the object network of every split has the architecture that is best among its own trials. Ctrl-C
    ends the fit that is running at its best epoch. An ``interruptible`` fit then raises KeyboardInterrupt, so that no
    further one begins.

    Args:
        search_folder: keeps the finished trials of searches.
    """

    def __init__(
        self,
        experiment: Experiment,
        budget: TimeBudget,
        measured: Measurements,
        progress: ProgressReport,
        search_folder: Path,
    ):
        self._experiment = experiment
        self._budget = budget
        self._measured = measured
        self._progress = progress
        self._search_folder = search_folder
        self._first_epoch_s = 0.0

    @property
    def has_time(self) -> bool:
        """Whether there is time for another fit, which takes at least as long as its first epoch."""
        return self._budget.seconds_left > self._first_epoch_s

    def fit_tasks(self, split: Split, state: int, interruptible: bool = False) -> dict[str, TaskNetwork]:
        """Fit one network for each task; their times are measured."""
        networks = {}
        for task in self._experiment.tasks:
            with self._measured.timed(f'train_{task}_s'):
                networks[task] = self.fit(task, split, state, interruptible=interruptible)
        return networks

    def fit(
        self, task: str, split: Split, state: int, model: str | ModelFamily | None = None, interruptible: bool = False
    ) -> TaskNetwork:
        """Fit one network.

        Args:
            state: seed of everything random.
            model: name or function of a model family; None takes the experiment's.
            interruptible: whether Ctrl-C raises KeyboardInterrupt instead of keeping the best epoch.

        Raises:
            KeyboardInterrupt: Ctrl-C came during an interruptible fit.
        """
        with noticed_interrupt() as interrupted:
            model = model or self._own_model(task, split, state)
            if interrupted and interruptible:
                raise KeyboardInterrupt
            seconds = self._budget.take_share()
            watch = _Watch(self._progress.stage(f'{task}, split {state}'), seconds)
            network = fit(
                task,
                split.train,
                split.validation,
                split.classes,
                model=model,
                look_back=self._experiment.look_back,
                seed=state,
                progress=watch,
                max_seconds=seconds,
                negatives=split.negatives,
            )
        self._first_epoch_s = max(self._first_epoch_s, watch.first_epoch_s)
        if interrupted and interruptible:
            raise KeyboardInterrupt
        if interrupted or watch.out_of_time:
            self._measured.ended_early.append(f'{task}, split {state}')
            self._progress.say(f'training ended early: {task}, split {state}; its best epoch so far is kept')
        return network

    def _own_model(self, task: str, split: Split, state: int) -> str | ModelFamily | None:
        """The experiment's model of a task; for the object, with a search, the one found in this split."""
        if task != OBJECT or not self._experiment.settings.search_trials:
            return self._experiment.models[task]
        seconds = self._budget.take_share()
        architecture = search_architecture(self._experiment, split, state, seconds, self._search_folder, self._progress)
        assert architecture is not None  # a worker only searches
        return partial(fit_seed_bilstm, architecture=architecture)


class _Watch:
    """Passes progress on, and notices when training ends because its time is over."""

    def __init__(self, progress: Progress, seconds: float):
        self._progress = progress
        self._seconds = seconds
        self._started = time.monotonic()
        self._elapsed = 0.0
        self.out_of_time = False
        self.first_epoch_s = 0.0

    def __call__(self, done: int, total: int, message: str) -> None:
        before, self._elapsed = self._elapsed, time.monotonic() - self._started
        self.first_epoch_s = self.first_epoch_s or self._elapsed
        self.out_of_time = done < total and 2 * self._elapsed - before > self._seconds
        self._progress(done, total, message)
