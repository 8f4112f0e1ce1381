# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Windows, their labels, and the look-back that fits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.features.windows import GO_AND_HOLD, choose_look_back, object_windows, phase_windows


def make_bins(n_bins, hold, rew, object_id=21, units=2, seed=0):
    index = np.arange(n_bins)
    return TrialBins(
        trial_id=0,
        object_id=object_id,
        recorded_object_id=object_id,
        bin_ns=40_000_000,
        start_ns=0,
        counts=np.random.default_rng(seed).poisson(1, (n_bins, units)).astype(np.uint16),
        phase=((index >= hold) & (index < rew)).astype(np.uint8),
        dof=np.zeros(n_bins, np.float32),
        event_bins={'Hold': hold, 'Rew': rew},
    )


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=4),
    st.integers(1, 15),
)
def test_windows_are_those_of_a_plain_loop(shapes, look_back):
    trials = [make_bins(n, hold, rew, object_id=20 + i, seed=i) for i, (n, hold, rew) in enumerate(shapes)]
    phase, objects = [], []
    for index, trial in enumerate(trials):
        for first in range(trial.n_bins - look_back + 1):
            last = first + look_back - 1
            phase.append((index, last, trial.phase[last]))
            if trial.phase[last]:
                objects.append((index, last, trial.object_id))
    found = phase_windows(trials, look_back)
    assert list(zip(found.trial, found.last_bin, found.label)) == phase
    found = object_windows(trials, look_back)
    assert list(zip(found.trial, found.last_bin, found.label)) == objects


@given(st.lists(st.tuples(*[st.integers(0, 30)] * 4), min_size=1, max_size=4), st.integers(1, 15))
def test_windows_of_go_and_hold_are_those_of_a_plain_loop(shapes, look_back):
    trials, expected = [], []
    for index, (n, go, hold, rew) in enumerate(shapes):
        trial = make_bins(n, hold, rew, object_id=20 + index)
        trial.event_bins['Go'] = go
        trials.append(trial)
        last_hold_bin = min(rew, n) - 1
        if last_hold_bin >= hold:
            expected += [(index, last, 20 + index) for last in range(look_back - 1, n) if go <= last <= last_hold_bin]
    found = object_windows(trials, look_back, GO_AND_HOLD)
    assert list(zip(found.trial, found.last_bin, found.label)) == expected


def test_look_back_auto_is_12_or_what_fits_before_hold():
    assert choose_look_back([make_bins(40, 20, 30)]) == 12
    assert choose_look_back([make_bins(17, 10, 15)]) == 10
    assert choose_look_back([make_bins(17, 3, 15)]) == 3
    with pytest.raises(GraspDecoderError, match='only 2 bins of 40 ms'):
        choose_look_back([make_bins(17, 2, 15)])


def test_one_odd_trial_does_not_shorten_the_look_back():
    assert choose_look_back([make_bins(40, 20, 30)] * 99 + [make_bins(40, 1, 30)]) == 12


def test_a_requested_look_back_must_fit():
    assert choose_look_back([make_bins(40, 20, 30)], 20) == 20
    with pytest.raises(GraspDecoderError, match='21 bins of 40 ms does not fit'):
        choose_look_back([make_bins(40, 20, 30)], 21)
    with pytest.raises(GraspDecoderError, match='at least 1'):
        choose_look_back([make_bins(40, 20, 30)], 0)
