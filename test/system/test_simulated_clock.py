# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Runs in the time of a simulated world: what cannot keep step makes them slower, never different."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import numpy as np
import pytest

pytest.importorskip('mujoco')
pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')

from grasp_decoder.child_process import prepare_child
from grasp_decoder.nodes import stepped_clock
from grasp_decoder.nodes.topics import subscribe
from grasp_decoder.system.demo_files import demo_session, ready_bundle
from grasp_decoder.system.interfaces import HAND_COMMAND
from grasp_decoder.types.hand_command import HandMode

from helpers.replay_run import children, wait_for_a_trial

pytestmark = pytest.mark.slow

BUSY = (sys.executable, '-c', 'while True: pass')
STOPPED_S = 1.5


@pytest.fixture(scope='module')
def files():
    return demo_session(), ready_bundle()


@pytest.fixture
def start(start_replay_decode, tmp_path, files):
    """``start(NAME)`` starts the first two held-out trials of the demo, in the time of the simulated hand."""
    session, bundle = files

    def start(name):
        words = ('--session', session, '--bundle', bundle, '--split', 'test', '--trials', 2, '--hand', 'mujoco')
        written = '--json', tmp_path / f'{name}.json', '--record', tmp_path / f'{name}.npz'
        return start_replay_decode(*words, *written, '--clock', 'simulated', '--speed', 0)

    return start


@contextmanager
def busy_machine():
    """A process keeps a CPU busy."""
    process = subprocess.Popen(BUSY, preexec_fn=prepare_child)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def found(process, folder, name):
    """The outcome of a run, and what of its record is not about wall time: all up to the last decode."""
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    result = json.loads((folder / f'{name}.json').read_text())
    with np.load(folder / f'{name}.npz') as file:
        record = dict(file)
    del record['latency_ms'], record['command_published_ns']
    # What a standstill makes it say comes after the command of the same decode.
    stamps, first = np.unique(record['command_stamp_ns'], return_index=True)
    world_ns, moments = np.unique(record['hand_monotonic_ns'], return_index=True)
    kept = {
        'command': first[stamps > 0],
        'hand': moments[(world_ns > world_ns[0]) & (record['hand_stamp_ns'][moments] < record['stamp_ns'][-1])],
    }
    return result, {key: each[kept.get(key.partition('_')[0], slice(None))] for key, each in record.items()}


def test_neither_a_busy_machine_nor_a_stopped_decoder_changes_a_run(start, tmp_path):
    quiet, expected = found(start('quiet'), tmp_path, 'quiet')
    with busy_machine():
        process = start('stopped')
        wait_for_a_trial(process)
        decoder = children(process)['decoder']
        os.kill(decoder, signal.SIGSTOP)
        time.sleep(STOPPED_S)
        os.kill(decoder, signal.SIGCONT)
        stopped, record = found(process, tmp_path, 'stopped')
    assert quiet['wrong_bins'] == 0 and quiet['clock'] == 'simulated' and quiet['real_time_factor'] > 0.0
    assert {HandMode.CLOSE, HandMode.HOLD} <= set(expected['command_state'])
    assert [outcome['success'] for outcome in quiet['outcomes']] == [True, None]
    for key in ('outcomes', 'bins', 'wrong_bins', 'phase_accuracy', 'object_accuracy', 'time_to_grasp_s'):
        assert stopped[key] == quiet[key], key
    for key, each in expected.items():
        np.testing.assert_array_equal(record[key], each, err_msg=key)


def test_a_killed_decoder_ends_the_run_with_a_reason_and_the_hand_safe(start, node, spin_until, tmp_path):
    commands = []
    subscribe(node, HAND_COMMAND, commands.append)
    process = start('killed')
    assert spin_until(lambda: commands and commands[-1].state == HandMode.CLOSE)
    os.kill(children(process)['decoder'], signal.SIGKILL)
    assert spin_until(lambda: process.poll() is not None)
    _, errors = process.communicate()
    assert process.returncode == 1
    assert 'decoder died with status -9' in errors and 'started again' not in errors
    result = json.loads((tmp_path / 'killed.json').read_text())
    assert result['partial'] is True and 'decoder died with status -9' in result['note']
    assert commands[-1].state == HandMode.SAFE


def test_the_world_ends_when_nobody_answers_any_more(node, spin_until, monkeypatch):
    shown = []
    clock = stepped_clock.SteppedClock(node, 0.0, lambda: shown.append(clock.time_ns))
    assert spin_until(lambda: not clock.wait() and len(shown) > 1)
    monkeypatch.setattr(stepped_clock, 'PATIENCE_NS', 0)
    assert not clock.wait()  # it has not begun: the others may still be starting
    assert clock.is_answered_by(clock.time_ns) and not clock.is_answered_by(0)
    clock.step()
    clock.tell()
    assert shown[-1] == shown[0] + stepped_clock.STEP_NS
    assert 'nobody has answered' in clock.wait()


def test_a_second_clock_of_the_domain_does_not_begin_and_leaves_the_first_alone(node, spin_until):
    first, second = (stepped_clock.SteppedClock(node, 0.0, lambda: None) for _ in range(2))
    first.step()
    first.tell()
    assert spin_until(lambda: 'another node publishes /clock' in second.wait())
    assert first.wait() == ''
