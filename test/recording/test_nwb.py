# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""NWB 2: files of other laboratories, and of this package."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pynwb
import pytest

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording.mapping import default_mapping, with_trials
from grasp_decoder.recording.reading import read_session
from grasp_decoder.recording.recorded_texts import recorded_texts
from grasp_decoder.recording.session import Unit
from grasp_decoder.recording.synthetic import synthesize
from grasp_decoder.recording.writing import write_session
from grasp_decoder.types.time import to_ns

from helpers.three_trials import STARTS, TABLE, one_long_segment, same_but, segments


def nwb_file():
    return pynwb.NWBFile(session_description='x', identifier='x', session_start_time=datetime(2020, 1, 1, tzinfo=UTC))


def write_others_nwb(path, change=lambda content: None):
    """A file as another laboratory may write it: words for objects and results, one electrode for each unit."""
    content = nwb_file()
    group = content.create_electrode_group('array', 'x', location='M1', device=content.create_device('device'))
    for number in (7, 9):
        content.add_electrode(location='M1', group=group, id=number)
    content.add_unit_column('quality', 'x')
    for index, quality in enumerate(('good', 'noise')):
        spikes = np.sort(np.random.default_rng(index).uniform(0, 20, 400))
        where = {'electrodes': [1 - index], 'electrode_group': group}
        content.add_unit(spike_times=spikes, obs_intervals=[[0.0, 20.0]], quality=quality, **where)
    for name in ('go_cue_time', 'hold_time', 'reward_time', 'target_object', 'result'):
        content.add_trial_column(name, 'x')
    for start, each, result in zip(STARTS, ('cube', 'ball', 'cube'), 'RFR'):
        row = {'go_cue_time': start + 0.3, 'hold_time': start + 0.5, 'reward_time': start + 0.8}
        content.add_trial(start_time=start, stop_time=start + 1, target_object=each, result=result, **row)
    position = pynwb.behavior.SpatialSeries(
        name='hand', data=np.arange(200.0).reshape(100, 2), reference_frame='x', rate=5.0
    )
    content.create_processing_module('behavior', 'x').add(pynwb.behavior.Position(spatial_series=position))
    change(content)
    with pynwb.NWBHDF5IO(str(path), 'w') as file:
        file.write(content)
    return path


def test_nwb_of_another_laboratory_is_read_with_two_lines_of_a_mapping(tmp_path):
    path, mapping = write_others_nwb(tmp_path / 'day one.nwb'), tmp_path / 'map.yaml'
    with pytest.raises(GraspDecoderError, match='"objects: {cube: 1, ball: 2}"'):
        read_session(path)
    mapping.write_text('objects: {cube: 21, ball: 32}\nresults: {R: true, F: false}')
    session = read_session(path, mapping)
    assert [(trial.object_id, trial.correct) for trial in session.trials] == [(21, True), (32, False), (21, True)]
    assert session.units == (Unit(0, 9, None, 'M1'), Unit(1, 7, None, 'M1'))
    assert 'quality: [noise]' in session.remarks[0]
    first = session.trials[0]
    assert first.events == {'Go': 5_300_000_000, 'Hold': 5_500_000_000, 'Rew': 5_800_000_000}
    np.testing.assert_array_equal(first.signals['hand'][0], np.arange(25, 31) * 200_000_000)
    assert first.signals['hand'][1].shape == (6, 2)
    everything = np.sort(np.random.default_rng(1).uniform(0, 20, 400))
    inside = everything[(everything >= 5) & (everything <= 6)]
    np.testing.assert_array_equal(first.times_ns[first.units == 1], to_ns(inside))


def test_nwb_without_trials_is_cut_by_a_table(tmp_path, expected):
    content = nwb_file()
    for train in one_long_segment(segments()).spiketrains:
        content.add_unit(spike_times=train.magnitude)
    with pynwb.NWBHDF5IO(str(tmp_path / 'x.nwb'), 'w') as file:
        file.write(content)
    with pytest.raises(GraspDecoderError, match='no events, which say'):
        read_session(tmp_path / 'x.nwb')
    (tmp_path / 'trials.csv').write_text(TABLE)
    session = read_session(tmp_path / 'x.nwb', with_trials(default_mapping(), tmp_path / 'trials.csv'))
    same_but(session, expected, units=session.units, name='x')


@pytest.mark.parametrize(
    'write, problem',
    [
        (lambda path: path.write_bytes(b'hello'), 'not an NWB 2 file that can be read'),
        (lambda path: write_others_nwb(path, lambda content: content.units.columns[0].data.pop()), 'not an NWB 2 file'),
        (lambda path: pynwb.NWBHDF5IO(str(path), 'w').write(nwb_file()), 'no units table.; was it spike-sorted'),
    ],
)
def test_nwb_that_is_damaged_or_holds_no_spikes_is_refused(tmp_path, write, problem):
    write(tmp_path / 'x.nwb')
    with pytest.raises(GraspDecoderError, match=problem) as error:
        read_session(tmp_path / 'x.nwb')
    assert '\n' not in str(error.value)


def test_units_that_were_not_observed_throughout_are_named(tmp_path):
    def without_end(content):
        content.units['obs_intervals'].target.data[-1] = [0.0, 8.5]

    path = write_others_nwb(tmp_path / 'x.nwb', without_end)
    (tmp_path / 'map.yaml').write_text('objects: {cube: 21, ball: 32}\nresults: {R: true, F: false}')
    remark = read_session(path, tmp_path / 'map.yaml').remarks[0]
    assert 'not observed in all trials' in remark and remark.endswith('1 (unit 1 in 2 of 3 trials)')


def test_parts_of_a_session_whose_names_nwb_cannot_tell_apart(tmp_path):
    [session] = synthesize(3, 3)
    times = session.trials[0].start_ns + np.arange(4)
    signals = {name: (times, np.full((4, 1), value)) for value, name in enumerate(['a/b', 'a_b', 'a:b', ''])}
    areas = ('M1/x', 'M1_x', 'M1:x')
    session = replace(
        session,
        units=tuple(Unit(index, index, 1, area) for index, area in enumerate(areas)),
        trials=(replace(session.trials[0], signals=signals), *session.trials[1:]),
    )
    write_session(session, tmp_path / 'x.nwb')
    read = read_session(tmp_path / 'x.nwb')
    assert read.units == session.units
    values = {name: values[0, 0] for name, (_, values) in read.trials[0].signals.items()}
    assert values == {'a_b': 0, 'a_b_2': 1, 'a_b_3': 2, 'signal': 3}


def test_all_texts_of_a_file_are_listed(tmp_path):
    def tell(content):
        content.subject = pynwb.file.Subject(subject_id='Rex', description='his name', age='P9Y', sex='M', species='x')
        content.experimenter = ('Doe, Jane',)

    texts = recorded_texts(write_others_nwb(tmp_path / 'x.nwb', tell))
    assert texts['general.subject.subject_id'] == {'Rex'}
    assert texts['general.experimenter'] == {'Doe, Jane'}
    assert texts['intervals.trials.target_object'] == {'cube', 'ball'}
    assert texts['session_start_time'] == {'2020-01-01T00:00:00+00:00'}
    assert texts['general.extracellular_ephys.electrodes.location'] == {'M1'}
    assert not any('specifications' in place for place in texts)
