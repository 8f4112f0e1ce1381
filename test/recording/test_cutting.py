# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""One long recording becomes trials: by a table, by events or by epochs."""

import neo
import numpy as np
import pytest
import quantities as pq

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording.mapping import load_mapping, with_trials
from grasp_decoder.recording.reading import read_session
from grasp_decoder.recording.trial_table import read_trial_table

from helpers.neo_blocks import EVENTS, make_block, make_segment, write_mat
from helpers.three_trials import OBJECTS, TABLE, one_long_segment, read, same_but, segments


def write_nix(block, path):
    with neo.NixIO(str(path), mode='ow') as writer:
        writer.write_block(block)


@pytest.mark.slow
@pytest.mark.parametrize('write, name', [(write_mat, 'x.neo.mat'), (write_nix, 'x.nix')])
@pytest.mark.parametrize(
    'mapping',
    [
        'trials: trials.csv\ntrial_epochs: null',
        'trial_start: Start\ntrial_stop: End\nobjects: {"21": 21, "32": 32}\nresults: {21: true, 32: true}',
        'trial_epochs: trial\nobjects: {"21": 21, 32: 32}\nresults: {"21": true, "32": true}',
    ],
    ids=['table', 'codes', 'epochs'],
)
def test_one_long_recording_is_cut_into_trials(tmp_path, expected, mapping, write, name):
    (tmp_path / 'trials.csv').write_text(TABLE)
    long = one_long_segment(segments(), objects='trials:' not in mapping)
    if 'trials:' in mapping:
        long.events.clear()
    session = read(tmp_path / name, mapping, long, write=write)
    if 'trial_start' in mapping:  # they end with their last event
        assert [trial.stop_ns - trial.start_ns for trial in session.trials] == [900_000_000] * 3
        assert [trial.events['Rew'] for trial in session.trials] == [trial.events['Rew'] for trial in expected.trials]
        assert [trial.object_id for trial in session.trials] == [*OBJECTS]
        return
    for trial in session.trials:
        for code in map(str, OBJECTS):
            trial.events.pop(code, None)
    same_but(session, expected)


@pytest.mark.parametrize(
    'mapping, change, problem',
    [
        (
            '',
            lambda made: [one_long_segment(made)],
            '3 x "Cue" in one segment .*"trial_start: Start" and "trial_stop: End".* .--trial-table FILE.csv',
        ),
        (
            'object: null\ntrial_start: begin',
            lambda made: [one_long_segment(made)],
            'no trial is between the events "begin".*: 21, 32, Cue, End, Go',
        ),
        ('', lambda made: [without_events(made[0])], 'no events, which say .*--trial-table FILE.csv'),
        ('trial_epochs: run', lambda made: [one_long_segment(made)], r'no epoch is called "run" \(found: trial\)'),
        (
            '',
            lambda made: [made[0], one_long_segment(made[1:], objects=False)],
            '2 x "Cue" in one segment .*leave_out" goes on without it',
        ),
        (
            '',
            lambda made: [make_segment(40.0, events={label: time - 40 for label, time in EVENTS.items()})],
            'trial 0 has "Cue" at 0.2 s, outside of the trial .40 to 41 s.*"event_clock: trial"',
        ),
        (
            '',
            lambda made: [make_segment(0.0, length_s=1e3, events={'Hold': 100.0, 'Rew': 600.0})],
            'from Hold to Rew it takes 500 s .*"time_factor: 0.001',
        ),
        ('', lambda made: [make_segment(0.0), make_segment(0.0)], 'trials overlap.*"clock: trial"'),
        (
            '',
            lambda made: [made[0], renamed(made[1])],
            'trial 1 has other units than trial 0: none has the name .unit 2',
        ),
        (
            '',
            lambda made: [made[0], in_two_orders(made[1])],
            'in one order by "name" and in another by "id".*"unit_id: ',
        ),
        (
            '',
            lambda made: [made[0], annotated(made[1], electrode=np.empty(0))],
            'the spike trains of trial 1 are not the units of trial 0',
        ),
        ('unit_id: probe', lambda made: made, 'trial 0 has no "probe"'),
        (
            'leave_out_units: {group: [noise]}',
            lambda made: made,
            'no unit has the annotation "group" .found: area, elec',
        ),
        ('leave_out_units: {area: [M1]}', lambda made: made, 'leaves out every unit'),
        (
            'object: thing',
            lambda made: made,
            r'no trial has the annotation "thing".*found: correct, obj.*"object: correct',
        ),
    ],
)
def test_what_would_spoil_data_is_refused_with_the_line_that_mends_it(tmp_path, mapping, change, problem):
    made = segments()
    for segment in made:
        for index, train in enumerate(segment.spiketrains):
            train.annotate(id=str(index))
    with pytest.raises(GraspDecoderError, match=problem) as error:
        read(tmp_path / 'x.mat', mapping, *change(made))
    assert '\n' not in str(error.value) and str(tmp_path / 'x.mat') in str(error.value)


def annotated(segment, **annotations):
    for train in segment.spiketrains:
        train.annotate(**annotations)
    return segment


def without_events(segment):
    segment.events.clear()
    return segment


def renamed(segment):
    segment.spiketrains[2].name = 'unit 7'
    return segment


def in_two_orders(segment):
    for train, name in zip(segment.spiketrains, ('unit 1', 'unit 0', 'unit 2')):
        train.name = name
    return segment


@pytest.mark.parametrize(
    'text, problem',
    [
        ('', 'no rows'),
        ('start,stop\n1,"' + 'x' * 200_000, 'line .: field larger than field limit'),
        ('a,b\n1,2\n', 'line 2: a trial needs a start_time and a stop_time'),
        ('start,stop\n1,2,3\n', 'line 2: it has another number of cells'),
        ('start,stop\n2,1\n', r'line 2: stop \(1 s\) is not after start'),
        ('start,stop,go_time\n1,2,soon\n', "line 2: go_time is 'soon', not a number of seconds"),
        (f'start,stop,go_time\n1,2,1{400 * "0"}\n', 'line 2: go_time is 10+, not a number of seconds'),
        ('start,stop\n1,2\n\n70,80\n', 'trial in line 4 of the table .70 to 80 s. is not in the recording .0 to 20 s'),
        ('start,stop,segment\n1,2,one\n', "line 2: segment is 'one', not the number of a segment"),
    ],
)
def test_a_table_of_trials_that_does_not_fit_is_refused(tmp_path, text, problem):
    (tmp_path / 'trials.csv').write_text(text)
    (tmp_path / 'map.yaml').write_text('object: null')
    path = write_mat(make_block(one_long_segment(segments(), objects=False)), tmp_path / 'x.mat')
    with pytest.raises(GraspDecoderError, match=problem):
        read_session(path, with_trials(load_mapping(tmp_path / 'map.yaml'), tmp_path / 'trials.csv'))


def test_a_name_in_a_table_is_no_number(tmp_path):
    (tmp_path / 'trials.csv').write_text('start,stop,obj,day\n1,2,1_2,3\n')
    [row] = read_trial_table(tmp_path / 'trials.csv')
    assert row.annotations == {'obj': '1_2', 'day': 3}


@pytest.mark.parametrize('way', ['table', 'codes', 'epochs'])
def test_segments_whose_clocks_start_anew_are_told_apart(tmp_path, way):
    """The first trial is in one long segment, and two are in a second one; both clocks begin at 0."""
    starts = (5.0, 0), (5.0, 1), (8.0, 1)
    made = [
        make_segment(start, object_id=each, seed=seed) for seed, ((start, _), each) in enumerate(zip(starts, OBJECTS))
    ]
    expected = read(tmp_path / 'expected.mat', 'clock: trial', *made)
    made = [one_long_segment(made[:1], way != 'table'), one_long_segment(made[1:], way != 'table')]
    mapping = {
        'table': 'trials: trials.csv',
        'codes': 'trial_start: Start\ntrial_stop: End\nobjects: {"21": 21, "32": 32}\nresults: {21: true, 32: true}',
        'epochs': 'trial_epochs: trial\nobjects: {"21": 21, 32: 32}\nresults: {"21": true, "32": true}',
    }[way]
    if way == 'table':
        rows = [f'{start};{start + 1};{index};{each};1' for (start, index), each in zip(starts, OBJECTS)]
        table = '\n'.join(['start_time;stop_time;segment;obj;correct', *rows])
        (tmp_path / 'trials.csv').write_text(table.replace(';segment;', ';part;'))
        with pytest.raises(GraspDecoderError, match='line 2.* in 2 segments .*clocks start anew.*column "segment"'):
            read(tmp_path / 'x.mat', mapping, *made)
        (tmp_path / 'trials.csv').write_text(table)
    session = read(tmp_path / 'x.mat', mapping + '\nclock: trial', *made)
    for trial, one in zip(session.trials, expected.trials, strict=True):
        moved = trial.moved(one.events['Hold'] - trial.events['Hold'])
        inside = one.times_ns < moved.stop_ns  # cut by codes, a trial ends with its last event
        np.testing.assert_array_equal(moved.times_ns, one.times_ns[inside])
        np.testing.assert_array_equal(moved.units, one.units[inside])
        assert moved.object_id == one.object_id


def test_spikes_at_no_time_are_not_left_out_in_silence(tmp_path):
    long = one_long_segment(segments())
    long.spiketrains[1][7] = np.nan * pq.s
    (tmp_path / 'trials.csv').write_text(TABLE)
    with pytest.raises(GraspDecoderError, match='1 times of spikes and events are not numbers'):
        read(tmp_path / 'x.mat', 'trials: trials.csv', long)
