# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Splits by trial; the published code's own counts."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.splits import random_states, split_in_order, split_trials
from grasp_decoder.features.trial_bins import TrialBins, bin_trials
from grasp_decoder.features.windows import object_windows, phase_windows
from grasp_decoder.recording.reading import read_session

from helpers.shared_data import shared_data


def make_trials(*objects):
    return [
        TrialBins(
            trial_id=i,
            object_id=object_id,
            recorded_object_id=object_id,
            bin_ns=1,
            start_ns=0,
            counts=np.zeros((1, 1), np.uint16),
            phase=np.zeros(1, np.uint8),
            dof=np.zeros(1, np.float32),
            event_bins={},
        )
        for i, object_id in enumerate(objects)
    ]


def ids(trials):
    return [trial.trial_id for trial in trials]


@given(
    st.lists(st.integers(3, 9), min_size=2, max_size=8), st.sampled_from([0.2, 0.3, 0.4, 0.5, 0.8]), st.integers(0, 99)
)
def test_parts_are_disjoint_complete_and_hold_every_class(frequencies, fraction, random_state):
    trials = make_trials(*np.repeat(np.arange(len(frequencies)) + 21, frequencies).tolist())
    split = split_trials(trials, random_state, fraction)
    parts = split.train, split.validation, split.test
    assert sorted(ids(parts[0]) + ids(parts[1]) + ids(parts[2])) == ids(trials)
    assert split.classes == tuple(range(21, 21 + len(frequencies)))
    for part in parts:
        assert {trial.object_id for trial in part} == set(split.classes)


@given(st.lists(st.integers(21, 25), min_size=40, max_size=60), st.sampled_from([0.4, 0.6]))
def test_a_session_is_learnt_from_its_first_part_and_tested_on_the_rest(objects, fraction):
    trials = make_trials(21, 22, 21, 22, *objects, 21, 22, 30)  # one object is at the end of the session only
    split = split_in_order(trials, fraction)
    n_known = round(fraction * len(trials))
    assert max(ids(split.train + split.validation)) < n_known <= min(ids(split.test))
    first, rest = Counter(trial.object_id for trial in trials[:n_known]), trials[n_known:]
    assert split.classes == tuple(sorted(each for each in {t.object_id for t in rest} if first[each] >= 2))
    for part in (split.train, split.validation, split.test):
        assert {trial.object_id for trial in part} == set(split.classes)
    assert ids(split.test) == [trial.trial_id for trial in rest if trial.object_id in split.classes]


def test_a_first_part_without_the_objects_of_the_rest_is_one_line():
    with pytest.raises(GraspDecoderError, match='fewer than two objects in common'):
        split_in_order(make_trials(*[21] * 6, *[22] * 4), 0.6)


def test_the_default_is_scikit_learns_stratified_64_16_20():
    trials = make_trials(*[21, 22, 23, 24] * 25)
    labels = [trial.object_id for trial in trials]
    known, test = train_test_split(trials, test_size=0.2, random_state=42, stratify=labels)
    train, validation = train_test_split(
        known, test_size=0.2, random_state=42, stratify=[trial.object_id for trial in known]
    )
    split = split_trials(trials)
    assert (ids(split.train), ids(split.validation), ids(split.test)) == (ids(train), ids(validation), ids(test))
    assert (len(train), len(validation), len(test)) == (64, 16, 20)


@pytest.mark.parametrize('fraction, sizes', [(0.8, (160, 40, 50)), (0.3, (52, 23, 175)), (0.2, (30, 20, 200))])
def test_validation_grows_when_training_shrinks(fraction, sizes):
    split = split_trials(make_trials(*[21, 22, 23, 24, 25] * 50), 1, fraction)
    assert (len(split.train), len(split.validation), len(split.test)) == sizes


def test_rare_classes_are_dropped():
    split = split_trials(make_trials(*[21] * 5 + [22] * 3 + [23] * 2))
    assert split.classes == (21, 22)


def test_the_published_protocol_counts_recorded_ids():
    # 41 is 3 + 2 trials of two recorded ids: merged first it has 5, the published code drops the 2.
    trials = make_trials(*[21] * 5 + [41] * 3) + [
        replace(trial, trial_id=8 + i, recorded_object_id=11) for i, trial in enumerate(make_trials(41, 41))
    ]
    kept = {protocol: split_trials(trials, protocol=protocol) for protocol in ('default', 'published')}
    sizes = {name: sum(map(len, (s.train, s.validation, s.test))) for name, s in kept.items()}
    assert sizes == {'default': 10, 'published': 8}


def test_too_few_trials_or_classes_are_refused():
    with pytest.raises(GraspDecoderError, match='object 21 has 9, object 22 has 2'):
        split_trials(make_trials(*[21] * 9 + [22] * 2))
    with pytest.raises(GraspDecoderError, match='between 0 and 1'):
        split_trials(make_trials(*[21] * 9 + [22] * 9), train_fraction=1.0)


def test_random_states_of_repeats():
    assert random_states(5) == [42, 1, 2, 3, 4]
    assert random_states(4, first=2) == [2, 1, 3, 4]


@pytest.mark.slow
def test_counts_of_the_reference_session():
    session = read_session(shared_data('MSyn40.neo.mat'))
    counts = {}
    for protocol in ('published', 'default'):
        split = split_trials(bin_trials(session, protocol=protocol), protocol=protocol)
        parts = split.train, split.validation, split.test
        assert len(split.classes) == 36 and Counter(t.object_id for t in split.test).keys() == set(split.classes)
        counts[protocol] = [
            tuple(len(windows(part, 12)) for part in parts) for windows in (phase_windows, object_windows)
        ]
    assert counts['published'] == [(35129, 8893, 10947), (4394, 1112, 1380)]  # the published code's own
    assert counts['default'] == [(35505, 8995, 11159), (4402, 1107, 1377)]
