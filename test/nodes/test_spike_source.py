# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""spike_source in a running system: the hand is SAFE while the acquisition stands still; then decoding goes on."""

import contextlib
import random
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip('rclpy', reason='no ROS 2 in this environment')
pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')

from grasp_decoder.nodes.topics import subscribe
from grasp_decoder.sources.unit_map import unit_map_text
from grasp_decoder.system.demo_files import demo_session, ready_bundle
from grasp_decoder.system.interfaces import DECODED_GRASP, DIAGNOSTICS, HAND_COMMAND, TRIAL_EVENTS
from grasp_decoder.system.processes import NodeProcess
from grasp_decoder.types.hand_command import HandMode

from helpers.bundle_samples import make_manifest, make_network, make_trials
from helpers.open_ephys_sender import BLOCK, OpenEphysSender

pytestmark = pytest.mark.slow

SENDER = Path(__file__).resolve().parents[2] / 'examples' / 'lsl_sender.py'


@pytest.fixture(scope='module')
def bundle(tmp_path_factory):
    from grasp_decoder.bundle.export.writing import write_bundle

    path, trials = tmp_path_factory.mktemp('trained') / 'bundle', make_trials()
    write_bundle(path, [make_network('phase')], trials, trials, make_manifest())
    return path


def given(bundle, **parameters):
    named = {'bundle': bundle, 'system': 'openephys', **parameters}
    return ['--ros-args', *(word for name, value in named.items() for word in ('-p', f'{name}:={value}'))]


def heard_of(node):
    """Commands, decodes and trial events that come from now on, and the latest statuses of /diagnostics by name."""
    heard = commands, decodes, events, statuses = [], [], [], {}
    subscribe(node, HAND_COMMAND, commands.append)
    subscribe(node, DECODED_GRASP, decodes.append)
    subscribe(node, TRIAL_EVENTS, events.append)
    subscribe(node, DIAGNOSTICS, lambda message: statuses.update({each.name: each for each in message.status}))
    return heard


def test_the_hand_is_safe_while_the_acquisition_stands_still(start_node, node, spin_until, bundle):
    units = make_manifest().units
    commands, decodes, events, statuses = heard_of(node)

    with contextlib.closing(OpenEphysSender()) as sender:

        def spikes_of_a_block():
            for sample in sorted(random.sample(range(sender.sample, sender.sample + BLOCK), 3)):
                unit = random.choice(units)
                sender.spike(str(unit.electrode), unit.sort_code, sample)
            sender.ttl(0, sender.sample // BLOCK % 2, sender.sample)

        start_node('decoder', '--ros-args', '-p', f'bundle:={bundle}')
        start_node('hand_bridge')
        # Delays are long, so that a busy machine loses nothing.
        parameters = {'address': sender.address, 'events': '1=Cue', 'delay_ms': 200.0, 'silence_s': 0.5}
        source = start_node('spike_source', *given(bundle, **parameters))
        sender.acquire(spikes_of_a_block)
        # The hand follows this decoder as soon as it is SAFE for another reason than that there is none, or a new one.
        assert spin_until(lambda: events and any('decoder' not in each.reason for each in commands)), source.log_text()
        followed = len(decodes) + 5
        assert spin_until(lambda: len(decodes) >= followed), source.log_text()
        assert events[0].label == 'Cue'
        sender.stand_still()
        stopped = spin_until(lambda: commands[-1].reason == 'spikes stopped')
        assert stopped, f'{commands[-1].reason}\n{source.log_text()}'
        assert commands[-1].state == HandMode.SAFE
        source_status = 'spike_source: system'
        assert spin_until(lambda: source_status in statuses and 'start the' in statuses[source_status].message)
        before, sender.message_num = decodes[-1].segment, 0
        sender.acquire(spikes_of_a_block)
        assert spin_until(lambda: decodes[-1].segment > before), source.log_text()


@pytest.fixture
def start_sender(own_lsl):
    """``start_sender()`` starts the program that streams the demo's session by LSL; the test may kill it."""
    pytest.importorskip('pylsl', reason='pylsl is not installed')
    started = []

    def start():
        started.append(subprocess.Popen([sys.executable, SENDER, demo_session(), '--name', 'test']))
        return started[-1]

    yield start
    for sender in started:
        sender.kill()
        sender.wait()


def test_the_hand_is_safe_while_the_sender_of_lsl_is_dead(start_node, node, spin_until, start_sender):
    commands, decodes, events, statuses = heard_of(node)
    start_node('decoder', '--ros-args', '-p', f'bundle:={ready_bundle()}')
    # A busy machine may be late here.
    bridge = start_node('hand_bridge', '--ros-args', '-p', 'max_latency_s:=10.0')
    sender = start_sender()
    parameters = {'system': 'lsl', 'address': 'test', 'events': 'test markers', 'delay_ms': 200.0, 'silence_s': 0.0}
    source = start_node('spike_source', *given(ready_bundle(), **parameters))

    def log():
        return f'{[each.reason for each in commands[-3:]]}\n{source.log_text()}\n{bridge.log_text()}'

    assert spin_until(lambda: commands and commands[-1].state != HandMode.SAFE), log()
    assert spin_until(lambda: events and decodes and 'spike_source: system' in statuses)
    killed_at, segment = len(commands), decodes[-1].segment
    sender.kill()
    assert spin_until(lambda: 'spikes stopped' in {each.reason for each in commands[killed_at:]}), log()
    assert spin_until(lambda: 'there is no LSL stream' in statuses['spike_source: system'].message), log()
    assert commands[-1].state == HandMode.SAFE
    start_sender()
    assert spin_until(lambda: decodes[-1].segment > segment and commands[-1].state != HandMode.SAFE), log()


def test_a_map_of_other_units_is_refused_in_one_line(bundle, domain_id, tmp_path):
    units = make_manifest().units
    (tmp_path / 'map.csv').write_text(unit_map_text(units).replace('\n5,2,1,2', '\n5,2,1,7'))
    process = NodeProcess('spike_source', given(bundle, unit_map=tmp_path / 'map.csv'), tmp_path / 'log')
    assert process.wait(60) == 2
    assert process.log_text().startswith(f'error: {tmp_path / "map.csv"} does not fit {bundle}: unit 5 is ')
