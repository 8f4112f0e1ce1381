# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Further splits, searches, baselines and fractions: what they see, and what a time limit leaves of them."""

import math
from functools import partial

import numpy as np
import pytest

from grasp_decoder.bundle.task_network import WINDOW, TaskNetwork
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.count_features import IDENTITY_LUT
from grasp_decoder.learning.experiment import architecture_search, training
from grasp_decoder.learning.experiment.comparisons import decode_for_comparison
from grasp_decoder.learning.experiment.measurements import Measurements
from grasp_decoder.learning.experiment.preparation import prepare
from grasp_decoder.learning.experiment.progress_report import ProgressReport
from grasp_decoder.learning.experiment.settings import Settings
from grasp_decoder.learning.experiment.time_budget import TimeBudget
from grasp_decoder.learning.experiment.training import Trainer
from grasp_decoder.learning.models.seed_bilstm import Architecture
from grasp_decoder.recording.synthetic import synthesize
from grasp_decoder.recording.writing import write_session


@pytest.fixture(scope='module')
def session(tmp_path_factory):
    path = tmp_path_factory.mktemp('session') / 'Small.neo.mat'
    write_session(synthesize(units=6, trials=24, objects=2)[0], path)
    return path


class Search:
    """Stands for the search; every search finds another architecture."""

    def __init__(self):
        self.problems, self.projects = [], []

    def __call__(self, problem, trials, folder, project, say):
        self.problems.append(problem)
        self.projects.append(project)
        return Architecture(units=1 + self.projects.index(project))


class Fit:
    """Stands for training; its networks know nothing."""

    def __init__(self):
        self.fitted = []

    def __call__(self, task, train, validation, classes, *, model, **options):
        self.fitted.append((task, train, model))
        outputs = len(classes) if task == 'object' else 2

        def predict(trials):
            return [np.full((trial.n_bins, outputs), 1 / outputs, np.float32) for trial in trials]

        return TaskNetwork(task, 'none', WINDOW, 1, IDENTITY_LUT, None, predict)


@pytest.fixture
def run(session, tmp_path, monkeypatch):
    def run(seconds=math.inf, **settings):
        search, fit = Search(), Fit()
        monkeypatch.setattr(architecture_search, 'search', search)
        monkeypatch.setattr(training, 'fit', fit)
        measured, progress = Measurements(), ProgressReport()
        experiment = prepare(session, Settings(tasks=('object',), **settings), progress, measured)
        budget = TimeBudget(seconds, experiment.step_count)
        trainer = Trainer(experiment, budget, measured, progress, tmp_path / 'search')
        split = experiment.split(42)
        trainer.fit_tasks(split, 42)
        found = decode_for_comparison(experiment, trainer, budget, measured, progress)
        if settings.get('final'):
            trainer.fit_tasks(split.whole, 42)
        return experiment, search, fit, found

    return run


def test_no_test_trial_of_a_split_reaches_its_search(run):
    experiment, search, fit, _ = run(search_trials=2, repeats=3, train_fractions=(0.8, 0.5))
    splits = [experiment.split(state) for state in experiment.random_states]
    splits += [experiment.split(state, 0.5) for state in experiment.random_states]
    assert len(search.problems) == len(fit.fitted) == len(splits) == len(set(search.projects))
    for number, (split, problem, (_, train, model)) in enumerate(zip(splits, search.problems, fit.fitted), start=1):
        seen = {trial.trial_id for trial in (*problem.train, *problem.validation)}
        assert seen.isdisjoint(trial.trial_id for trial in split.test)
        assert {trial.trial_id for trial in train} <= seen
        assert isinstance(model, partial) and model.keywords['architecture'].units == number


def test_the_final_network_has_the_architecture_that_was_scored(run):
    _, search, fit, _ = run(search_trials=2, final=True, baselines='none')
    assert len(set(search.projects)) == 1
    assert [model.keywords['architecture'].units for _, _, model in fit.fitted] == [1, 1]


def test_all_that_a_time_limit_leaves_out_is_named(run):
    _, _, fit, found = run(0, repeats=3, baselines='all', train_fractions=(0.8, 0.5))
    assert len(fit.fitted) == 1 and not found.repeats and not found.curve
    assert found.left_out[0] == 'splits 1, 2' and found.left_out[-1] == 'training fractions 0.5'
    assert 'baseline seed_bilstm of 3 splits' in found.left_out
    _, _, fit, found = run(repeats=2, baselines='all', train_fractions=(0.8, 0.5))
    assert len(fit.fitted) == 2 + 2 + 2 * 2 and found.left_out == []
    assert {'decoder', 'lda', 'seed_bilstm'} <= found.curve[0].keys()


def test_a_baseline_that_did_not_decode_all_splits_is_left_out_of_the_curve(run, monkeypatch):
    has_time = iter([True] * 7 + [False])  # the time is over before the last of all fits
    monkeypatch.setattr(Trainer, 'has_time', property(lambda trainer: next(has_time)))
    _, _, fit, found = run(repeats=2, baselines='all', train_fractions=(0.8, 0.5))
    assert len(fit.fitted) == 7 and {'decoder', 'lda'} <= found.curve[0].keys() and 'seed_bilstm' not in found.curve[0]
    assert found.left_out == ['baseline seed_bilstm of training fractions 0.5']


def test_several_machines_search_one_split_only(run, monkeypatch):
    for name, value in (('TUNER_ID', 'chief'), ('ORACLE_IP', '127.0.0.1'), ('ORACLE_PORT', '1')):
        monkeypatch.setenv(f'KERASTUNER_{name}', value)
    for several in ({'repeats': 2}, {'train_fractions': (0.8, 0.5)}):
        with pytest.raises(GraspDecoderError, match='several machines search one split'):
            run(search_trials=2, **several)
