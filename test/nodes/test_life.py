# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""SIGINT and SIGTERM end every node with status 0 and without a traceback, whenever they come."""

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

pytest.importorskip('rclpy', reason='no ROS 2 in this environment')
pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')

import rclpy
from rclpy.service import Service

from grasp_decoder.nodes.signals import ENDING_SIGNALS, not_cut_short, starting
from grasp_decoder.nodes.spin import spin
from grasp_decoder.recording.synthetic import synthesize
from grasp_decoder.recording.writing import write_session
from grasp_decoder.system.processes import NodeProcess

pytestmark = pytest.mark.slow

NODES = ('spike_replayer', 'decoder', 'hand_bridge', 'simulated_hand', 'recorder')

# In one step of its start it gets a signal and would wait for long, and another signal while it ends.
SLOW_NODE = """
import os, time
from grasp_decoder.nodes.life import run_node
from grasp_decoder.nodes.managed_node import ManagedNode
from grasp_decoder.system.node_settings import DecoderSettings

class Slow(ManagedNode):
    def __init__(self):
        super().__init__('slow', DecoderSettings)
        self.reach('__init__')
    def configure(self):
        self.reach('configure')
    def activate(self):
        self.reach('activate')
    def work(self):
        raise AssertionError('it works')
    def reach(self, step):
        if step == '{step}':
            print(step, flush=True)
            try:
                os.kill(os.getpid(), {number})
                time.sleep(600)
            except BaseException:
                if {translated}:  # as modules in C do that import others
                    raise ImportError('no module') from None
                raise
            finally:
                os.kill(os.getpid(), {number})

raise SystemExit(run_node(Slow, ['slow']))
"""

# One part of its end waits for ever.
HUNG_NODE = """
import ctypes, threading
from rclpy.node import Node
from grasp_decoder.nodes import life
from grasp_decoder.nodes.spin import spin

class Hung(Node):
    def run(self):
        if '{part}' == 'join':
            spin(self, lambda: False, beside=self.hang)
        if '{part}' == 'exit':
            libc = ctypes.CDLL(None)
            libc['__cxa_atexit'](libc.pause, None, None)
    def destroy_node(self):
        if '{part}' == 'destroy_node':
            self.hang()
        super().destroy_node()
    def hang(self):
        threading.Event().wait()

life.END_S = 1
raise SystemExit(life.run_node(lambda: Hung('hung'), ['hung']))
"""


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


def catches(process, number):
    """Whether a running process does something of its own when it gets this signal."""
    assert process.poll() is None, process.log_text()
    status = Path(f'/proc/{process.pid}/status').read_text()
    caught = next(line for line in status.splitlines() if line.startswith('SigCgt'))
    return bool(int(caught.split()[1], 16) >> (number - 1) & 1)


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
    while not catches(process, signal.SIGTERM):  # Python itself catches SIGINT
        time.sleep(0.005)
    end(process, signal.SIGINT)


@pytest.mark.parametrize(
    ('step', 'number'), [('__init__', signal.SIGINT), ('configure', signal.SIGTERM), ('activate', signal.SIGINT)]
)
@pytest.mark.parametrize('translated', [False, True])
def test_a_node_that_waits_while_it_starts_is_cut_short(domain_id, step, number, translated):
    program = SLOW_NODE.format(step=step, number=int(number), translated=translated)
    done = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True, timeout=90.0, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, f'{step}\n', '')


@pytest.mark.parametrize('part', ['join', 'destroy_node', 'exit'])
def test_a_node_that_hangs_in_its_end_is_killed_and_says_where_it_is(domain_id, part):
    program = HUNG_NODE.format(part=part)
    done = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True, timeout=90.0, check=False)
    assert done.returncode == -signal.SIGALRM, done.stderr
    if part != 'exit':  # Python is gone by then, and cannot say anything
        assert f'in {part}' in done.stderr and 'in hang' in done.stderr


def test_children_of_a_step_that_is_not_cut_short_do_not_hear_a_signal():
    program = 'import signal; print(sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])))'
    child = [sys.executable, '-c', program]
    with starting():
        with not_cut_short():
            held_back = subprocess.check_output(child, text=True)
        after = subprocess.check_output(child, text=True)
    assert (held_back, after) == (f'{sorted(ENDING_SIGNALS)}\n', '[]\n')


def test_a_node_ends_while_the_thread_beside_it_is_about_to_wait(domain_id, monkeypatch):
    about_to_wait = threading.Event()
    get_handle = Service.handle.fget

    def slow_handle(service):
        if not about_to_wait.is_set():
            about_to_wait.set()
            time.sleep(0.3)
        return get_handle(service)

    monkeypatch.setattr(Service, 'handle', property(slow_handle))
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=domain_id)
    node = rclpy.create_node('short', context=context)
    spin(node, lambda: not about_to_wait.wait(60.0))
    assert 'services' not in {thread.name for thread in threading.enumerate()}
    assert signal.alarm(0) == 0, 'the node goes on, and may take its time'
    node.destroy_node()
    rclpy.shutdown(context=context)


def test_a_second_signal_does_not_cut_the_end_short(start_node, arguments, spin_until, tmp_path):
    from mcap.reader import make_reader

    recorder = start_node('recorder', *arguments('recorder'))
    assert spin_until((tmp_path / 'run.mcap').exists)
    recorder.send_signal(signal.SIGINT)
    end(recorder, signal.SIGINT)
    with open(tmp_path / 'run.mcap', 'rb') as file:
        assert make_reader(file).get_summary() is not None
