# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Formats that laboratories bring: each is read rightly, or refused in one line with the line that mends it."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import neo
import numpy as np
import pynwb
import pytest
import quantities as pq

from grasp_decoder.cli.convert import main as convert
from grasp_decoder.cli.inspect import main as inspect
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording.mapping import default_mapping, load_mapping, with_trials
from grasp_decoder.recording.mcap import Recorder
from grasp_decoder.recording.oddities import oddities
from grasp_decoder.recording.reading import read_session
from grasp_decoder.recording.session import Unit
from grasp_decoder.recording.synthetic import synthesize
from grasp_decoder.recording.trial_table import read_trial_table
from grasp_decoder.recording.writing import write_session
from grasp_decoder.types.time import to_ns

from helpers.neo_blocks import EVENTS, make_block, make_segment, write_mat
from helpers.session_equality import assert_same_session

ROOT = Path(__file__).resolve().parents[2]
STARTS = 5.0, 8.0, 11.0
OBJECTS = 21, 32, 21


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))


def segments(names=True, **options):
    made = [make_segment(start, object_id=each, seed=3, **options) for start, each in zip(STARTS, OBJECTS)]
    for segment in made if names else ():
        for index, train in enumerate(segment.spiketrains):
            train.name = f'unit {index}'
    return made


def one_long_segment(made, objects=True):
    """The same trials as one long segment, with the object of each as a code, and as epochs."""
    whole = neo.Segment()
    times = [time for segment in made for time in segment.events[0].times.magnitude.tolist()]
    labels = [label.strip() for segment in made for label in segment.events[0].labels.tolist()]
    if objects:
        times += [segment.events[0].times.magnitude[1] for segment in made]
        labels += [str(segment.annotations['obj']) for segment in made]
    whole.events.append(neo.Event(np.array(times) * pq.s, labels=np.array(labels)))
    trials = np.array([train.t_start.item() for train in (each.spiketrains[0] for each in made)])
    whole.epochs.append(
        neo.Epoch(trials * pq.s, np.ones(len(made)) * pq.s, labels=np.array(['x'] * len(made)), name='trial')
    )
    for trains in zip(*(segment.spiketrains for segment in made)):
        spikes = np.concatenate([train.magnitude for train in trains])
        whole.spiketrains.append(
            neo.SpikeTrain(
                spikes * pq.s, t_start=0 * pq.s, t_stop=20 * pq.s, name=trains[0].name, **trains[0].annotations
            )
        )
    return whole


def read(path, mapping, *made, write=write_mat):
    write(make_block(*made, name='x'), path)
    mapping_file = path.with_suffix('.yaml')
    mapping_file.write_text(mapping)
    return read_session(path, mapping_file)


def same_but(session, expected, **changed):
    plain = {'source_sha256': '', 'remarks': ()}
    assert_same_session(replace(session, **plain), replace(expected, **plain, **changed))


@pytest.fixture
def expected(tmp_path):
    """The session of three segments, whose trials end with their events as cut ones do."""
    return read(tmp_path / 'expected.mat', '', *segments())


TABLE = 'start_time;stop_time;Start_time;cue_time;Go_time;Hold_time;Rew_time;End_time;obj;correct\n' + ''.join(
    ';'.join(map(str, [start, start + 1, *(start + seconds for seconds in EVENTS.values()), each, 'hit'])) + '\n'
    for start, each in zip(STARTS, OBJECTS)
)


def write_nix(block, path):
    with neo.NixIO(str(path), mode='ow') as writer:
        writer.write_block(block)


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


def test_an_event_of_which_only_the_list_has_a_name_is_called_by_it(tmp_path, expected):
    made = segments()
    for segment in made:
        event = segment.events.pop()
        for label, time in zip(event.labels, event.times):
            times = np.array([time.item()]) * pq.s
            segment.events.append(neo.Event(times, labels=np.array(['']), name=label.strip()))
    same_but(read(tmp_path / 'x.mat', '', *made), expected)


def test_units_in_another_order_are_known_by_what_they_are_called(tmp_path, expected):
    for called in ('name', 'id', 'cluster'):
        made = segments(names=called == 'name')
        for segment in made:
            for index, train in enumerate(segment.spiketrains):
                train.annotations = {} if called == 'name' else {called: f'{index}'}
        made[1].spiketrains[:] = made[1].spiketrains[::-1]
        session = read(tmp_path / f'{called}.mat', '', *made)
        assert 'another order than trial 0: 1 (the first is trial 1)' in session.remarks[0]
        same_but(session, expected, units=session.units)


def test_units_that_are_no_neurons_are_named_and_left_out(tmp_path, expected):
    made = segments()
    for segment in made:
        for train, group in zip(segment.spiketrains, ('good', 'Noise', 'mua')):
            train.annotations['group'] = group
    session = read(tmp_path / 'x.mat', '', *made)
    assert '2 of 3 units are Noise, mua by their annotation "group"' in session.remarks[0]
    assert 'leave_out_units: {group: [Noise, mua]}' in session.remarks[0]
    assert read_session(tmp_path / 'x.mat').remarks == session.remarks  # from the cache
    session = read(tmp_path / 'x.mat', 'leave_out_units: {group: [Noise, mua]}', *made)
    assert session.unit_count == 1 and session.remarks == ()
    np.testing.assert_array_equal(
        session.trials[2].times_ns, expected.trials[2].times_ns[expected.trials[2].units == 0]
    )


def test_times_are_mended_as_the_mapping_says(tmp_path, expected):
    relative = segments()
    for segment, start in zip(relative, STARTS):
        event = segment.events.pop()
        segment.events.append(neo.Event(event.times - start * pq.s, labels=event.labels))
    same_but(read(tmp_path / 'x.mat', 'event_clock: trial', *relative), expected)

    in_ms = [make_segment(start * 1e3, object_id=each, length_s=1e3, events={'Hold': 500.0, 'Rew': 800.0})
             for start, each in zip(STARTS, OBJECTS)]  # fmt: skip
    session = read(tmp_path / 'ms.mat', 'time_factor: 0.001', *in_ms)
    assert [trial.start_ns for trial in session.trials] == [trial.start_ns for trial in expected.trials]
    assert session.trials[0].events['Hold'] == 5_500_000_000

    anew = [make_segment(0.0, object_id=each) for each in OBJECTS]
    session = read(tmp_path / 'anew.mat', 'clock: trial', *anew)
    assert [trial.start_ns for trial in session.trials] == [0, 2_000_000_000, 4_000_000_000]
    assert session.trials[1].events['Hold'] == 2_500_000_000


def test_objects_and_results_may_be_words(tmp_path, expected):
    made = segments()
    for segment, called, ended in zip(made, ('cube', 'ball', 'cube'), ('R', 'F', 'R')):
        segment.annotations = {'target_object': called, 'result': ended}
    session = read(tmp_path / 'x.mat', 'objects: {cube: 21, ball: 32}\nresults: {R: true, F: false}', *made)
    assert [(trial.object_id, trial.correct) for trial in session.trials] == [(21, True), (32, False), (21, True)]


@pytest.mark.parametrize(
    'mapping, change, problem',
    [
        (
            '',
            lambda made: [one_long_segment(made)],
            '3 x "Cue" in one segment .*"trial_start: Start" and "trial_stop: End".* .--trials FILE.csv',
        ),
        (
            'object: null\ntrial_start: begin',
            lambda made: [one_long_segment(made)],
            'no trial is between the events "begin".*: 21, 32, Cue, End, Go',
        ),
        ('', lambda made: [without_events(made[0])], 'no events, which say .*--trials FILE.csv'),
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
        ('start,stop\n1,2\n70,80\n', 'trial 1 of the table .70 to 80 s. is not in the recording .0 to 20 s'),
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


@pytest.mark.parametrize(
    'text, problem',
    [
        ('trial_stop: End', 'trial_stop but no trial_start'),
        ('trial_start: a\ntrial_epochs: b', 'both trial_start and trial_epochs'),
        ('trials: absent.csv', 'cannot read the table of trials'),
        ('trials: "a\\0b"', 'cannot read the table of trials'),
        ('time_factor: 0', '"time_factor" cannot be 0'),
        ('clock: mine', '"clock" cannot be'),
        ('results: {R: good}', '"results" cannot be'),
    ],
)
def test_a_mapping_that_contradicts_itself_is_refused(tmp_path, text, problem):
    (tmp_path / 'map.yaml').write_text(text)
    with pytest.raises(GraspDecoderError, match=problem):
        load_mapping(tmp_path / 'map.yaml')


def test_a_recorded_run_may_lie_in_a_folder_and_end_in_capitals(tmp_path):
    folder = tmp_path / 'my bag'
    folder.mkdir()
    (folder / 'metadata.yaml').touch()
    with pytest.raises(GraspDecoderError, match='with 0 MCAP files'):
        read_session(folder)
    Recorder(folder / 'RUN.MCAP').close()
    for path in (folder, folder / 'RUN.MCAP'):
        with pytest.raises(GraspDecoderError, match='RUN.MCAP: the recording holds no spikes'):
            read_session(path)


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
        (lambda path: path.write_bytes(b'hello'), 'not an NWB 2 file that pynwb can read'),
        (lambda path: write_others_nwb(path, lambda content: content.units.columns[0].data.pop()), 'not an NWB 2 file'),
        (lambda path: pynwb.NWBHDF5IO(str(path), 'w').write(nwb_file()), 'no units table.; was it spike-sorted'),
    ],
)
def test_nwb_that_is_damaged_or_holds_no_spikes_is_refused(tmp_path, write, problem):
    write(tmp_path / 'x.nwb')
    with pytest.raises(GraspDecoderError, match=problem) as error:
        read_session(tmp_path / 'x.nwb')
    assert '\n' not in str(error.value)


def test_a_session_is_the_same_in_every_format(tmp_path):
    """Also with what few sessions have: trials without an event, an object, a result or a signal, silent units."""
    [session] = synthesize(6, 5)
    trials = list(session.trials)
    wrist = trials[0].start_ns + np.arange(4) * 10_000_000, np.arange(8.0).reshape(4, 2)
    trials[0] = replace(trials[0], signals={'wrist': wrist}, correct=False)
    trials[1] = replace(trials[1], correct=None, object_id=-1)
    trials[2] = replace(trials[2], events={label: time for label, time in trials[2].events.items() if label != 'Cue'})
    silent = trials[3].units != 2
    trials[3] = replace(trials[3], units=trials[3].units[silent], times_ns=trials[3].times_ns[silent])
    units = (
        Unit(0),
        Unit(1, 4, None, 'M1'),
        Unit(2, 4, 2),
        Unit(3, 1, 0, 'AIP/PFG'),
        Unit(4, None, 3, 'F5'),
        Unit(5, 80, 1),
    )
    session = replace(session, trials=tuple(trials), units=units)
    (tmp_path / 'map.yaml').write_text('incomplete_trials: leave_out')
    for name in ('x.nwb', 'x.mat'):
        write_session(session, tmp_path / name)
        same_but(read_session(tmp_path / name, tmp_path / 'map.yaml'), session)
    for source, copy in (('x.mat', 'again.nwb'), ('x.nwb', 'again.mat')):
        assert convert([str(tmp_path / source), str(tmp_path / copy), '--map', str(tmp_path / 'map.yaml')]) == 0
        same_but(read_session(tmp_path / copy, tmp_path / 'map.yaml'), session)
    assert convert([str(tmp_path / 'x.nwb'), str(tmp_path / 'x.nwb')]) == 2


def test_inspect_says_what_a_person_would_see(tmp_path, capsys):
    [session] = synthesize(5, 3)
    assert oddities(session) == []
    first, second, third = session.trials
    hum = np.arange(third.start_ns, third.stop_ns, 1_000_001)
    once = first.units == 0
    first = with_spikes(first, first.times_ns[once], 0)  # each of them twice now
    second = with_spikes(second, second.times_ns[second.units == 1], 3, instead=True)
    third = with_spikes(third, hum, 4)
    third = replace(third, events=third.events | {'Go': third.events['Rew'] + 1, 'End': third.stop_ns + 1})
    third = without(third, 1, 3)
    first = without(first, 1, 3)
    spoilt = replace(session, trials=(first, second, replace(third, id=2)))
    text = ' '.join(oddities(spoilt))
    assert 'events that are not in the order Cue, Go, Hold, Rew in trials 2 ' in text + ' '
    assert (
        'outside of their trial in trials 2 ' in text
        and 'twice at the same time: exported twice, or counts of bins: 0 ' in text
    )
    assert 'more than 200 times a second: noise, or no units: 4 ' in text
    assert 'with one other: copies of one unit: 1, 3' in text
    write_session(spoilt, tmp_path / 'x.mat')
    assert inspect([str(tmp_path / 'x.mat')]) == 0
    assert '  odd     units that fire more than 200 times' in capsys.readouterr().out


def test_units_on_a_coarse_clock_are_no_copies():
    """Of 60 units, others fire in nearly every bin of 100 ms."""
    [session] = synthesize(60, 10)
    trials = []
    for trial in session.trials:
        spikes = np.unique(trial.times_ns // 100_000_000 * 100 + trial.units)
        trials.append(replace(trial, times_ns=spikes // 100 * 100_000_000, units=(spikes % 100).astype(np.uint16)))
    assert [remark for remark in oddities(replace(session, trials=tuple(trials))) if 'copies' in remark] == []


def without(trial, *units):
    kept = ~np.isin(trial.units, units)
    return replace(trial, times_ns=trial.times_ns[kept], units=trial.units[kept])


def with_spikes(trial, times_ns, unit, instead=False):
    """A trial with more spikes of a unit, or with these in place of its own."""
    kept = trial.units != unit if instead else np.ones(len(trial.units), bool)
    times = np.concatenate([trial.times_ns[kept], times_ns])
    units = np.concatenate([trial.units[kept], np.full(len(times_ns), unit, np.uint16)])
    order = np.lexsort((units, times))
    return replace(trial, times_ns=times[order], units=units[order])


def test_the_arrays_of_the_documentation_become_a_session(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    [code] = re.findall(
        r'```python\n((?:(?!```).)*?write_session.*?)```', (ROOT / 'docs' / 'sources.md').read_text(), re.DOTALL
    )
    exec(code, {})
    session = read_session('my_day.neo.mat')
    assert session.unit_count == 5 and [trial.usable for trial in session.trials] == [True] * 8
