# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Life: sequences that no clock can learn, put together from the bins of trials."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.learning.models.life import SEQUENCE_BINS, Life, RecordedTrials, in_pieces

EVENTS = {'Cue': 10, 'Mem': 15, 'Go': 30, 'Hold': 36, 'Rew': 46}


def make_trial(trial_id, n_bins=60, events=EVENTS):
    return TrialBins(
        trial_id=trial_id,
        object_id=21,
        recorded_object_id=21,
        bin_ns=40_000_000,
        start_ns=0,
        counts=np.zeros((n_bins, 1), np.uint16),
        phase=((np.arange(n_bins) >= events.get('Hold', n_bins)) & (np.arange(n_bins) < events.get('Rew', 0))).astype(
            np.uint8
        ),
        dof=np.zeros(n_bins, np.float32),
        event_bins=events,
    )


def sequences(trials, n=200, seed=0):
    return Life(trials, np.random.default_rng(seed)).sequences(n)


@given(st.integers(0, 1000), st.lists(st.sampled_from([EVENTS, {}, {'Cue': 3}, {'Hold': 5, 'Rew': 6}]), min_size=1))
def test_any_trials_make_sequences_of_their_bins(seed, events):
    trials = [make_trial(index, events=each) for index, each in enumerate(events)]
    found = sequences(trials, 5, seed)
    assert found.shape == (5, SEQUENCE_BINS)
    assert found.min() >= 0 and found.max() < 60 * len(trials)
    np.testing.assert_array_equal(found, sequences(trials, 5, seed))


def test_sequences_start_anywhere_and_often_with_a_trial():
    first = sequences([make_trial(index) for index in range(5)])[:, 0] % 60
    assert 0.3 < np.mean(first < EVENTS['Cue']) < 0.95
    assert len(np.unique(first)) > 20


def test_rest_delay_and_hold_have_no_fixed_length():
    found = sequences([make_trial(index) for index in range(5)])
    at = found % 60
    lengths = {
        'rest': runs(at < EVENTS['Cue']),
        'delay': runs((at >= EVENTS['Mem']) & (at < EVENTS['Go'])),
        'hold': runs((at >= EVENTS['Hold']) & (at < EVENTS['Rew'])),
    }
    for part, usual in (('rest', 10), ('delay', 15), ('hold', 10)):
        assert lengths[part].max() >= 3 * usual
        assert len(np.unique(lengths[part])) > 15
    assert (lengths['delay'] < 12).any()


def test_what_follows_one_another_mostly_did_so_in_the_recording():
    steps = np.abs(np.diff(sequences([make_trial(index) for index in range(5)]), axis=1))
    assert np.mean(steps == 1) > 0.9


def test_some_trials_go_no_further_than_the_delay():
    at = sequences([make_trial(0)], 400) % 60
    after_delay = at[:, 1:][at[:, :-1] == EVENTS['Go'] - 1]
    assert 0.02 < np.mean(after_delay < EVENTS['Cue']) < 0.2


@pytest.mark.parametrize('length', [None, 25])
def test_pieces_hold_every_bin_once_in_order(length):
    trials = [make_trial(0, 40), make_trial(1, 61)]
    pieces = in_pieces(trials, length)
    assert pieces.shape == ((2, 61) if length is None else (5, 25))
    np.testing.assert_array_equal(pieces[pieces >= 0], np.arange(101))


def test_recorded_trials_come_whole_and_shuffled():
    trials = [make_trial(index, 40 + index) for index in range(8)]
    source = RecordedTrials(trials, np.random.default_rng(0))
    first, second = source.sequences(8), source.sequences(8)
    assert sorted(map(tuple, first)) == sorted(map(tuple, second)) == sorted(map(tuple, in_pieces(trials, None)))
    assert not np.array_equal(first, second)


def runs(mask):
    """Lengths of the runs of True within the rows of a mask that neither start nor end a row."""
    found = []
    for row in mask:
        edges = np.flatnonzero(np.diff(row.astype(int)))
        found += [stop - start for start, stop in itertools.pairwise(edges) if row[start + 1]]
    return np.array(found)
