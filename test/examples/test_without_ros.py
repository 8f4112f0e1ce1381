# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The examples that need no ROS, run as a user runs them: your own decoder, and a session decoded with it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from grasp_decoder.bundle.bundle import load_bundle
from grasp_decoder.recording.reading import read_session
from grasp_decoder.recording.synthetic import synthesize
from grasp_decoder.recording.writing import write_session

EXAMPLES = Path(__file__).resolve().parents[2] / 'examples'

pytestmark = pytest.mark.slow


def run(example, *arguments):
    done = subprocess.run([sys.executable, EXAMPLES / example, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope='module')
def session(tmp_path_factory):
    path = tmp_path_factory.mktemp('session') / 'session.neo.mat'
    write_session(synthesize(units=40, trials=40, objects=3, seed=1, days=1)[0], path)
    return path


@pytest.fixture(scope='module')
def bundle(session, tmp_path_factory):
    """The bundle of the example's own decoder."""
    out = tmp_path_factory.mktemp('own') / 'bundle'
    run('own_decoder.py', '--session', session, '--out', out, '--tasks', 'phase,object')
    return out


def test_own_decoder_is_in_the_bundle_and_decodes(bundle):
    tasks = load_bundle(bundle).manifest.tasks
    assert {task: network.model for task, network in tasks.items()} == {'phase': 'linear', 'object': 'linear'}
    scores = json.loads((bundle / 'report' / 'metrics.json').read_text())
    assert scores['phase']['accuracy'] > 0.8
    assert scores['object']['accuracy'] > 0.6  # chance is a third


def test_own_decoder_refuses_what_it_cannot_learn(session, tmp_path):
    command = [sys.executable, EXAMPLES / 'own_decoder.py', '--session', session, '--out', tmp_path / 'b']
    done = subprocess.run([*command, '--tasks', 'dof'], capture_output=True, text=True)
    assert done.returncode == 2
    assert 'use --tasks phase,object' in done.stderr and 'Traceback' not in done.stderr


def test_decode_session_says_a_line_for_every_bin(session, bundle):
    header, *lines = run('decode_session.py', session, bundle).splitlines()
    assert header.split() == ['trial', 'bin', 'P(grasp)', 'object', 'P(object)']
    bin_ns = load_bundle(bundle).manifest.bin_ns
    trials = read_session(session).trials
    assert len(lines) == sum((trial.stop_ns - trial.start_ns) // bin_ns for trial in trials)
    classes = {str(object_id) for object_id in load_bundle(bundle).manifest.classes}
    assert {line.split()[3] for line in lines} <= classes | {'-1'}
