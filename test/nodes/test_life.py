"""SIGINT and SIGTERM end every node with status 0 and without a traceback, whenever they come."""

import signal
import time
from pathlib import Path

import pytest

pytest.importorskip('rclpy', reason='no ROS 2 in this environment')
pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')

from grasp_decoder.recording.synthetic import synthesize
from grasp_decoder.recording.writing import write_session
from grasp_decoder.system.processes import NodeProcess

pytestmark = pytest.mark.slow

NODES = ('spike_replayer', 'decoder', 'hand_bridge', 'simulated_hand', 'recorder')


@pytest.fixture
def arguments(tmp_path):
    """``arguments(node)`` lets a node wait for others, or for its bundle."""
    write_session(synthesize(units=4, trials=2, objects=2)[0], tmp_path / 'small.mat')
    own = {
        'spike_replayer': [f'session:={tmp_path / "small.mat"}'],
        'decoder': ['autostart:=false'],
        'recorder': [f'file:={tmp_path / "run.mcap"}'],
    }

    def arguments(node):
        return ['--ros-args', *(word for value in own.get(node, []) for word in ('-p', value))]

    return arguments


def end(process, number):
    process.send_signal(number)
    status = process.wait(90.0)
    log = process.log_text()
    assert status == 0, f'{process.name} ended with status {status}:\n{log}'
    assert 'Traceback' not in log and 'terminate' not in log


def blocks(process, number):
    """Whether a running process keeps this signal for later."""
    assert process.poll() is None, process.log_text()
    status = Path(f'/proc/{process.pid}/status').read_text()
    blocked = next(line for line in status.splitlines() if line.startswith('SigBlk'))
    return bool(int(blocked.split()[1], 16) >> (number - 1) & 1)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize('name', NODES)
def test_a_node_that_runs_ends_in_order(start_node, arguments, name, number):
    if name == 'simulated_hand':
        pytest.importorskip('mujoco')
    end(start_node(name, *arguments(name)), number)


@pytest.mark.parametrize('name', NODES)
def test_a_node_that_still_imports_its_modules_ends_in_order(domain_id, arguments, tmp_path, name):
    if name == 'simulated_hand':
        pytest.importorskip('mujoco')
    process = NodeProcess(name, arguments(name), tmp_path / 'log')
    while not blocks(process, signal.SIGINT):
        time.sleep(0.005)
    end(process, signal.SIGINT)


def test_a_second_signal_does_not_cut_the_end_short(start_node, arguments, tmp_path):
    from mcap.reader import make_reader

    recorder = start_node('recorder', *arguments('recorder'))
    recorder.send_signal(signal.SIGINT)
    end(recorder, signal.SIGINT)
    with open(tmp_path / 'run.mcap', 'rb') as file:
        assert make_reader(file).get_summary() is not None
