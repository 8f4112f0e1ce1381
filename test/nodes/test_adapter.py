# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The node adapter beside a running decoder: units come in another order, and a bundle is made that knows it."""

import contextlib
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grasp_decoder.bundle.bundle import load_bundle
from grasp_decoder.recording.reading import read_session
from grasp_decoder.recording.writing import write_session
from grasp_decoder.system.demo_files import demo_session, ready_bundle

pytest.importorskip('rclpy', reason='no ROS 2 in this environment')
pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')

from std_srvs.srv import Trigger

from grasp_decoder.nodes.topics import DEEP, subscribe
from grasp_decoder.system.audit_log import AuditLog
from grasp_decoder.system.interfaces import DECODER_INFO, DIAGNOSTICS

pytestmark = pytest.mark.slow

TRIALS = 41
PATIENCE_S = 500.0


@pytest.fixture
def bundle(tmp_path):
    """The demo's bundle in a folder of the test's own: new ones come beside it."""
    return shutil.copytree(ready_bundle(), tmp_path / 'bundles' / 'demo')


@pytest.fixture
def recording(tmp_path):
    """Trials of the demo whose units were sorted anew."""
    session = read_session(demo_session())
    order = np.random.default_rng(1).permutation(session.unit_count).astype(np.uint16)
    trials = tuple(replace(trial, units=order[trial.units]) for trial in session.trials[:TRIALS])
    write_session(replace(session, trials=trials), tmp_path / 'sorted.neo.mat')
    return tmp_path / 'sorted.neo.mat'


@pytest.fixture
def heard(node):
    """What the nodes say of themselves: hashes of the bundles that decode, and the latest diagnostics by name."""
    hashes, statuses = [], {}

    def keep(message):
        for each in message.status:
            statuses[each.name] = each.message, {value.key: value.value for value in each.values}

    subscribe(node, DECODER_INFO, lambda message: hashes.append(message.bundle_sha256), DEEP)
    subscribe(node, DIAGNOSTICS, keep, DEEP)
    return hashes, statuses


def idle_children(pid):
    """Child processes that get only the CPU time that nobody else wants."""
    children = [int(each) for path in Path(f'/proc/{pid}/task').glob('*/children') for each in path.read_text().split()]
    return [child for child in children if os.sched_getscheduler(child) == os.SCHED_IDLE]


def test_units_in_another_order_are_learnt_while_the_decoder_runs_and_a_roll_back_forgets_them(
    start_node, spin_until, bundle, recording, heard, call, tmp_path
):
    hashes, statuses = heard
    first = load_bundle(bundle).sha256
    start_node('decoder', '--ros-args', '-p', f'bundle:={bundle}')
    parameters = [f'bundle:={bundle}', 'new_trials:=0']
    adapter = start_node('adapter', '--ros-args', *(word for each in parameters for word in ('-p', each)))
    parameters = [f'session:={recording}', 'speed:=0.0', 'batch_ms:=40.0', 'start_paused:=true', 'subscribers:=2']
    start_node('spike_replayer', '--ros-args', *(word for each in parameters for word in ('-p', each)))
    assert spin_until(lambda: statuses.get('adapter: connections', ('', {}))[0] == 'all there'), statuses.get(
        'adapter: connections'
    )
    assert call(Trigger, '/adapter/roll_back').message == 'no other bundle decoded before this one'
    assert 'too few' in call(Trigger, '/adapter/adapt').message
    assert call(Trigger, '/spike_replayer/resume').success
    # Nothing says that the last one is over.
    assert spin_until(lambda: statuses['adapter: bundle'][1]['usable trials'] == str(TRIALS - 1)), statuses
    assert statuses['adapter: bundle'][0] == 'collecting trials'
    assert call(Trigger, '/adapter/adapt').success
    assert spin_until(lambda: idle_children(adapter.pid))
    for pid in idle_children(adapter.pid):
        with contextlib.suppress(PermissionError):  # only root may
            os.sched_setscheduler(pid, os.SCHED_OTHER, os.sched_param(0))  # a busy machine would give it no time
    assert spin_until(lambda: hashes[-1] != first, PATIENCE_S), adapter.log_text()
    made = load_bundle(bundle.with_name('demo-live-1'))
    assert hashes[-1] == made.sha256 and made.manifest.units == load_bundle(bundle).manifest.units
    assert spin_until(lambda: statuses['adapter: bundle'][1]['bundles taken'] == '1')
    verdict = statuses['adapter: bundle'][1]['last bundle']
    assert 'on the newest 10 trials, of which it has learnt nothing, object' in verdict
    assert call(Trigger, '/adapter/roll_back').success
    assert spin_until(lambda: hashes[-1] == first)
    assert spin_until(lambda: statuses['adapter: bundle'][0].startswith('stopped after a roll back'))
    log = AuditLog('').path.read_text()
    assert log.count('"what": "exchange bundle"') == 2 and log.count('"what": "roll back"') == 2
