# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The search of table 2: resumable, interruptible, and over machines."""

import math
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from grasp_decoder.bundle.task_network import OBJECT
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.learning.models import search as searching
from grasp_decoder.learning.models.seed_bilstm import Architecture
from grasp_decoder.learning.models.training import FitProblem

CHECKOUT = Path(__file__).resolve().parents[2]


def make_problem():
    trials = [
        TrialBins(
            trial_id=i,
            object_id=20 + i % 2,
            recorded_object_id=20 + i % 2,
            bin_ns=1,
            start_ns=0,
            counts=np.ones((6, 2), np.uint16),
            phase=np.ones(6, np.uint8),
            dof=np.zeros(6, np.float32),
            event_bins={'Hold': 0, 'Rew': 5},
        )
        for i in range(4)
    ]
    return FitProblem(OBJECT, trials[:2], trials[2:], (20, 21), 3, 42, lambda *_: None, math.inf)


@pytest.fixture
def problem():
    return make_problem()


class Training:
    """Stands for training: a wide, deep network scores best; Ctrl-C comes in the trial that it is told."""

    def __init__(self, interrupted_at=None):
        self.tried = []
        self.interrupted_at = interrupted_at

    def __call__(self, problem, architecture):
        self.tried.append(architecture)
        if len(self.tried) == self.interrupted_at:
            try:  # as training does: it ends with its best epoch so far
                os.kill(os.getpid(), signal.SIGINT)
            except KeyboardInterrupt:
                pass
        return None, architecture.units / 100 + architecture.layers / 1000


def run(problem, trials, folder, monkeypatch, interrupted_at=None):
    training, said = Training(interrupted_at), []
    monkeypatch.setattr(searching, 'train_seed_bilstm', training)
    return searching.search(problem, trials, folder, 'project', said.append), training.tried, said


def test_the_best_of_table_2_is_found_and_told(problem, tmp_path, monkeypatch):
    best, tried, said = run(problem, 5, tmp_path, monkeypatch)
    assert len(tried) == 5 and len(set(tried)) == 5
    assert best == max(tried, key=lambda each: (each.units, each.layers))
    for architecture in tried:
        assert architecture.kernel_regulariser in (None, 'L1', 'L2', 'L1L2')
        assert architecture.dropout in searching.SPACE['dropout']
    assert said[0].startswith('search: trial 1 of 5') and 'best validation accuracy' in said[-1]


def test_an_interrupted_search_keeps_the_best_and_goes_on(problem, tmp_path, monkeypatch):
    best, tried, said = run(problem, 5, tmp_path, monkeypatch, interrupted_at=3)
    assert len(tried) == 3 and best in tried[:2]
    assert any('stopped after 2 of 5 trials' in line for line in said)
    best, rest, _ = run(problem, 5, tmp_path, monkeypatch)
    assert len(rest) == 3 and best == max(tried[:2] + rest, key=lambda each: (each.units, each.layers))
    _, none, _ = run(problem, 5, tmp_path, monkeypatch)
    assert none == []


def test_a_search_interrupted_at_once_says_so(problem, tmp_path, monkeypatch):
    with pytest.raises(GraspDecoderError, match='before any trial was finished'):
        run(problem, 5, tmp_path, monkeypatch, interrupted_at=1)


def test_incomplete_variables_are_named(problem, tmp_path, monkeypatch):
    monkeypatch.setenv('KERASTUNER_ORACLE_IP', '127.0.0.1')
    with pytest.raises(GraspDecoderError, match='KERASTUNER_TUNER_ID and KERASTUNER_ORACLE_PORT'):
        run(problem, 5, tmp_path, monkeypatch)


def test_the_published_architecture_is_in_the_space():
    for name, values in searching.SPACE.items():
        assert getattr(Architecture(), name) in values


WORKER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_search import make_problem
from grasp_decoder.learning.models.search import search
best = search(make_problem(), 2, Path(sys.argv[2]), 'project', print)
print('found', best)
"""


@pytest.mark.slow
def test_one_chief_and_two_workers(tmp_path):
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]

    def start(tuner_id):
        return subprocess.Popen(
            [sys.executable, '-c', WORKER, str(Path(__file__).parent), str(tmp_path / tuner_id)],
            env=os.environ
            | {
                'PYTHONPATH': f'{CHECKOUT}{os.pathsep}{CHECKOUT / "test"}',
                'KERASTUNER_TUNER_ID': tuner_id,
                'KERASTUNER_ORACLE_IP': '127.0.0.1',
                'KERASTUNER_ORACLE_PORT': str(port),
            },
            stdout=subprocess.PIPE,
            text=True,
        )

    processes = {tuner_id: start(tuner_id) for tuner_id in ('chief', 'tuner0', 'tuner1')}
    try:
        said = {tuner_id: process.communicate()[0] for tuner_id, process in processes.items()}
    finally:
        for process in processes.values():
            process.kill()
    assert [process.returncode for process in processes.values()] == [0, 0, 0], said
    assert sum(said[worker].count('search: trial') for worker in ('tuner0', 'tuner1')) == 2
    assert 'found Architecture(' in said['chief']
    assert all('found None' in said[worker] for worker in ('tuner0', 'tuner1'))
