"""Fits the networks of an experiment within its time budget."""

from __future__ import annotations

import time

from grasp_decoder.bundle.task_network import TaskNetwork
from grasp_decoder.features.splits import Split
from grasp_decoder.learning.experiment.experiment import Experiment
from grasp_decoder.learning.experiment.measurements import Measurements
from grasp_decoder.learning.experiment.progress_report import ProgressReport
from grasp_decoder.learning.experiment.time_budget import TimeBudget
from grasp_decoder.learning.models.families import ModelFamily
from grasp_decoder.learning.models.fitting import fit
from grasp_decoder.learning.models.interrupts import noticed_interrupt
from grasp_decoder.learning.models.training import Progress


class Trainer:
    """Fits one network after the other.

    Ctrl-C ends the fit that is running at its best epoch. An ``interruptible`` fit then raises KeyboardInterrupt, so
    that no further one begins.
    """

    def __init__(self, experiment: Experiment, budget: TimeBudget, measured: Measurements, progress: ProgressReport):
        self._experiment = experiment
        self._budget = budget
        self._measured = measured
        self._progress = progress

    def fit_tasks(self, split: Split, state: int, interruptible: bool = False) -> dict[str, TaskNetwork]:
        """Fit one network for each task; their times are measured."""
        networks = {}
        for task in self._experiment.tasks:
            with self._measured.timed(f'train_{task}_s'):
                networks[task] = self.fit(task, split, state, self._experiment.models[task], interruptible)
        return networks

    def fit(
        self, task: str, split: Split, state: int, model: str | ModelFamily | None, interruptible: bool = False
    ) -> TaskNetwork:
        """Fit one network.

        Args:
            state: seed of everything random.
            model: name or function of a model family; None takes the default.
            interruptible: whether Ctrl-C raises KeyboardInterrupt instead of keeping the best epoch.

        Raises:
            KeyboardInterrupt: Ctrl-C came during an interruptible fit.
        """
        seconds = self._budget.take_share()
        watch = _Watch(self._progress.stage(f'{task}, split {state}'), seconds)
        with noticed_interrupt() as interrupted:
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
        if interrupted and interruptible:
            raise KeyboardInterrupt
        if interrupted or watch.out_of_time:
            self._measured.ended_early.append(f'{task}, split {state}')
            self._progress.say(f'training ended early: {task}, split {state}; its best epoch so far is kept')
        return network


class _Watch:
    """Passes progress on, and notices when training ends because its time is over."""

    def __init__(self, progress: Progress, seconds: float):
        self._progress = progress
        self._seconds = seconds
        self._started = time.monotonic()
        self.out_of_time = False

    def __call__(self, done: int, total: int, message: str) -> None:
        elapsed = time.monotonic() - self._started
        self.out_of_time = done < total and elapsed * (done + 1) / max(1, done) > self._seconds
        self._progress(done, total, message)
