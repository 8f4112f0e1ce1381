# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The node recorder keeps what was sent, whole, when it is ended."""

import numpy as np
import pytest

from grasp_decoder.recording.batches import batches
from grasp_decoder.recording.reading import read_session
from grasp_decoder.recording.synthetic import synthesize
from grasp_decoder.system.interfaces import SPIKES, TRIAL_EVENTS

from helpers.session_equality import assert_same_arrays


@pytest.mark.slow
def test_a_run_is_recorded_to_the_last_message(start_node, node, spin_until, tmp_path, monkeypatch):
    from grasp_decoder.nodes.conversion import spike_batch_message, trial_event_message
    from grasp_decoder.nodes.topics import advertise
    from grasp_decoder.types.trial_event import TrialEvent, TrialResult

    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    path = tmp_path / 'run.mcap'
    recorder = start_node('recorder', '--ros-args', '-p', f'file:={path}')
    spikes = advertise(node, SPIKES)
    events = advertise(node, TRIAL_EVENTS)
    assert spin_until(lambda: spikes.get_subscription_count() and events.get_subscription_count() and path.exists())
    spin_until(lambda: False, 0.5)
    [session] = synthesize(units=5, trials=1, objects=1)
    [trial] = session.trials
    for label, time in trial.events.items():
        event = TrialEvent(time, trial.id, 0, label, trial.object_id, TrialResult.ERROR)
        events.publish(trial_event_message(event, session.name))
    for batch in batches(session, 40_000_000):
        spikes.publish(spike_batch_message(batch, session.name))
    assert spikes.wait_for_all_acked() and events.wait_for_all_acked()
    recorder.interrupt()
    assert recorder.wait(10) == 0
    [read] = read_session(path).trials
    assert_same_arrays((read.times_ns, read.units), (trial.times_ns, trial.units))
    assert read.times_ns.size and np.all(np.diff(read.times_ns) >= 0)
    assert (read.events, read.object_id, read.correct) == (trial.events, trial.object_id, False)


@pytest.mark.slow
@pytest.mark.parametrize(
    'arguments, problem', [([], 'parameter file is empty'), (['-p', 'file:=/proc/x.mcap'], 'cannot be recorded')]
)
def test_without_a_file_it_says_so(domain_id, tmp_path, arguments, problem):
    pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')
    from grasp_decoder.system.processes import NodeProcess

    process = NodeProcess('recorder', ['--ros-args', *arguments], tmp_path / 'log')
    assert process.wait(30) == 2
    assert problem in process.last_words()


@pytest.mark.slow
def test_a_full_disk_stops_the_recording_and_nothing_else(start_node, node, spin_until, tmp_path):
    """A full disk is made with a limit on the size of the process' files."""
    import resource

    from diagnostic_msgs.msg import DiagnosticStatus

    from grasp_decoder.nodes.conversion import spike_batch_message
    from grasp_decoder.nodes.topics import advertise, subscribe
    from grasp_decoder.system.interfaces import DIAGNOSTICS

    path = tmp_path / 'run.mcap'
    recorder = start_node('recorder', '--ros-args', '-p', f'file:={path}')
    resource.prlimit(recorder.pid, resource.RLIMIT_FSIZE, (1 << 15, 1 << 15))
    heard = {}
    subscribe(node, DIAGNOSTICS, lambda message: heard.update((each.name, each) for each in message.status))
    spikes = advertise(node, SPIKES)
    assert spin_until(spikes.get_subscription_count)
    [session] = synthesize(units=50, trials=2, objects=1)
    sent = list(batches(session, 10_000_000))

    def reported():
        spikes.publish(spike_batch_message(sent.pop(0), session.name))
        return heard and heard['recorder: file'].level == DiagnosticStatus.ERROR

    assert spin_until(reported)
    assert 'cannot be recorded: File too large' in heard['recorder: file'].message
    assert recorder.poll() is None
    recorder.interrupt()
    assert recorder.wait(10) == 2
    assert 'messages are missing' in recorder.last_words()
    read = read_session(path)
    assert 0 < sum(trial.times_ns.size for trial in read.trials) < sum(t.times_ns.size for t in session.trials)


@pytest.mark.slow
def test_a_killed_recorder_leaves_what_it_recorded(start_node, node, spin_until, tmp_path):
    from grasp_decoder.nodes.conversion import spike_batch_message
    from grasp_decoder.nodes.topics import advertise, subscribe
    from grasp_decoder.system.interfaces import DIAGNOSTICS

    path = tmp_path / 'run.mcap'
    said = []
    subscribe(node, DIAGNOSTICS, lambda message: said.extend(message.status[0].values))
    recorder = start_node('recorder', '--ros-args', '-p', f'file:={path}')
    spikes = advertise(node, SPIKES)
    assert spin_until(lambda: spikes.get_subscription_count() and path.exists())
    spin_until(lambda: False, 0.5)
    [session] = synthesize(units=100, trials=3, objects=1)
    for batch in batches(session, 10_000_000):
        spikes.publish(spike_batch_message(batch, session.name))
        if batch.sequence % 500 == 0:  # as many as wait in a queue; an answer takes seconds
            assert spikes.wait_for_all_acked()
    sent = batch.sequence + 1
    assert spin_until(lambda: any(each.key == 'messages recorded' and int(each.value) >= sent for each in said))
    recorder.kill()
    recorder.wait(10)
    read = read_session(path)
    first, last = session.trials[0], read.trials[-1]
    assert_same_arrays((read.trials[0].times_ns, read.trials[0].units), (first.times_ns, first.units))
    assert last.id == 2 and last.excluded and last.stop_ns > session.trials[-1].stop_ns - 1_500_000_000


@pytest.mark.slow
def test_a_file_that_exists_is_not_replaced_unasked(start_node, spin_until, domain_id, tmp_path):
    from grasp_decoder.system.processes import NodeProcess

    path = tmp_path / 'run.mcap'
    path.write_bytes(b'the only recording')
    refused = NodeProcess('recorder', ['--ros-args', '-p', f'file:={path}'], tmp_path / 'log')
    assert refused.wait(30) == 2
    assert 'the file exists; name another' in refused.last_words()
    assert path.read_bytes() == b'the only recording'
    allowed = start_node('recorder', '--ros-args', '-p', f'file:={path}', '-p', 'overwrite:=true')
    assert spin_until(lambda: path.read_bytes() != b'the only recording')
    allowed.interrupt()
    assert allowed.wait(10) == 0
    assert path.read_bytes()[:5] == b'\x89MCAP'
