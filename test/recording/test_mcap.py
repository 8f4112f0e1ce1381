# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""A recorded run comes back as the session that was sent, from files that others open."""

from dataclasses import replace

import numpy as np
import pytest
import yaml
from mcap.reader import make_reader
from mcap_ros2.writer import Writer

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording.batches import batches
from grasp_decoder.recording.mcap import SPIKES, TRIAL_EVENTS, Recorder, offered_qos
from grasp_decoder.recording.message_definitions import message_definition
from grasp_decoder.recording.reading import read_session
from grasp_decoder.recording.session import Unit
from grasp_decoder.recording.synthetic import synthesize
from grasp_decoder.types.trial_event import TrialResult

from helpers.session_equality import assert_same_arrays, assert_same_session
from helpers.trial_stream import as_one_segment

pytest.importorskip('std_msgs', reason='no ROS 2 in this environment: definitions come from it')


class Wire:
    """Serializes messages as a ROS 2 node would: what the `Recorder` gets."""

    def __init__(self, path):
        self._file = open(path, 'w+b')
        self._writer = Writer(self._file)
        self._types = {}
        self._count = 0

    def send(self, topic, type_name, message):
        if type_name not in self._types:
            self._types[type_name] = self._writer.register_msgdef(type_name, message_definition(type_name))
        self._writer.write_message(topic, self._types[type_name], message, log_time=self._count)
        self._count += 1

    def messages(self):
        self._writer.finish()
        self._file.seek(0)
        return [
            (channel.topic, schema.name, message.data, message.log_time)
            for schema, channel, message in make_reader(self._file).iter_messages()
        ]


def header(time_ns):
    return {'stamp': {'sec': time_ns // 10**9, 'nanosec': time_ns % 10**9}, 'frame_id': ''}


def sent(session, tmp_path, live=False):
    """The messages of a run; of a live source, all trials are in one segment, and objects come later than the start."""
    wire = Wire(tmp_path / 'wire.mcap')
    told = set()
    for batch in batches(session, 10_000_000, [as_one_segment(session)] if live else None):
        wire.send(
            '/spikes',
            SPIKES,
            {
                'header': header(batch.end_ns),
                'session': session.name,
                'sequence': batch.sequence,
                'segment': batch.segment,
                'window_start': batch.start_ns,
                'window_end': batch.end_ns,
                'due_ns': 0,
                'unit_count': batch.unit_count,
                'unit': batch.unit.tolist(),
                'offset_ns': batch.offset_ns.tolist(),
            },
        )
        trials = session.trials if live else session.trials[batch.segment :][:1]
        for trial in trials:
            for label, time in trial.events.items():
                if batch.start_ns <= time < batch.end_ns:
                    told.add((trial.id, label))
                    wire.send(
                        '/trial_events',
                        TRIAL_EVENTS,
                        {
                            'header': header(time),
                            'session': session.name,
                            'trial': trial.id,
                            'segment': batch.segment,
                            'label': label,
                            'object_id': -1 if live and label == next(iter(trial.events)) else trial.object_id,
                            'result': TrialResult.of(trial.correct),
                        },
                    )
    assert len(told) == sum(len(trial.events) for trial in session.trials)
    return wire.messages()


def record(path, messages):
    with Recorder(path) as recorder:
        for message in messages:
            recorder.write(*message)
    return path


@pytest.fixture
def session():
    [session] = synthesize(units=10, trials=3, objects=2)
    first, second, third = session.trials
    return replace(session, trials=(first, replace(second, correct=None), replace(third, correct=False)))


def test_the_run_of_a_live_source_is_cut_into_its_trials(session, tmp_path):
    read = read_session(record(tmp_path / 'x.mcap', sent(session, tmp_path, live=True)))
    assert len(read.trials) == len(session.trials)
    for trial, right in zip(read.trials, session.trials):
        assert (trial.object_id, trial.correct, trial.events) == (right.object_id, right.correct, right.events)
        seen = right.times_ns >= min(right.events.values())
        np.testing.assert_array_equal(trial.times_ns[: seen.sum()], right.times_ns[seen])
    assert [trial.usable for trial in read.trials] == [True, True, False]


def test_a_clock_that_is_set_back_changes_nothing(session, tmp_path):
    messages = sent(session, tmp_path)
    middle = len(messages) // 2
    back = [(*each[:3], each[3] - (10**6 if index >= middle else 0) + 10**7) for index, each in enumerate(messages)]
    read = [read_session(record(tmp_path / name, each)) for name, each in (('a.mcap', messages), ('b.mcap', back))]
    assert_same_session(read[1], replace(read[0], source_sha256=read[1].source_sha256, name=read[1].name))


def test_a_mapping_for_a_recorded_run_is_refused(session, tmp_path):
    path = record(tmp_path / 'x.mcap', sent(session, tmp_path))
    (tmp_path / 'map.yaml').write_text(yaml.safe_dump({'leave_out_units': {'group': ['noise']}}))
    with pytest.raises(GraspDecoderError, match='a recorded run needs no mapping'):
        read_session(path, tmp_path / 'map.yaml')


def test_a_recorded_run_is_the_session_that_was_sent(session, tmp_path):
    read = read_session(record(tmp_path / 'x.mcap', sent(session, tmp_path)))
    expected = replace(session, units=tuple(map(Unit, range(10))), source_sha256=read.source_sha256)
    assert_same_session(read, expected)
    assert [trial.usable for trial in read.trials] == [True, True, False]


def test_the_file_carries_its_definitions(session, tmp_path):
    path = record(tmp_path / 'x.mcap', sent(session, tmp_path))
    with open(path, 'rb') as file:
        reader = make_reader(file)
        assert reader.get_header().profile == 'ros2'
        summary = reader.get_summary()
    assert {channel.topic: channel.message_encoding for channel in summary.channels.values()} == {
        '/spikes': 'cdr',
        '/trial_events': 'cdr',
    }
    definition = next(schema for schema in summary.schemas.values() if schema.name == SPIKES).data.decode()
    assert 'uint16[] unit' in definition
    for needed in ('MSG: std_msgs/Header', 'MSG: builtin_interfaces/Time'):
        assert definition.count(needed) == 1


def test_playback_offers_what_the_publishers_offered(tmp_path):
    offered = {
        '/decoder_info': offered_qos(1, True, True),
        '/hand/e_stop': offered_qos(10, False, False),
        '/hand/joint_targets': offered_qos(100, True, False, 0.1),
    }
    with Recorder(tmp_path / 'x.mcap', offered=offered) as recorder:
        for topic in (*offered, '/other'):
            recorder.write(topic, 'std_msgs/msg/Bool', b'\0\1\0\0\1', 1)
    with open(tmp_path / 'x.mcap', 'rb') as file:
        channels = make_reader(file).get_summary().channels.values()
    kept = {channel.topic: yaml.safe_load(channel.metadata['offered_qos_profiles']) for channel in channels}
    [info], [e_stop], [targets] = (kept[topic] for topic in offered)
    assert (info['durability'], info['reliability'], info['depth']) == ('transient_local', 'reliable', 1)
    assert (e_stop['durability'], e_stop['reliability'], e_stop['depth']) == ('volatile', 'best_effort', 10)
    assert targets['deadline'] == {'sec': 0, 'nsec': 100_000_000} and info['deadline']['sec'] > 10**9
    assert kept['/other'] is None


def test_a_trial_with_missing_batches_is_excluded(session, tmp_path):
    messages = sent(session, tmp_path)
    spikes = [index for index, message in enumerate(messages) if message[0] == '/spikes']
    del messages[spikes[20]]
    read = read_session(record(tmp_path / 'x.mcap', messages))
    assert [trial.excluded for trial in read.trials] == [True, False, False]


def test_other_files_are_refused(session, tmp_path):
    messages = sent(session, tmp_path)

    def refused(name, content, problem):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(GraspDecoderError, match=problem):
            read_session(path)

    whole = record(tmp_path / 'whole.mcap', messages).read_bytes()
    refused('text.mcap', b'hello' * 100, 'not an MCAP file')
    refused('head.mcap', whole[:20], 'not an MCAP file')
    changed = bytearray(whole)
    changed[len(whole) // 3] ^= 1
    refused('changed.mcap', changed, 'not an MCAP file')
    refused('events.mcap', record(tmp_path / 'e', [m for m in messages if m[0] != '/spikes']).read_bytes(), 'no spikes')
    again = record(tmp_path / 'a', messages + [(*m[:3], m[3] + 10**6) for m in messages]).read_bytes()
    refused('again.mcap', again, 'was restarted')


def test_a_recording_that_was_cut_off_is_read_as_far_as_it_goes(session, tmp_path, caplog):
    whole = record(tmp_path / 'whole.mcap', sent(session, tmp_path)).read_bytes()
    expected, spikes = session.trials, []
    for share in (0.4, 0.6, 0.8, 0.99):
        path = tmp_path / f'cut_{share}.mcap'
        path.write_bytes(whole[: int(share * len(whole))])
        trials = read_session(path).trials
        assert 'was cut off' in caplog.text
        assert trials[-1].excluded and not any(trial.excluded for trial in trials[:-1])
        for read, trial in zip(trials[:-1], expected):
            assert_same_arrays((read.times_ns, read.units), (trial.times_ns, trial.units))
        spikes.append(sum(trial.times_ns.size for trial in trials))
        caplog.clear()
    assert spikes == sorted(spikes) and spikes[-1] > 0.9 * sum(trial.times_ns.size for trial in expected)


@pytest.mark.parametrize('type_name', [SPIKES, TRIAL_EVENTS])
def test_a_broken_message_in_a_recording_that_was_cut_off_costs_its_trial(session, tmp_path, type_name):
    messages = sent(session, tmp_path)
    second = session.trials[0].stop_ns, session.trials[1].stop_ns
    place = next(
        index
        for index, (_, kind, _, _) in enumerate(messages)
        if kind == type_name and index > len(messages) * second[0] / session.trials[-1].stop_ns
    )
    topic, kind, data, at = messages[place]
    messages[place] = topic, kind, data[: len(data) // 2], at
    path = record(tmp_path / 'x.mcap', messages)
    with pytest.raises(GraspDecoderError, match=f'a message on {topic} cannot be read'):
        read_session(path)
    path.write_bytes(path.read_bytes()[:-20])
    read = read_session(path)
    assert not read.trials[0].excluded and read.trials[1].excluded
    assert_same_arrays([read.trials[0].times_ns], [session.trials[0].times_ns])


def test_nothing_is_lost_without_a_word_when_the_disk_is_full(session, tmp_path, monkeypatch):
    messages = sent(session, tmp_path)
    with Recorder(tmp_path / 'x.mcap') as recorder:
        for message in messages[:100]:
            recorder.write(*message)
        monkeypatch.setattr(recorder, '_add', lambda *message: open('/dev/full', 'wb', 0).write(b'x'))
        for message in messages[100:]:
            recorder.write(*message)
    assert recorder.fault == f'{tmp_path / "x.mcap"}: the run cannot be recorded: No space left on device'
    assert (recorder.kept, recorder.lost) == (100, len(messages) - 100)


def test_a_recording_is_not_replaced_unasked(tmp_path):
    (tmp_path / 'x.mcap').write_bytes(b'the only recording')
    with pytest.raises(GraspDecoderError, match='the file exists'):
        Recorder(tmp_path / 'x.mcap')
    assert (tmp_path / 'x.mcap').read_bytes() == b'the only recording'
    with Recorder(tmp_path / 'x.mcap', overwrite=True) as recorder:
        assert recorder.fault is None


def test_a_place_that_cannot_be_written_is_refused_at_once(tmp_path):
    with pytest.raises(GraspDecoderError, match='cannot be recorded'):
        Recorder(tmp_path / 'absent' / 'x.mcap')


def test_every_message_of_the_package_has_a_definition():
    for name in ('DecodedGrasp', 'DecoderInfo', 'HandCommand', 'HandState', 'SpikeBatch', 'TrialEvent'):
        assert 'std_msgs/Header header' in message_definition(f'grasp_decoder/msg/{name}')
    with pytest.raises(GraspDecoderError, match='no definition of nowhere/msg/Thing'):
        message_definition('nowhere/msg/Thing')


def test_a_full_disk_is_one_line():
    recorder = Recorder('/dev/full')
    for number in range(1000):
        recorder.write('/joint_states', 'sensor_msgs/msg/JointState', bytes(1000), number)
    recorder.close()
    assert recorder.fault == '/dev/full: the run cannot be recorded: No space left on device'
    assert recorder.lost > 900
