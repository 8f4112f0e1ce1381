# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The running system, from the command line: real nodes in processes of their own."""

import json
import os
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grasp_decoder.bundle.export.writing import write_bundle
from grasp_decoder.cli import synthesize
from grasp_decoder.recording.reading import read_session
from grasp_decoder.recording.writing import write_session
from grasp_decoder.system.processes import executable_path

from helpers.bundle_samples import UNITS, make_manifest, make_network, make_trials
from helpers.replay_run import children, wait_for_a_trial

pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')
pytestmark = pytest.mark.slow

KEYS = {
    'trials',
    'success_rate',
    'success_rate_right_grip',
    'right_grip_rate',
    'closed_rate',
    'latency_ms',
    'lost_batches',
    'wrong_bins',
    'bins',
    'partial',
}


@pytest.fixture(scope='module')
def session(tmp_path_factory):
    path = tmp_path_factory.mktemp('session') / 'made.neo.mat'
    assert synthesize.main(['--out', str(path), '--units', str(UNITS), '--trials', '6', '--objects', '2']) == 0
    return path


@pytest.fixture(scope='module')
def bundle(tmp_path_factory):
    """Untrained networks decode nonsense, but every bit of it must arrive."""
    path = tmp_path_factory.mktemp('bundle') / 'bundle'
    networks = [make_network(task) for task in ('phase', 'object', 'dof')]
    write_bundle(path, networks, make_trials(), make_trials(seed=1), make_manifest())
    return path


@pytest.fixture
def start(start_replay_decode):
    return start_replay_decode


def wait_for_nodes(process, last='spike_replayer'):
    """The nodes, once all of them have been started."""
    deadline = time.monotonic() + 60
    while not {'run_monitor', 'spike_replayer', last} <= children(process).keys():
        assert process.poll() is None and time.monotonic() < deadline, process.stderr.read()
        time.sleep(0.02)
    return children(process)


def assert_all_ended(pids):
    deadline = time.monotonic() + 10
    while any(Path(f'/proc/{pid}').exists() for pid in pids):
        assert time.monotonic() < deadline, 'nodes are left behind'
        time.sleep(0.05)


@pytest.fixture(scope='module')
def run(session, bundle, module_domain_id, tmp_path_factory):
    """A whole run: output, result and record."""
    folder = tmp_path_factory.mktemp('run')
    done = subprocess.run(
        [
            executable_path('replay_decode'),
            '--session',
            session,
            '--bundle',
            bundle,
            '--hand',
            'mujoco',
            '--speed',
            '4',
            '--trials',
            '4',
            '--record',
            folder / 'run.npz',
            '--json',
            folder / 'out.json',
        ],
        capture_output=True,
        text=True,
        env={**os.environ, 'ROS_DOMAIN_ID': str(module_domain_id)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads((folder / 'out.json').read_text()), np.load(folder / 'run.npz')


def test_result_has_every_key_and_no_wrong_bin(run, session):
    _, result, _ = run
    assert result.keys() >= KEYS
    assert result['trials'] == 4
    trials = read_session(session).trials[:4]
    assert result['bins'] == sum((trial.stop_ns - trial.start_ns) // 40_000_000 for trial in trials)
    assert result['wrong_bins'] == 0
    assert result['lost_batches'] == 0


def test_each_usable_trial_gets_its_live_line(run, session):
    output, _, _ = run
    usable = sum(trial.usable for trial in read_session(session).trials[:4])
    assert sum(line.startswith('trial ') for line in output.split('\n')) == usable


def test_record_recounts_to_the_result(run, session):
    _, result, record = run
    assert len(record['bin']) == result['bins']
    assert np.nanpercentile(record['latency_ms'], 99) == pytest.approx(result['latency_ms']['p99'])
    spikes = 0
    for trial in read_session(session).trials[:4]:
        whole = (trial.stop_ns - trial.start_ns) // 40_000_000 * 40_000_000
        spikes += (trial.times_ns < trial.start_ns + whole).sum()
    assert record['counts'].sum() == spikes
    np.testing.assert_allclose(record['probabilities'].sum(axis=1), 1, atol=1e-5)


def test_full_speed_decodes_every_bin_as_offline(start, session, bundle, tmp_path):
    process = start('--session', session, '--bundle', bundle, '--speed', '0', '--json', tmp_path / 'out.json')
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    result = json.loads((tmp_path / 'out.json').read_text())
    assert result['wrong_bins'] == 0 and result['bins'] > 0
    assert result['closed_rate'] is None
    assert output.count(' decoded\n') == 6


def test_only_correct_trials_are_replayed_when_asked_for(start, session, bundle, tmp_path):
    made = read_session(session)
    doubted = replace(
        made,
        name='doubted',
        trials=tuple(replace(trial, correct=trial.id != made.trials[1].id) for trial in made.trials),
    )
    write_session(doubted, tmp_path / 'doubted.neo.mat')
    process = start(
        '--session',
        tmp_path / 'doubted.neo.mat',
        '--bundle',
        bundle,
        '--speed',
        '0',
        '--only-correct',
        '--json',
        tmp_path / 'out.json',
    )
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    result = json.loads((tmp_path / 'out.json').read_text())
    assert result['trials'] == 5 and result['wrong_bins'] == 0


def test_a_source_that_dies_ends_the_run_and_is_named(start, session, bundle, tmp_path):
    process = start('--session', session, '--bundle', bundle, '--json', tmp_path / 'out.json')
    nodes = wait_for_nodes(process)
    wait_for_a_trial(process)
    os.kill(nodes['spike_replayer'], signal.SIGKILL)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert 'spike_replayer died with status -9' in errors
    assert_all_ended(nodes.values())
    result = json.loads((tmp_path / 'out.json').read_text())
    assert result['partial'] is True and 'spike_replayer died with status -9' in result['note']


def test_what_a_hand_needs_is_started_again_and_a_recorder_is_done_without(start, session, bundle, tmp_path):
    process = start(
        *('--session', session, '--bundle', bundle, '--hand', 'mujoco'),
        *('--json', tmp_path / 'out.json', '--record', tmp_path / 'run.mcap'),
    )
    nodes = wait_for_nodes(process)
    wait_for_a_trial(process)
    for name in ('recorder', 'hand_bridge', 'simulated_hand'):
        os.kill(nodes[name], signal.SIGKILL)
    _, errors = process.communicate(timeout=240)
    assert process.returncode in (0, 1), errors  # bins may be wrong where a busy machine lost some
    assert 'recorder died with status -9, the run goes on without it' in errors
    for name in ('hand_bridge', 'simulated_hand'):
        assert f'{name} died with status -9, it is started again' in errors
    result = json.loads((tmp_path / 'out.json').read_text())
    assert result['restarts'] == {'hand_bridge': 1, 'simulated_hand': 1}
    assert result['partial'] is False and result['trials'] == 6


def test_ctrl_c_ends_every_node_and_keeps_the_result_so_far(start, session, bundle, tmp_path):
    files = tmp_path / 'out.json', tmp_path / 'run.npz'
    files[0].write_text('of an earlier run')
    process = start(
        '--session', session, '--bundle', bundle, '--hand', 'mujoco', '--json', files[0], '--record', files[1]
    )
    nodes = wait_for_nodes(process, 'simulated_hand')
    wait_for_a_trial(process)
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)  # a second one does not cut the end short
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert 'Traceback' not in errors and 'was killed' not in errors
    assert_all_ended(nodes.values())
    assert json.loads(files[0].read_text())['partial'] is True
    assert len(np.load(files[1])['bin']) > 0
    assert sorted(tmp_path.glob('*.[jn]*')) == sorted(files)


def test_ctrl_c_while_modules_are_imported_is_no_traceback(start, session, bundle):
    process = start('--session', session, '--bundle', bundle)
    while not signals_blocked(process.pid) >> (signal.SIGINT - 1) & 1:
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors.strip().splitlines()[-1]) == (130, 'interrupted') and 'Traceback' not in errors


def signals_blocked(pid):
    status = Path(f'/proc/{pid}/status').read_text()
    return int(next(line for line in status.splitlines() if line.startswith('SigBlk')).split()[1], 16)


def test_two_systems_in_one_domain_do_not_hear_each_other(start, node, session, bundle, tmp_path):
    sides = {
        side: start(
            *('--namespace', side, '--session', session, '--bundle', bundle, '--hand', 'mujoco', '--speed', '2'),
            *('--trials', trials, '--json', tmp_path / f'{side}.json'),
        )
        for side, trials in (('left', 2), ('right', 3))
    }
    for process in sides.values():
        wait_for_a_trial(process)
    shared = {'/rosout', '/parameter_events', '/diagnostics'}
    owners = {
        (topic, end.node_namespace)
        for topic, _ in node.get_topic_names_and_types()
        for ends in (node.get_publishers_info_by_topic(topic), node.get_subscriptions_info_by_topic(topic))
        for end in ends
        if topic not in shared
    }
    assert {('/left/spikes', '/left'), ('/right/hand/state', '/right')} <= owners
    assert all(topic.startswith(f'{namespace}/') for topic, namespace in owners), owners
    for side, process in sides.items():
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        result = json.loads((tmp_path / f'{side}.json').read_text())
        assert (result['trials'], result['wrong_bins']) == ({'left': 2, 'right': 3}[side], 0)


@pytest.mark.parametrize(
    'change, words',
    [
        ({'--session': 'missing.mat'}, 'missing.mat does not exist'),
        ({'--bundle': 'missing'}, 'missing does not exist'),
        ({'--map': 'missing.yaml'}, 'missing.yaml does not exist'),
        ({'--params-file': 'missing.yaml'}, 'missing.yaml does not exist'),
        ({'--json': 'missing/out.json'}, 'missing'),
        ({'--record': 'run.txt'}, '.npz or .mcap'),
        ({'--speed': '-1'}, 'a decimal number from 0.0 to 1000.0'),
        ({'--speed': 'fast'}, 'a decimal number'),
        ({'--namespace': 'left hand'}, "namespace is 'left hand'"),
    ],
)
def test_bad_input_is_one_line(start, session, bundle, change, words):
    arguments = {'--session': session, '--bundle': bundle, **change}
    _, errors = start(*(word for pair in arguments.items() for word in pair)).communicate(timeout=60)
    assert errors.startswith('error: ') and errors.count('\n') == 1 and words in errors


def test_bundle_for_another_unit_count_is_refused(start, bundle, tmp_path):
    other = tmp_path / 'other.neo.mat'
    assert synthesize.main(['--out', str(other), '--units', '30', '--trials', '6', '--objects', '2']) == 0
    process = start('--session', other, '--bundle', bundle)
    _, errors = process.communicate(timeout=150)
    assert process.returncode == 2
    assert errors.startswith('error: ') and errors.count('\n') == 1 and '30 units' in errors
