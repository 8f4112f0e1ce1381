# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Fixtures of all tests: places of their own to write to, and ROS 2 nodes."""

import contextlib
import itertools
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import hypothesis
import pytest

from grasp_decoder.share import cache_directory
from grasp_decoder.system.shared_memory import left_behind

# No test asserts how long something takes: the machine may be busy.
hypothesis.settings.register_profile('no_deadline', deadline=None)
hypothesis.settings.load_profile('no_deadline')

# Above 101 the ports of a domain run into those that Linux gives to outgoing connections.
DOMAIN_IDS = (101, 100, *range(9, 0, -1))
# In TMPDIR: what a process that a test kills cannot remove, and what `ros2 launch` and scikit-learn leave.
LEFT_BY_OTHERS = re.compile(r'replay_decode_|grasp_decoder_gazebo_|org\.chromium\.|launch_params_|sklearn_testing_')
ALLOWED_SKIPS = [
    re.compile(line)
    for line in Path(__file__).with_name('allowed_skips.txt').read_text().splitlines()
    if line and not line.startswith('#')
]


@pytest.hookimpl(tryfirst=True)  # before tests are selected by their marks
def pytest_collection_modifyitems(items):
    """Running systems get the machine for themselves: `./run test` runs the other tests first, several at a time.

    Tests that are not slow, or unhurried, start nodes too, but it does not matter when these answer.
    """
    needed = {'domain_id', 'module_domain_id', 'own_lsl'}
    for item in items:
        is_timed = item.get_closest_marker('slow') and not item.get_closest_marker('unhurried')
        if is_timed and not needed.isdisjoint(item.fixturenames):
            item.add_marker('alone')


def unexpected_skips(config):
    """The reasons of skips that are not on the list, in order, each with where it was."""
    reporter = config.pluginmanager.get_plugin('terminalreporter')  # that of the process that knows all results
    skipped = reporter.stats.get('skipped', []) if reporter else []
    found = {(report.longrepr[2].removeprefix('Skipped: '), report.nodeid) for report in skipped}
    return [f'{where}: {why}' for why, where in sorted(found) if not any(each.fullmatch(why) for each in ALLOWED_SKIPS)]


def pytest_sessionfinish(session):
    """Fail the run where something was skipped for a reason that is not on the list.

    A folder whose tests are all left out by their marks (slow) is no failure: `colcon test` runs each folder by itself.
    """
    only_marks = session.config.option.markexpr and not session.config.option.keyword
    if session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and only_marks:
        session.exitstatus = pytest.ExitCode.OK
    if session.exitstatus == pytest.ExitCode.OK and unexpected_skips(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config):
    """Say which skips those were."""
    for line in unexpected_skips(config):
        terminalreporter.write_line(f'not among the allowed skips (test/allowed_skips.txt): {line}', red=True)


@pytest.fixture(scope='session', autouse=True)
def own_places(tmp_path_factory):
    """Caches, logs and temporary files of the tests, also those of their processes, end with them.

    What nobody has removed from TMPDIR by then fails the run. Gazebo, which takes minutes to install, stays in the
    user's cache.
    """
    gazebo = cache_directory() / 'gazebo'
    gazebo.mkdir(parents=True, exist_ok=True)
    tmp_path_factory.getbasetemp()  # pytest keeps what failed tests wrote, in the place that it has found before
    with tempfile.TemporaryDirectory(prefix='grasp_decoder_tests_') as folder, pytest.MonkeyPatch.context() as patch:
        (Path(folder) / 'tmp').mkdir()
        patch.setenv('TMPDIR', f'{folder}/tmp')
        patch.setattr(tempfile, 'tempdir', None)
        patch.setenv('XDG_CACHE_HOME', f'{folder}/cache')
        patch.setenv('XDG_CONFIG_HOME', f'{folder}/config')
        patch.setenv('XDG_STATE_HOME', f'{folder}/state')
        patch.setenv('KERAS_HOME', f'{folder}/keras')
        patch.setenv('ROS_LOG_DIR', f'{folder}/log')
        cache_directory().mkdir(parents=True)
        (cache_directory() / 'gazebo').symlink_to(gazebo)
        yield
        left = [each.name for each in Path(folder, 'tmp').iterdir() if not LEFT_BY_OTHERS.match(each.name)]
    with contextlib.suppress(OSError):  # they are not empty
        gazebo.rmdir()
        gazebo.parent.rmdir()
    assert left == [], 'these temporary files were left behind'


@pytest.fixture(scope='session')
def own_shared_memory():
    """Shared memory of nodes that were killed is given back when all tests are over.

    Where several processes run tests, another's nodes may just be starting; no node is killed there.
    """
    yield
    if 'PYTEST_XDIST_WORKER' not in os.environ:
        for segment in left_behind():
            segment.unlink(missing_ok=True)
            segment.with_name(f'{segment.name}_el').unlink(missing_ok=True)


@pytest.fixture(scope='module')
def short_training():
    """Networks learn in a tenth of the usual steps: for tests that do not ask how well they decode."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('grasp_decoder.learning.models.causal_gru.EPOCHS', 10)
        patch.setattr('grasp_decoder.learning.models.causal_gru.MOVEMENT_EPOCHS', 10)
        patch.setattr('grasp_decoder.learning.models.causal_gru.LEAST_STEPS', 2)
        yield


@pytest.fixture(scope='session')
def sample_bundle(tmp_path_factory):
    """Folder of a bundle of `write_sample`. Many tests take it: what changes a bundle changes a copy."""
    from helpers.bundle_samples import write_sample

    return write_sample(tmp_path_factory.mktemp('bundles') / 'sample')


@pytest.fixture(scope='session')
def other_bundle(tmp_path_factory):
    """As `sample_bundle`, but it decodes differently."""
    from helpers.bundle_samples import write_sample

    return write_sample(tmp_path_factory.mktemp('bundles') / 'other', seed=2)


@pytest.fixture(scope='session')
def own_lsl(tmp_path_factory):
    """Streams of other programs and machines are not found. LSL reads its settings once in a process."""
    file = tmp_path_factory.mktemp('lsl') / 'lsl_api.cfg'
    file.write_text(f'[multicast]\nResolveScope = machine\n[lab]\nSessionID = test-{os.getpid()}\n[log]\nlevel = -2\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('LSLAPICFG', str(file))
        yield


@contextlib.contextmanager
def reserved_domain():
    """A ROS_DOMAIN_ID that no other running test of this machine has."""
    for number in itertools.cycle(DOMAIN_IDS):
        lock = socket.socket(socket.AF_UNIX)
        try:
            lock.bind(f'\0grasp_decoder_domain_{number}')  # a name without a file: it ends with the process
            break
        except OSError:
            lock.close()
            time.sleep(0.05)
    yield number
    lock.close()


@pytest.fixture
def domain_id(monkeypatch, tmp_path, own_shared_memory):
    """A ROS_DOMAIN_ID of the test's own, also set in the environment."""
    with reserved_domain() as number:
        monkeypatch.setenv('ROS_DOMAIN_ID', str(number))
        monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
        monkeypatch.setenv('XDG_STATE_HOME', str(tmp_path / 'state'))
        yield number


@pytest.fixture(scope='module')
def module_domain_id(own_shared_memory):
    """A ROS_DOMAIN_ID for what several tests of a module look at."""
    with reserved_domain() as number:
        yield number


@pytest.fixture
def node(domain_id):
    """An rclpy node of the test, in the test's own domain. Skips without the built messages."""
    rclpy = pytest.importorskip('rclpy', reason='no ROS 2 in this environment')
    pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=domain_id)
    node = rclpy.create_node('test', context=context)
    executor = rclpy.executors.SingleThreadedExecutor(context=context)
    executor.add_node(node)
    yield node
    executor.shutdown()
    node.destroy_node()
    rclpy.shutdown(context=context)


@pytest.fixture
def spin_until(node):
    """``spin_until(condition, timeout_s)`` serves the test's node until the condition holds; false if it never does."""

    def spin_until(condition, timeout_s=90.0):
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                return False
            node.executor.spin_once(timeout_sec=0.02)
        return True

    return spin_until


@pytest.fixture
def start_node(domain_id, node, spin_until, tmp_path):
    """``start_node('decoder', '--ros-args', '-p', 'bundle:=/path')`` starts an executable and waits until it is seen.

    It gives the `NodeProcess`. Only what was started here is ended, by process id, when the test is over.
    """
    from grasp_decoder.system.processes import NodeProcess, end_processes

    started = []

    def start_node(name, *arguments, node_name=None):
        process = NodeProcess(name, [str(a) for a in arguments], tmp_path / f'{len(started)}_{name}.log')
        started.append(process)
        expected = node_name or name

        def seen():
            assert process.poll() is None, f'{name} ended with status {process.poll()}:\n{process.log_text()}'
            return expected in node.get_node_names()

        assert spin_until(seen), f'{name} was not seen in time:\n{process.log_text()}'
        return process

    yield start_node
    end_processes(started)


@pytest.fixture
def call(node, spin_until):
    """``call(type, name, field=value)`` calls a service and gives the answer."""

    def call(kind, name, **fields):
        client = node.create_client(kind, name)
        assert spin_until(client.service_is_ready), f'no service {name}'
        answer = client.call_async(kind.Request(**fields))
        assert spin_until(answer.done), f'{name} does not answer'
        node.destroy_client(client)
        return answer.result()

    return call


@pytest.fixture
def start_replay_decode(domain_id):
    """``start_replay_decode(ARGUMENTS)`` starts replay_decode; it is ended by its id if the test leaves it running."""
    from grasp_decoder.child_process import prepare_child
    from grasp_decoder.system.processes import executable_path

    started = []

    def start(*arguments):
        started.append(
            subprocess.Popen(
                [executable_path('replay_decode'), *map(str, arguments)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                # As from a terminal, also when the tests run in the background of a shell, where SIGINT is ignored.
                preexec_fn=prepare_child,
            )
        )
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(60)


@pytest.fixture
def feeder(node, spin_until, start_node):
    """``feeder(*arguments)`` starts hand_bridge and gives the `Feeder` that plays source and decoder for it."""
    from helpers.bridge_feeder import Feeder

    def start(*arguments):
        bridge = start_node('hand_bridge', '--ros-args', *arguments)
        feeder = Feeder(node, spin_until)
        feeder.bridge = bridge
        publishers = (feeder.decodes, feeder.spikes, feeder.e_stop)
        assert spin_until(lambda: all(p.get_subscription_count() for p in publishers))
        return feeder

    return start
