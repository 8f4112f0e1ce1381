# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""spike_replayer and decoder as processes on real DDS: what is sent is what is recorded, what comes back is offline."""

import json
import shutil
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from grasp_decoder.bundle.bundle import load_bundle, sign_bundle
from grasp_decoder.bundle.engines.bundle_engines import BundleEngines
from grasp_decoder.bundle.signature import make_keys, read_signing_key
from grasp_decoder.decoding.streaming import StreamingDecoder
from grasp_decoder.recording.batches import batches
from grasp_decoder.recording.reading import read_session
from grasp_decoder.recording.synthetic import synthesize
from grasp_decoder.recording.writing import write_session

from helpers.bundle_samples import make_manifest, make_network, make_trials

pytest.importorskip('rclpy', reason='no ROS 2 in this environment')
pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import GetParameters, SetParameters
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock
from std_srvs.srv import Trigger

from grasp_decoder.nodes.stamps import stamp
from grasp_decoder.nodes.topics import DEEP, advertise, subscribe
from grasp_decoder.srv import LoadBundle, Seek
from grasp_decoder.system.audit_log import AuditLog
from grasp_decoder.system.interfaces import CLOCK, DECODED_GRASP, DECODER_INFO, DIAGNOSTICS, SPIKES, TRIAL_EVENTS
from grasp_decoder.types.from_message import decoded_grasp_from, spike_batch_from, trial_event_from

pytestmark = pytest.mark.slow

PERIOD_NS = 10_000_000
CONFIGURE, ACTIVATE, DEACTIVATE, CLEAN_UP = (
    Transition.TRANSITION_CONFIGURE,
    Transition.TRANSITION_ACTIVATE,
    Transition.TRANSITION_DEACTIVATE,
    Transition.TRANSITION_CLEANUP,
)


@pytest.fixture(scope='module')
def recording(tmp_path_factory):
    path = tmp_path_factory.mktemp('sessions') / 'small.mat'
    write_session(synthesize(units=24, trials=4, objects=2)[0], path)
    return path


@pytest.fixture(scope='module')
def session(recording):
    return read_session(recording)


@pytest.fixture(scope='module')
def bundles(tmp_path_factory):
    """Two bundles that decode differently."""
    from grasp_decoder.bundle.export.writing import write_bundle

    folder, trials = tmp_path_factory.mktemp('bundles'), make_trials()
    paths = []
    for seed in (1, 2):
        networks = [make_network(task, seed=seed) for task in ('phase', 'object')]
        paths.append(folder / f'seed_{seed}')
        write_bundle(paths[-1], networks, trials, trials, make_manifest())
    return paths


class Ears:
    """Keeps all that is published."""

    def __init__(self, node):
        self.batches, self.events, self.decodes, self.infos, self.diagnostics = [], [], [], [], {}
        for topic, keep in (
            (SPIKES, lambda message: self.batches.append(spike_batch_from(message))),
            (TRIAL_EVENTS, lambda message: self.events.append(trial_event_from(message))),
            (DECODED_GRASP, lambda message: self.decodes.append(decoded_grasp_from(message))),
            (DECODER_INFO, self.infos.append),
            (DIAGNOSTICS, self._keep_diagnostics),
        ):
            subscribe(node, topic, keep, DEEP)

    def _keep_diagnostics(self, message):
        for status in message.status:
            self.diagnostics[status.name] = status, {value.key: value.value for value in status.values}

    def spikes(self):
        return [
            (batch.start_ns + int(offset), int(unit))
            for batch in self.batches
            for offset, unit in zip(batch.offset_ns, batch.unit)
        ]


@pytest.fixture
def ears(node):
    return Ears(node)


@pytest.fixture
def start_decoder(start_node, spin_until, ears):
    """``start_decoder(bundle)`` starts a decoder and waits until its decodes reach these ears."""

    def start(bundle):
        decoder = start_node('decoder', *parameters(bundle=bundle))
        assert spin_until(lambda: ears.infos)  # the decoder finds subscriptions in the order in which they were made
        return decoder

    return start


def parameters(**values):
    return ['--ros-args', *(argument for name, value in values.items() for argument in ('-p', f'{name}:={value}'))]


def offline(session, bundle, trials=None):
    decoder = StreamingDecoder(BundleEngines(load_bundle(bundle)))
    return [decode for batch in batches(session, PERIOD_NS, trials) for decode in decoder.push(batch)]


def outputs(decodes):
    return [
        (
            each.segment,
            each.bin,
            each.stamp_ns,
            each.phase,
            np.float32(each.phase_probability),
            each.object_id,
            tuple(each.object_probability.tolist()),
            np.float32(each.confidence),
        )
        for each in decodes
    ]


def spikes_of(trials):
    return [(int(time), int(unit)) for trial in trials for time, unit in zip(trial.times_ns, trial.units)]


def test_spikes_and_events_equal_the_files(start_node, spin_until, recording, session, ears):
    replayer = start_node('spike_replayer', *parameters(session=recording, speed=20.0))
    assert spin_until(lambda: replayer.poll() is not None)
    assert replayer.poll() == 0, replayer.log_text()
    expected = spikes_of(session.trials)
    assert spin_until(lambda: len(ears.spikes()) >= len(expected))  # what has come may still wait in the queue
    assert ears.spikes() == expected
    assert [batch.sequence for batch in ears.batches] == list(range(len(ears.batches)))
    assert [(event.trial, event.segment, event.label, event.stamp_ns, event.object_id) for event in ears.events] == [
        (trial.id, segment, label, time_ns, trial.object_id)
        for segment, trial in enumerate(session.trials)
        for label, time_ns in trial.events.items()
    ]
    due = [batch.due_ns for batch in ears.batches]
    assert due == sorted(due) and due[0] > 0


def test_decodes_equal_offline_at_full_speed(start_node, start_decoder, spin_until, recording, session, bundles, ears):
    decoder = start_decoder(bundles[0])
    start_node('spike_replayer', *parameters(session=recording, speed=0.0, subscribers=2))
    expected = offline(session, bundles[0])
    assert spin_until(lambda: len(ears.decodes) >= len(expected))
    assert outputs(ears.decodes) == outputs(expected)
    info = ears.infos[-1]
    assert (info.unit_count, info.bin_s, info.backend, list(info.tasks)) == (24, 0.04, 'cpu:int8', ['phase', 'object'])
    assert spin_until(lambda: ears.diagnostics.get('decoder: spikes', (0, {}))[1].get('bins') == str(len(expected)))
    assert ears.diagnostics['decoder: spikes'][1]['lost batches'] == '0'
    assert 'total p99 (ms)' in ears.diagnostics['decoder: latency'][1]
    assert decoder.poll() is None


def test_bundles_are_exchanged_between_two_bins(
    start_node, start_decoder, spin_until, recording, session, bundles, ears, call
):
    start_decoder(bundles[0])
    start_node('spike_replayer', *parameters(session=recording, speed=2.0, subscribers=2))
    assert spin_until(lambda: len(ears.decodes) > 20)
    too_long = str(Path(bundles[0]).parent / (300 * 'x'))
    for bundle, words in (('/nowhere', 'lies outside'), (too_long, 'File name too long')):
        refused = call(LoadBundle, '/decoder/load_bundle', bundle=bundle)
        assert not refused.success and words in refused.message
    assert call(LoadBundle, '/decoder/load_bundle', bundle=str(bundles[1])).success
    old, new = outputs(offline(session, bundles[0])), outputs(offline(session, bundles[1]))
    assert spin_until(lambda: len(ears.decodes) >= len(old)), f'{len(ears.decodes)} of {len(old)}'
    decoded = outputs(ears.decodes)
    swapped_at = next(i for i, decode in enumerate(decoded) if decode != old[i])
    assert 20 < swapped_at < len(old)
    assert decoded == old[:swapped_at] + new[swapped_at:]
    assert ears.infos[-1].bundle_sha256 == load_bundle(bundles[1]).sha256 != ears.infos[0].bundle_sha256
    lines = [json.loads(line) for line in AuditLog('').path.read_text().splitlines()]
    assert [(line['what'], line['bundle']) for line in lines] == [
        ('load bundle', str(bundles[0])),
        ('exchange bundle', '/nowhere'),
        ('exchange bundle', too_long),
        ('exchange bundle', str(bundles[1])),
    ]
    assert [line['asked_by'] for line in lines[1:]] == 3 * [['/test']] and 'lies outside' in lines[1]['result']
    assert (lines[3]['sha256'], lines[3]['result']) == (load_bundle(bundles[1]).sha256, 'done')


def test_a_paused_replayer_sends_heartbeats_and_goes_on(start_node, spin_until, recording, session, ears, call):
    replayer = start_node('spike_replayer', *parameters(session=recording, speed=10.0, trials=2, start_paused='true'))
    assert spin_until(lambda: len(ears.batches) > 5)
    first = session.trials[0].start_ns
    assert {(batch.start_ns, batch.end_ns, len(batch.unit)) for batch in ears.batches} == {(first, first, 0)}
    call(Trigger, '/spike_replayer/resume')
    assert spin_until(lambda: len(ears.spikes()) > 50)
    call(Trigger, '/spike_replayer/pause')
    assert spin_until(lambda: len(ears.batches) > 5 and len({batch.end_ns for batch in ears.batches[-5:]}) == 1)
    assert replayer.poll() is None
    call(Trigger, '/spike_replayer/resume')
    expected = spikes_of(session.trials[:2])
    assert spin_until(lambda: replayer.poll() is not None and len(ears.spikes()) >= len(expected))
    assert ears.spikes() == expected
    assert [batch.sequence for batch in ears.batches] == list(range(len(ears.batches)))


def test_speed_changes_while_it_plays(start_node, spin_until, recording, session, ears, call):
    replayer = start_node('spike_replayer', *parameters(session=recording, speed=0.1))
    assert spin_until(lambda: len(ears.spikes()) > 0)
    answers = [
        call(
            SetParameters,
            '/spike_replayer/set_parameters',
            parameters=[Parameter('speed', value=speed).to_parameter_msg()],
        ).results[0]
        for speed in (0.0, 8.0)
    ]
    assert [answer.successful for answer in answers] == [False, True]
    assert 'from or to 0' in answers[0].reason
    expected = spikes_of(session.trials)
    assert spin_until(lambda: replayer.poll() is not None and len(ears.spikes()) >= len(expected))
    assert ears.spikes() == expected


def test_reorder_depth_of_the_decoder_changes_while_it_runs(start_node, bundles, call):
    start_node('decoder', *parameters(bundle=bundles[0]))
    answer = call(
        SetParameters,
        '/decoder/set_parameters',
        parameters=[
            Parameter(name, value=value).to_parameter_msg()
            for name, value in (('reorder_depth', 7), ('rehearse', False))
        ],
    )
    assert all(result.successful for result in answer.results)
    kept = call(GetParameters, '/decoder/get_parameters', names=['reorder_depth', 'rehearse']).values
    assert (kept[0].integer_value, kept[1].bool_value) == (7, False)


def test_a_decoder_is_announced_with_a_stamp_once_simulated_time_begins(start_node, node, spin_until, bundles, ears):
    start_node('decoder', *parameters(bundle=bundles[0], use_sim_time='true'))
    assert spin_until(lambda: ears.infos) and ears.infos[0].header.stamp == stamp(0)
    clock, begun_s = advertise(node, CLOCK), time.monotonic()

    def is_stamped():
        clock.publish(Clock(clock=stamp(round((100 + time.monotonic() - begun_s) * 1e9))))
        return ears.infos[-1].header.stamp.sec >= 100

    assert spin_until(is_stamped)
    assert len(ears.infos) == 2 and ears.infos[0].bundle_sha256 == ears.infos[1].bundle_sha256


def test_seek_starts_a_segment(start_node, spin_until, recording, session, ears, call):
    replayer = start_node('spike_replayer', *parameters(session=recording, start_paused='true', speed=5.0))
    last = session.trials[-1]
    assert not call(Seek, '/spike_replayer/seek', trial=99).success
    assert call(Seek, '/spike_replayer/seek', trial=last.id, time=1.0).success
    call(Trigger, '/spike_replayer/resume')
    expected = [spike for spike in spikes_of([last]) if spike[0] >= last.start_ns + 10**9]
    assert spin_until(lambda: replayer.poll() is not None and len(ears.spikes()) >= len(expected))
    assert ears.spikes() == expected


def test_a_source_that_restarts_is_noticed(start_node, start_decoder, spin_until, recording, session, bundles, ears):
    start_decoder(bundles[0])
    expected = outputs(offline(session, bundles[0], session.trials[:1]))
    for round_number in (1, 2):
        replayer = start_node('spike_replayer', *parameters(session=recording, trials=1, speed=0.0, subscribers=2))
        assert spin_until(lambda: replayer.poll() is not None)
        assert spin_until(lambda: len(ears.decodes) >= round_number * len(expected))
    found = outputs(ears.decodes)
    assert found[: len(expected)] == expected
    # The same bins once more. What is known of the units by then lasts, so probabilities may differ.
    assert [each[:3] for each in found[len(expected) :]] == [each[:3] for each in expected]
    assert spin_until(lambda: ears.diagnostics['decoder: spikes'][1]['source restarts'] == '1')


def test_life_cycle(start_node, spin_until, recording, bundles, ears, call):
    start_node('decoder', *parameters(bundle=bundles[0], autostart='false'))
    start_node('spike_replayer', *parameters(session=recording, loop='true', speed=4.0))
    assert spin_until(lambda: len(ears.batches) > 50)
    assert not ears.infos and not ears.decodes

    def transition(number):
        return call(ChangeState, '/decoder/change_state', transition=Transition(id=number))

    assert transition(CONFIGURE).success
    assert spin_until(lambda: ears.infos)
    batches_then = len(ears.batches)
    assert spin_until(lambda: len(ears.batches) > batches_then + 50)
    assert not ears.decodes
    assert transition(ACTIVATE).success
    assert spin_until(lambda: len(ears.decodes) > 10)
    assert transition(DEACTIVATE).success
    assert call(GetState, '/decoder/get_state').current_state.label == 'inactive'
    assert spin_until(lambda: Counter(batch.segment for batch in ears.batches)[1] > 50)
    decodes_then, batches_then = len(ears.decodes), len(ears.batches)
    assert spin_until(lambda: len(ears.batches) > batches_then + 100)
    assert len(ears.decodes) == decodes_then
    assert transition(ACTIVATE).success
    assert spin_until(lambda: len(ears.decodes) > decodes_then)


def test_only_signed_bundles_decode_where_keys_are_trusted(start_node, bundles, tmp_path, call):
    public, _ = make_keys(tmp_path / 'key')
    signed = shutil.copytree(bundles[0], tmp_path / 'bundles' / 'signed')
    unsigned = shutil.copytree(bundles[1], tmp_path / 'bundles' / 'unsigned')
    sign_bundle(load_bundle(signed), read_signing_key(tmp_path / 'key'))
    start_node('decoder', *parameters(bundle=unsigned, trusted_keys=public, autostart='false'))
    configure = Transition(id=CONFIGURE)
    assert not call(ChangeState, '/decoder/change_state', transition=configure).success
    for name, value, allowed in (('trusted_keys', '', False), ('bundle', str(signed), True)):
        wanted = [Parameter(name, value=value).to_parameter_msg()]
        (answer,) = call(SetParameters, '/decoder/set_parameters', parameters=wanted).results
        assert answer.successful == allowed
    assert call(ChangeState, '/decoder/change_state', transition=configure).success
    assert 'is not signed' in call(LoadBundle, '/decoder/load_bundle', bundle=str(unsigned)).message
    assert call(LoadBundle, '/decoder/load_bundle', bundle=str(signed)).success


def test_a_decoder_takes_another_bundle_whenever_it_is_not_configured(start_node, bundles, call):
    start_node('decoder', *parameters(bundle='/nowhere', autostart='false'))

    def transition(number):
        return call(ChangeState, '/decoder/change_state', transition=Transition(id=number)).success

    def given(bundle):
        wanted = [Parameter('bundle', value=str(bundle)).to_parameter_msg()]
        return call(SetParameters, '/decoder/set_parameters', parameters=wanted).results[0]

    assert not transition(CONFIGURE)
    assert call(GetState, '/decoder/get_state').current_state.label == 'unconfigured'
    assert 'set its parameter bundle' in call(LoadBundle, '/decoder/load_bundle', bundle=str(bundles[0])).message
    assert given(bundles[0]).successful and transition(CONFIGURE)
    refused = given(bundles[1])
    assert not refused.successful and refused.reason == 'bundle can be set while the node is not configured'
    assert 'no bundle is given' in call(LoadBundle, '/decoder/load_bundle', bundle='').message
    assert transition(CLEAN_UP) and given(bundles[1]).successful and transition(CONFIGURE)


def test_a_second_source_is_warned_about(start_node, spin_until, recording, ears):
    start_node('spike_replayer', *parameters(session=recording, start_paused='true'))
    assert spin_until(lambda: ears.batches)
    second = start_node(
        'spike_replayer',
        *parameters(session=recording, start_paused='true'),
        '-r',
        '__node:=second',
        node_name='second',
    )
    assert spin_until(lambda: 'stop all but one' in second.log_text())


@pytest.mark.parametrize(
    'executable, values, expected',
    [
        ('decoder', {'bundle': '/nowhere'}, 'there is no bundle folder /nowhere'),
        ('decoder', {}, 'parameter bundle is empty'),
        ('decoder', {'precision': 'int4'}, 'it must be one of int8, float'),
        ('spike_replayer', {'session': '/nowhere.mat'}, '/nowhere.mat'),
        ('spike_replayer', {}, 'parameter session is empty'),
        ('spike_replayer', {'session': 'x', 'speed': 0.05}, 'too low: give 0, or at least 0.1'),
        ('spike_replayer', {'session': 'x', 'batch_ms': 41.0}, 'from 1.0 to 40.0'),
        ('spike_replayer', {'session': 'x', 'speed': 'fast'}, 'it must be a decimal number'),
        ('hand_bridge', {'gripps': 'x'}, 'hand_bridge has no parameter gripps: did you mean grips?'),
        ('run_monitor', {}, 'parameter session is empty'),
    ],
)
def test_bad_input_is_one_line_and_status_2(domain_id, tmp_path, executable, values, expected):
    from grasp_decoder.system.processes import NodeProcess

    process = NodeProcess(executable, parameters(**values), tmp_path / 'log')
    assert process.wait(90.0) == 2
    lines = process.log_text().strip().splitlines()
    assert lines[-1].startswith('error: ') and expected in lines[-1], process.log_text()
    assert 'Traceback' not in process.log_text()


def test_a_parameter_file_that_is_missing_is_named(domain_id, tmp_path):
    from grasp_decoder.system.processes import NodeProcess

    process = NodeProcess('hand_bridge', ['--ros-args', '--params-file', '/nowhere.yaml'], tmp_path / 'log')
    assert process.wait(30) == 2
    words = process.last_words()
    assert words.startswith('error: arguments for ROS: ') and '/nowhere.yaml' in words
