"""The demo: what it says of itself, and what it keeps."""

import os
import signal
import subprocess
import sys
import time

import pytest

from grasp_decoder.cli import demo


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
    for name in ('result.json', 'trial.png', 'report/report.html', 'logs/simulated_hand.log'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_only_files_that_exist_are_named(folder):
    files, why = demo.files_made(folder)
    assert files == f'in {folder}: result.json, report/report.html, trial.png'
    assert why.startswith('no hand.png: ') and 'simulated_hand.log' in why
    (folder / 'hand.png').touch()
    [files] = demo.files_made(folder)
    assert files.endswith(', trial.png, hand.png')


def test_a_missing_picture_has_its_reason(folder):
    (folder / 'logs' / 'simulated_hand.log').write_text('error: no pictures: OpenGL (egl) failed: none\n')
    assert list(demo.files_made(folder))[1] == 'no hand.png: no pictures: OpenGL (egl) failed: none'


def test_one_trial_is_refused(capsys):
    assert demo.main(['--trials', '1']) == 2
    assert capsys.readouterr().err == 'error: --trials is 1: it must be 2 or more, as the last one is not scored\n'


@pytest.mark.slow
def test_an_interrupted_training_ends_at_once_and_leaves_nothing(tmp_path):
    command = [sys.executable, '-m', 'grasp_decoder', 'demo', '--prepare']
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
    assert list((tmp_path / 'cache' / 'grasp_decoder' / 'demo').iterdir()) == []
