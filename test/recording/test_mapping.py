# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What a mapping mends: names, times, the order of units, and what is left out."""

import neo
import numpy as np
import pytest
import quantities as pq

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording.mapping import load_mapping
from grasp_decoder.recording.reading import read_session

from helpers.neo_blocks import make_segment
from helpers.three_trials import OBJECTS, STARTS, read, same_but, segments


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
    'text, problem',
    [
        ('trial_stop: End', 'trial_stop but no trial_start'),
        ('trial_start: a\ntrial_epochs: b', 'both trial_start and trial_epochs'),
        ('trials: absent.csv', 'cannot read the table of trials'),
        ('trials: "a\\0b"', 'cannot read the table of trials'),
        ('time_factor: 0', '"time_factor" cannot be 0'),
        (f'time_factor: 1{400 * "0"}', '"time_factor" cannot be 10+'),
        ('clock: mine', '"clock" cannot be'),
        ('results: {R: good}', '"results" cannot be'),
    ],
)
def test_a_mapping_that_contradicts_itself_is_refused(tmp_path, text, problem):
    (tmp_path / 'map.yaml').write_text(text)
    with pytest.raises(GraspDecoderError, match=problem):
        load_mapping(tmp_path / 'map.yaml')
