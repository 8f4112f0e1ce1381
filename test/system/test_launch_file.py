# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The launch file, run by launch itself: the nodes start, a replay is scored, and the exit status says how it went."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from grasp_decoder.child_process import prepare_child
from grasp_decoder.recording.synthetic import synthesize
from grasp_decoder.recording.writing import write_session

from helpers.bundle_samples import make_manifest, make_network, make_trials

pytest.importorskip('mujoco')
pytest.importorskip('launch_ros', reason='launch and launch_ros are not installed; they come with ROS 2 itself')
pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')

pytestmark = pytest.mark.slow

TEST = Path(__file__).resolve().parents[1]
STARTED = 'process started with pid'
LAUNCH_FILE = TEST.parent / 'launch' / 'replay_decode.launch.py'


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    """Folder of a session and a bundle that decodes nonsense."""
    from grasp_decoder.bundle.export.writing import write_bundle

    folder = tmp_path_factory.mktemp('run')
    write_session(synthesize(units=24, trials=2, objects=2)[0], folder / 'session.mat')
    write_session(synthesize(units=30, trials=2, objects=2)[0], folder / 'other.mat')
    trials = make_trials()
    write_bundle(
        folder / 'bundle', [make_network(task) for task in ('phase', 'object')], trials, trials, make_manifest()
    )
    return folder


@pytest.fixture
def launch(domain_id, files, tmp_path):
    """``launch('NAME:=VALUE', ...)`` runs the launch file; what it prints goes to ``tmp_path / 'log'``."""
    started = []

    def launch(*arguments):
        given = f'session:={files / "session.mat"}', f'bundle:={files / "bundle"}', f'result:={tmp_path / "out.json"}'
        command = [sys.executable, TEST / 'helpers' / 'launch_file.py', LAUNCH_FILE, *given, *arguments]
        with open(tmp_path / 'log', 'wb') as log:
            started.append(
                subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=prepare_child, start_new_session=True)
            )
        return started[-1]

    yield launch
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(60)


def pid_of(process, log, name):
    """The process id of a node, once launch has started it."""
    return int(wait_for_line(process, log, f'[{name}-', STARTED).rpartition('[')[2].rstrip(']'))


def wait_for_line(process, log, *words):
    """Wait until launch has printed a line with all of these words, and return it."""
    deadline = time.monotonic() + 120
    while True:
        if found := [line for line in log.read_text().splitlines() if all(word in line for word in words)]:
            return found[0]
        assert process.poll() is None and time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)


def test_a_replay_runs_under_launch_to_its_end_although_nodes_of_the_hand_die(launch, tmp_path):
    run, log = launch('hand:=mujoco', 'namespace:=left'), tmp_path / 'log'
    pids = {name: pid_of(run, log, name) for name in ('hand_bridge', 'simulated_hand')}
    wait_for_line(run, log, 'trial    1/2')
    for name, pid in pids.items():
        os.kill(pid, signal.SIGKILL)
        wait_for_line(run, log, f'{name} has ended with status -9: it is started again')
    assert run.wait(300) == 0, log.read_text()
    assert 'run_monitor has ended with status 0: the run ends' in log.read_text()
    for name in pids:
        assert len([line for line in log.read_text().splitlines() if name in line and STARTED in line]) == 2
    scored = json.loads((tmp_path / 'out.json').read_text())
    assert (scored['trials'], scored['wrong_bins'], scored['partial']) == (2, 0, False)


@pytest.mark.parametrize(
    'argument, words',
    [
        ('speed:=abc', "speed is 'abc'"),
        ('hand:=claw', '"hand" provided value "claw"'),
        ('only_correct:=yes', "only_correct is 'yes': it must be true or false"),
        ('session:=/nowhere.mat', 'session: /nowhere.mat does not exist'),
        ('params_file:=/nowhere.yaml', 'params_file: /nowhere.yaml does not exist'),
        ('result:=/nowhere/out.json', 'cannot be written'),
    ],
)
def test_a_wrong_argument_is_named_before_anything_starts(launch, tmp_path, argument, words):
    assert launch(argument).wait(60) == 1
    said = (tmp_path / 'log').read_text()
    assert words in said and 'process started' not in said


def test_bad_input_that_a_node_finds_ends_with_1(launch, files, tmp_path):
    assert launch(f'session:={files / "other.mat"}').wait(120) == 1
    assert 'has ended with status 2: the run ends' in (tmp_path / 'log').read_text()


def test_a_node_that_gives_up_ends_with_1_and_is_named_in_the_result(launch, tmp_path):
    run, log = launch(), tmp_path / 'log'
    pid = pid_of(run, log, 'hand_bridge')
    wait_for_line(run, log, 'trial    1/2')
    os.kill(pid, signal.SIGINT)
    assert run.wait(120) == 1, log.read_text()
    result = json.loads((tmp_path / 'out.json').read_text())
    assert result['partial'] is True and 'hand_bridge has ended with status 0' in result['note']


def test_ctrl_c_keeps_the_result_so_far(launch, tmp_path):
    run, log = launch(), tmp_path / 'log'
    wait_for_line(run, log, 'trial    1/2')
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does
    assert run.wait(120) == 0, log.read_text()
    assert 'Traceback' not in log.read_text() and 'failed to terminate' not in log.read_text()
    result = json.loads((tmp_path / 'out.json').read_text())
    assert result['partial'] is True and result['wrong_bins'] is None and 'ended early' in result['note']
