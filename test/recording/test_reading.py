# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Reading recordings: the fast way gives what Neo gives, and bad input is refused in one line."""

import os
import pickle
from dataclasses import replace

import neo
import nixio  # noqa: F401  Neo's NixIO needs it
import numpy as np
import pytest
import quantities as pq
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.objects import load_objects
from grasp_decoder.recording.block_to_session import session_from_block
from grasp_decoder.recording.cache import release
from grasp_decoder.recording.mapping import default_mapping, load_mapping
from grasp_decoder.recording.neo_mat import read_neo_mat
from grasp_decoder.recording.neo_reader import read_with_neo, read_with_neo_here
from grasp_decoder.recording.reading import read_block, read_session
from grasp_decoder.recording.session import Unit

from helpers.neo_blocks import EVENTS, make_block, make_segment, write_mat
from helpers.session_equality import assert_same_arrays, assert_same_session
from helpers.shared_data import shared_data

LABELS = st.sampled_from(['Start', 'Cue', 'Go', 'Hold', 'Rew', 'End', 'x'])
TIME_UNITS = st.sampled_from(['s', 'ms', 'us'])


@st.composite
def segments(draw, start_s, unit_annotations):
    number_type = draw(st.sampled_from([np.float32, np.float64]))
    units = draw(TIME_UNITS)
    per_second = {'s': 1, 'ms': 1e3, 'us': 1e6}[units]
    segment = neo.Segment(
        name=draw(st.none() | st.just('a trial')),
        **draw(
            st.fixed_dictionaries(
                {},
                optional={
                    'obj': st.integers(0, 99),
                    'correct': st.booleans() | st.integers(0, 1),
                    'note': st.none() | st.text('ab', min_size=1, max_size=3),
                },
            )
        ),
    )
    seconds = st.floats(start_s + 2**-10, start_s + 1 - 2**-10, width=32)
    for _ in range(draw(st.integers(0, 2))):
        times = sorted(draw(st.lists(seconds, max_size=4)))
        labels = [draw(LABELS).ljust(draw(st.integers(0, 8))) for _ in times]
        segment.events.append(neo.Event(np.array(times) * pq.s, labels=np.array(labels, dtype='U')))
    for annotations in unit_annotations:
        times = np.sort(np.array(draw(st.lists(seconds, max_size=5)), dtype=number_type)) * number_type(per_second)
        segment.spiketrains.append(
            neo.SpikeTrain(times, units=units, t_start=start_s * pq.s, t_stop=(start_s + 1) * pq.s, **annotations)
        )
    if draw(st.booleans()):
        channels = draw(st.integers(1, 3))
        segment.analogsignals.append(
            neo.AnalogSignal(
                np.arange(4.0 * channels).reshape(4, channels) * pq.mV,
                t_start=start_s * pq.s,
                sampling_rate=draw(st.sampled_from([100 * pq.Hz, 0.5 * pq.kHz])),
                name=draw(st.none() | st.just('wrist')),
            )
        )
    if draw(st.booleans()):
        segment.epochs.append(neo.Epoch([start_s] * pq.s, [0.5] * pq.s, labels=np.array(['ignored'])))
    return segment


@st.composite
def blocks(draw):
    unit_annotations = draw(
        st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    'electrode': st.integers(0, 3),
                    'u': st.integers(0, 4),
                    'area': st.sampled_from(['M1', 'AIP']),
                    'quality': st.floats(0, 1),
                },
            ),
            min_size=1,
            max_size=4,
        )
    )
    block = neo.Block(name=draw(st.none() | st.text('ab -', min_size=1, max_size=5)))
    for index in range(draw(st.integers(1, 3))):
        block.segments.append(draw(segments(5.0 + 1.5 * index, unit_annotations)))
    if draw(st.booleans()):
        block.groups.append(neo.Group(name='ignored'))
    return block


@settings(max_examples=60)
@given(block=blocks(), compressed=st.booleans())
def test_the_fast_reader_gives_what_neo_gives(block, compressed, tmp_path_factory):
    path = write_mat(block, tmp_path_factory.mktemp('mat') / 'x.neo.mat', do_compression=compressed)
    fast, by_neo = (read(path) for read in (read_neo_mat, read_with_neo_here))
    assert fast.name == by_neo.name
    for a, b in zip(fast.trials, by_neo.trials, strict=True):
        assert (a.start_s, a.stop_s) == (b.start_s, b.stop_s)
        assert a.events == b.events
        assert_same_arrays((a.spikes_s, a.spike_counts), (b.spikes_s, b.spike_counts))
        assert list(a.signals) == list(b.signals)
        for name in a.signals:
            assert_same_arrays(a.signals[name], b.signals[name])
        assert a.annotations == b.annotations
        assert a.unit_annotations == b.unit_annotations


def write_session(path, *segments):
    return write_mat(make_block(*segments), path)


def test_a_session_is_mapped_checked_and_in_integer_time(tmp_path):
    path = write_session(
        tmp_path / 'day1.neo.mat', make_segment(), make_segment(7.0, object_id=90), make_segment(9.0, correct=0)
    )
    session = read_session(path)
    assert session.name == 'day1'
    assert session.units == (Unit(0, 0, 1, 'M1'), Unit(1, 0, 2, 'M1'), Unit(2, 1, 1, 'M1'))
    first = session.trials[0]
    assert first.events == {label: 5_000_000_000 + round(s * 1e9) for label, s in EVENTS.items()}
    assert (first.start_ns, first.stop_ns, first.object_id, first.correct) == (5_000_000_000, 6_000_000_000, 21, True)
    assert first.times_ns.dtype == np.int64 and first.units.dtype == np.uint16
    assert np.all(np.diff(first.times_ns) >= 0)
    assert [trial.usable for trial in session.trials] == [True, False, False]


def test_a_block_without_a_name_is_called_as_its_file(tmp_path):
    path = write_session(tmp_path / 'monday.neo.mat', make_segment())
    copy = tmp_path / 'tuesday.mat'
    copy.write_bytes(path.read_bytes())
    assert [read_session(file).name for file in (path, copy)] == ['monday', 'tuesday']


def test_simultaneous_spikes_ascend_by_unit_and_a_spike_on_the_end_is_kept(tmp_path):
    segment = make_segment(spikes=0)
    segment.spiketrains[:] = [
        neo.SpikeTrain([5.5, 6.0] * pq.s, t_start=5 * pq.s, t_stop=6 * pq.s),
        neo.SpikeTrain([5.5] * pq.s, t_start=5 * pq.s, t_stop=6 * pq.s),
    ]
    trial = read_session(write_session(tmp_path / 'x.mat', segment)).trials[0]
    assert trial.units.tolist() == [0, 1, 0]
    assert trial.stop_ns == 6_000_000_001


def test_neo_reads_what_the_fast_reader_does_not_know(tmp_path):
    different = make_segment()
    different.spiketrains[1].name = 'only this one has a name'
    path = write_session(tmp_path / 'x.neo.mat', different)
    session = read_session(path)
    by_neo = session_from_block(path, read_with_neo(path), default_mapping(), load_objects(), session.source_sha256)
    assert_same_session(replace(session, name=''), by_neo)


def test_nix_gives_the_session_that_mat_gives(tmp_path):
    segments = [make_segment(5.0 + 2 * index, object_id=21 + index, seed=index) for index in range(3)]
    block = make_block(*segments, name='monkey')
    nix = tmp_path / 'x.nix'
    with neo.NixIO(str(nix), mode='ow') as writer:
        writer.write_block(block)
    nix.chmod(0o400)
    before = nix.read_bytes()
    mat = read_session(write_mat(block, tmp_path / 'x.mat'))
    assert_same_session(replace(read_session(nix), source_sha256=mat.source_sha256), mat)
    assert nix.read_bytes() == before


def test_a_mapping_names_other_annotations_and_events(tmp_path):
    segment = make_segment(object_id=None, correct=None, events={'Onset': 0.5, 'Rew': 0.8})
    segment.annotate(target=7)
    path = write_session(tmp_path / 'x.mat', segment)
    mapping = tmp_path / 'map.yaml'
    mapping.write_text('object: target\nevents: {Onset: Hold}\n')
    trial = read_session(path, mapping).trials[0]
    assert (trial.object_id, trial.correct, list(trial.events), trial.usable) == (7, None, ['Hold', 'Rew'], True)
    assert load_mapping(mapping).sha256 != default_mapping().sha256


def test_objects_have_the_names_of_the_catalogue(tmp_path):
    called = ['side', 'precision', 'side', 'other side']
    path = write_session(
        tmp_path / 'x.mat', *(make_segment(5.0 + 2 * index, object_id=name) for index, name in enumerate(called))
    )

    def read(catalogue):
        (tmp_path / 'my.yaml').write_text(catalogue)
        return [trial.object_id for trial in read_session(path, objects=load_objects(tmp_path / 'my.yaml')).trials]

    assert read('objects: [{id: [side, precision, other side]}]') == [1, 2, 1, 3]
    assert read('objects: [{id: [precision, side, other side]}]') == [2, 1, 2, 3]  # not as kept before
    assert read('{objects: [{id: [side, precision]}], copies: {other side: side}}') == [1, 2, 1, 3]
    with pytest.raises(GraspDecoderError, match="says 'precision', 'other side', but .*my.yaml lists side; give"):
        read('objects: [{id: side}]')


def test_numbers_are_no_names(tmp_path):
    path = write_session(tmp_path / 'x.mat', make_segment(object_id=1), make_segment(7.0, object_id=101))
    (tmp_path / 'my.yaml').write_text('objects: [{id: side}]')
    with pytest.raises(GraspDecoderError, match='says 1, 101, but .*my.yaml lists side'):
        read_session(path, objects=load_objects(tmp_path / 'my.yaml'))
    assert [trial.excluded for trial in read_session(path).trials] == [False, True]
    (tmp_path / 'my.yaml').write_text('objects: [{id: 101}]')
    assert [trial.excluded for trial in read_session(path, objects=load_objects(tmp_path / 'my.yaml')).trials] == [
        False,
        False,
    ]


@pytest.mark.parametrize(
    'text, problem',
    [
        ('objct: x', 'unknown entry "objct"'),
        ('first_excluded_object: many', "cannot be 'many'"),
        ('incomplete_trials: ignore', 'incomplete_trials'),
        ('- object', 'must be a YAML table'),
        ('a: [', 'is not YAML'),
    ],
)
def test_a_wrong_mapping_is_refused(tmp_path, text, problem):
    path = tmp_path / 'map.yaml'
    path.write_text(text)
    with pytest.raises(GraspDecoderError, match=problem):
        load_mapping(path)


@pytest.mark.parametrize(
    'segments, problem',
    [
        ([], 'no trials'),
        ([make_segment(units=0)], 'no spike trains'),
        ([make_segment(), make_segment(7.0, units=2)], 'trial 1 has 2 spike trains, trial 0 has 3'),
        ([make_segment(events={'Start': 0.0, 'Rew': 0.8})], r'no trial has the event "Hold" \(found: Rew, Start\)'),
        ([make_segment(spikes=0)], 'no trial has a single spike'),
        ([make_segment(), make_segment(7.0, spikes=0)], 'trial 1 has no spikes'),
        ([make_segment(object_id=None)], 'no trial has the annotation "obj"'),
        ([make_segment(), make_segment(7.0, object_id=None)], 'trial 1 has no annotation "obj"'),
        ([make_segment(object_id='cup')], 'annotation "obj" says \'cup\', but .* lists numbers; give a catalogue'),
        ([make_segment(object_id=1.5)], 'annotation "obj" is 1.5, not a whole number or a name'),
        (
            [make_segment(), make_segment(7.0, correct='maybe')],
            'trial 1: annotation "correct" is \'maybe\'; it can be .* 0; or say .* "results: {maybe: true}"$',
        ),
        ([make_segment(), make_segment(5.5)], 'trial 1 starts before trial 0 ends'),
        ([make_segment(7.0), make_segment(5.0)], 'out of order'),
    ],
)
def test_what_cannot_be_decoded_from_is_refused(tmp_path, cache, segments, problem):
    path = write_session(tmp_path / 'x.neo.mat', *segments)
    with pytest.raises(GraspDecoderError, match=problem) as error:
        read_session(path)
    assert str(path) in str(error.value) and '\n' not in str(error.value)
    assert not cache.exists()


def test_incomplete_trials_can_be_left_out(tmp_path):
    path = write_session(
        tmp_path / 'x.mat', make_segment(), make_segment(7.0, spikes=0), make_segment(9.0, object_id=None)
    )
    session = read_session(path, replace(default_mapping(), incomplete_trials='leave_out'))
    assert [trial.usable for trial in session.trials] == [True, False, False]


def test_what_is_no_recording_is_refused(tmp_path):
    def refused(name, content, problem):
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(GraspDecoderError, match=problem) as error:
            read_session(path)
        assert '\n' not in str(error.value)

    refused('absent.mat', None, 'no such file')
    refused('empty.mat', b'', 'not a recording')
    refused('text.mat', b'hello' * 100, 'not a recording')
    refused('text.txtx', b'hello', 'not a recording')
    refused('text.nix', b'hello', 'not a recording')
    savemat(tmp_path / 'plain.mat', {'x': np.arange(3)})
    refused('plain.mat', None, 'without a Neo block')
    whole = write_session(tmp_path / 'whole.mat', make_segment()).read_bytes()
    refused('cut.mat', whole[: len(whole) // 2], 'is damaged')


@pytest.fixture(scope='module')
def small_file(tmp_path_factory):
    path = tmp_path_factory.mktemp('small') / 'x.mat'
    return write_mat(make_block(make_segment(units=1, spikes=3)), path, do_compression=True)


@settings(max_examples=40)
@given(where=st.floats(0, 1, exclude_max=True), change=st.integers(1, 255))
def test_a_changed_byte_is_refused_or_changes_nothing(where, change, small_file, tmp_path_factory):
    # the last byte of a compressed stream can have bits that mean nothing
    path = tmp_path_factory.mktemp('damaged') / small_file.name
    content = bytearray(small_file.read_bytes())
    content[136 + int(where * (len(content) - 136))] ^= change
    path.write_bytes(content)
    try:
        read, written = read_block(path), read_block(small_file)
    except GraspDecoderError as error:
        assert 'the file is damaged' in str(error) and '\n' not in str(error)
    else:
        assert_same_session(
            session_from_block(path, read, default_mapping(), load_objects()),
            session_from_block(path, written, default_mapping(), load_objects()),
        )


def test_a_pickle_is_never_loaded(tmp_path):
    class Harm:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / 'harm'),)

    path = tmp_path / 'x.pkl'
    path.write_bytes(pickle.dumps(Harm()))
    with pytest.raises(GraspDecoderError, match='not a recording'):
        read_session(path)
    assert not (tmp_path / 'harm').exists()


def test_the_cache_gives_the_same_session_and_survives_damage(tmp_path, cache):
    segment = make_segment()
    wrist = neo.AnalogSignal(np.ones((4, 2)) * pq.V, sampling_rate=10 * pq.Hz, t_start=5 * pq.s, name='wrist')
    segment.analogsignals.append(wrist)
    path = write_session(tmp_path / 'x.mat', segment, make_segment(7.0))
    uncached = session_from_block(
        path, read_with_neo(path), default_mapping(), load_objects(), read_session(path).source_sha256
    )
    [folder] = cache.iterdir()
    assert_same_session(replace(read_session(path), name=''), uncached)
    for file in sorted(folder.iterdir()):
        file.write_bytes(file.read_bytes()[:-1])
        assert_same_session(replace(read_session(path), name=''), uncached)
    assert list(cache.iterdir()) == [folder]
    path.write_bytes(write_session(tmp_path / 'y.mat', make_segment(1.0)).read_bytes())
    assert read_session(path).trials[0].start_ns == 1_000_000_000


def resident_kb(folder):
    """Memory of this process that holds pages of files in a folder."""
    rows = iter(open('/proc/self/smaps', encoding='utf-8'))
    return sum(
        int(next(each for each in rows if each.startswith('Rss:')).split()[1]) for row in rows if str(folder) in row
    )


def test_memory_of_a_kept_session_is_given_back(tmp_path, cache):
    path = write_session(tmp_path / 'x.mat', make_segment(), make_segment(7.0))
    session, expected = read_session(path), read_session(path)
    assert_same_session(session, expected)
    assert resident_kb(cache) > 0
    for each in (session, expected):
        release(each)
    assert resident_kb(cache) == 0
    assert_same_session(session, expected)


def test_a_cache_that_cannot_be_written_is_only_a_warning(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv('XDG_CACHE_HOME', '/proc')
    assert len(read_session(write_session(tmp_path / 'x.mat', make_segment())).trials) == 1
    assert 'not cached' in caplog.text


@pytest.mark.slow
def test_a_real_session_is_read_whole():
    session = read_session(shared_data('reach97_train.neo.mat'))
    assert (session.unit_count, len(session.trials)) == (97, 728)
    assert sum(trial.times_ns.size for trial in session.trials) == 486448
    assert all(trial.usable for trial in session.trials)
