# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The demo: what it says of itself, and what it keeps."""

import hashlib
import os
import signal
import subprocess
import sys
import time

import pytest

from grasp_decoder.bundle.bundle import load_bundle
from grasp_decoder.cli import demo
from grasp_decoder.safe_file import MIB
from grasp_decoder.system.demo_files import demo_session, ready_bundle


def result(held, p99_ms=2.0):
    return {'trials': 20, 'trials_scored': 19, 'success_rate': held, 'latency_ms': {'p99': p99_ms}}


def test_enough_held_is_said_with_the_trials_that_were_scored():
    assert demo.verdict(result(1.0)) == 'demo: 20 trials, held 100.0 % of 19, p99 2.0 ms'


def test_too_few_held_names_the_threshold():
    said = demo.verdict(result(0.5))
    assert 'too few, 90 % are expected' in said and 'busy' not in said


def test_a_busy_machine_is_named_when_decodes_came_late():
    assert 'the machine was too busy' in demo.verdict(result(0.5, p99_ms=130.0))


@pytest.fixture
def folder(tmp_path):
    """Where a demo without pictures has ended."""
    for name in ('result.json', 'run.mcap', 'trial.png', 'report/report.html', 'logs/simulated_hand.log'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_only_files_that_exist_are_named(folder):
    files, why = demo.files_made(folder)
    assert files == f'in {folder}: result.json, report/report.html, run.mcap, trial.png'
    assert why.startswith('no hand.png: ') and 'simulated_hand.log' in why
    (folder / 'hand.png').touch()
    [files] = demo.files_made(folder)
    assert files.endswith(', trial.png, hand.png')


def test_a_missing_picture_has_its_reason(folder):
    (folder / 'logs' / 'simulated_hand.log').write_text('error: no pictures: OpenGL (egl) failed: none\n')
    assert list(demo.files_made(folder))[1] == 'no hand.png: no pictures: OpenGL (egl) failed: none'


def test_the_end_says_where_the_run_is_seen_again(folder, monkeypatch):
    monkeypatch.setattr(demo, 'has_viser', lambda: True)
    monkeypatch.setenv('DISPLAY', ':0')
    here = f'see it again, at any moment: ./run view {folder}/run.mcap, then open http://localhost:8080 in a browser'
    assert demo.how_to_see_it(folder) == here
    monkeypatch.delenv('DISPLAY')
    monkeypatch.delenv('WAYLAND_DISPLAY', raising=False)
    (folder / 'hand.png').touch()
    elsewhere = '; from another machine after ssh -L 8080:localhost:8080'
    assert demo.how_to_see_it(folder) == f'{here}{elsewhere}. What the hand did is in {folder}/hand.png'
    (folder / 'page.png').touch()
    seen = f'. The page is in {folder}/page.png. What the hand did is in {folder}/hand.png'
    assert demo.how_to_see_it(folder) == here + elsewhere + seen


def test_without_a_browser_the_demo_says_so(folder, monkeypatch):
    monkeypatch.setenv('PATH', str(folder))
    assert demo.page_missing(folder) == 'no page.png: no browser is installed (chromium)'
    assert not (folder / 'page.png').exists()


def test_one_trial_is_refused(capsys):
    assert demo.main(['--trials', '1']) == 2
    assert capsys.readouterr().err == 'error: --trials is 1: it must be 2 or more, as the last one is not scored\n'


@pytest.mark.slow
def test_an_interrupted_training_ends_at_once_and_leaves_no_bundle(tmp_path):
    pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')
    command = [sys.executable, '-m', 'grasp_decoder', 'demo', '--train']
    environment = {**os.environ, 'XDG_CACHE_HOME': str(tmp_path / 'cache')}
    making = subprocess.Popen(command, env=environment, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    for line in making.stderr:
        if 'epoch' in line:  # the first network is being trained
            break
    time.sleep(0.5)
    making.send_signal(signal.SIGINT)
    rest = making.communicate()[1]
    assert making.returncode == 130, rest
    assert 'exporting' not in rest and rest.splitlines()[-1] == 'interrupted'
    assert list((tmp_path / 'cache').rglob('*bundle*')) == []


def test_the_ready_bundle_held_out_trials_of_the_session_that_this_machine_makes():
    manifest = load_bundle(ready_bundle()).manifest
    [source] = manifest.sessions
    assert source.sha256 == hashlib.sha256(demo_session().read_bytes()).hexdigest()
    assert len(source.test) >= demo.TRIALS
    assert all(path.stat().st_size < MIB for path in ready_bundle().rglob('*'))


@pytest.mark.slow
def test_the_ready_bundle_decodes_as_well_as_one_that_is_trained_now(tmp_path):
    from grasp_decoder.cli.demo_training import train_demo

    train_demo(demo_session(), tmp_path / 'bundle')
    ready, trained = (load_bundle(path).manifest.metrics for path in (ready_bundle(), tmp_path / 'bundle'))
    for task, score in (('object', 'accuracy'), ('object', 'trial_accuracy'), ('phase', 'accuracy'), ('phase', 'f1')):
        assert ready[task][score] == pytest.approx(trained[task][score], abs=0.05), (task, score)
