# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Search of the paper's table 2 by KerasTuner's Bayesian optimisation, on one machine or many.

The search keeps every finished trial in a folder, so that the same call goes on where the last one ended. With
KerasTuner's own variables (KERASTUNER_TUNER_ID, KERASTUNER_ORACLE_IP, KERASTUNER_ORACLE_PORT) the same command line is
a chief, which hands out architectures, or a worker, which tries them; see docs/search.md.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras_tuner

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.learning.models.interrupts import noticed_interrupt
from grasp_decoder.learning.models.seed_bilstm import REGULARISERS, Architecture, train_seed_bilstm
from grasp_decoder.learning.models.training import FitProblem, make_deterministic

REGULARISER_NAMES = tuple(name or 'none' for name in REGULARISERS)
SPACE = {
    'layers': (1, 2, 3, 4),
    'units': (16, 32, 40, 64),
    'dropout': (0.0, 0.2, 0.4, 0.6, 0.7, 0.8),
    'kernel_regulariser': REGULARISER_NAMES,
    'recurrent_regulariser': REGULARISER_NAMES,
    'learning_rate': (1e-2, 1e-3, 1e-4),
}
"""Table 2: field of `Architecture` -> its values."""

CHIEF = 'chief'
VARIABLES = ('KERASTUNER_TUNER_ID', 'KERASTUNER_ORACLE_IP', 'KERASTUNER_ORACLE_PORT')


def is_distributed() -> bool:
    """Whether this process is the chief or a worker of a search over machines.

    Raises:
        GraspDecoderError: the variables that say so are incomplete.
    """
    missing = [name for name in VARIABLES if name not in os.environ]
    if 0 < len(missing) < len(VARIABLES):
        raise GraspDecoderError(f'a search over machines needs {" and ".join(missing)} as well; see docs/search.md')
    return not missing


def is_worker() -> bool:
    """Whether this process only tries architectures for a chief elsewhere."""
    return is_distributed() and CHIEF not in os.environ['KERASTUNER_TUNER_ID']


def search(
    problem: FitProblem, trials: int, folder: Path, project: str, say: Callable[[str], None]
) -> Architecture | None:
    """Try ``trials`` architectures and give the one with the best validation score; None in a worker.

    Ctrl-C ends the search early: the best of the finished trials is given, and the next call goes on from there.

    Args:
        problem: its ``progress`` is told about the epochs of each trial; ``max_seconds`` is for all trials together, on
            one machine: a worker that left early would keep its chief waiting.
        folder: keeps finished trials.
        project: name of this problem in ``folder``: the same trials, bins and seed have the same name.
        say: told about every finished trial.

    Raises:
        GraspDecoderError: no trial was finished, or the variables that name the chief are incomplete.
    """
    try:
        tuner = _Tuner(problem, trials, folder, project, say)
        interrupted = False
        if is_distributed() and not is_worker():
            say(f'search: chief at {":".join(os.environ[name] for name in VARIABLES[1:])}, waiting for workers')
        try:
            tuner.search()
        except KeyboardInterrupt:
            interrupted = True
        if is_worker():
            return None
        finished = [trial for trial in tuner.oracle.get_best_trials(trials) if trial.score is not None]
    except OSError as error:
        raise GraspDecoderError(f'cannot keep the search in {folder}: {error.strerror}') from error
    if interrupted:
        say(f'search: stopped after {len(finished)} of {trials} trials; the same command goes on with the others')
    if not finished:
        raise GraspDecoderError(f'the search ended before any trial was finished; it is kept in {folder}')
    best = finished[0]
    say(f'search: best validation accuracy {best.score:.4f} with {_described(best.hyperparameters)}')
    return _architecture(best.hyperparameters)


class _Tuner(keras_tuner.Tuner):
    """Scores each architecture by training it as the published one is trained."""

    def __init__(self, problem: FitProblem, trials: int, folder: Path, project: str, say: Callable[[str], None]):
        self._problem = problem
        self._say = say
        self._deadline = math.inf if is_distributed() else time.monotonic() + problem.max_seconds
        space = keras_tuner.HyperParameters()
        for name, values in SPACE.items():
            space.Choice(name, list(values), ordered=not isinstance(values[0], str))
        oracle = keras_tuner.oracles.BayesianOptimizationOracle(
            keras_tuner.Objective('score', 'max'),
            max_trials=trials,
            seed=problem.seed,
            hyperparameters=space,
            allow_new_entries=False,
            tune_new_entries=False,
        )
        oracle.verbose = 0
        super().__init__(oracle=oracle, directory=str(folder), project_name=project)

    def pre_create_trial(self) -> None:
        if time.monotonic() > self._deadline:
            raise KeyboardInterrupt

    def run_trial(self, trial) -> dict[str, float]:
        problem = replace(self._problem, max_seconds=max(0, self._deadline - time.monotonic()))
        make_deterministic(problem.seed)
        with noticed_interrupt() as interrupted:
            _, score = train_seed_bilstm(problem, _architecture(trial.hyperparameters))
        if interrupted:  # training gave its best epoch so far, but the trial is not finished
            raise KeyboardInterrupt
        self._say(
            f'search: trial {int(trial.trial_id) + 1} of {self.oracle.max_trials}, validation {score:.4f} with '
            f'{_described(trial.hyperparameters)}'
        )
        return {'score': score}


def _architecture(hyperparameters) -> Architecture:
    values = {name: hyperparameters.get(name) for name in SPACE}
    return Architecture(**{name: None if value == 'none' else value for name, value in values.items()})


def _described(hyperparameters) -> str:
    return ', '.join(f'{name.replace("_", " ")} {hyperparameters.get(name)}' for name in SPACE)
