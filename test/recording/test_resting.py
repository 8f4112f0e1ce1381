# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""RestingActivity: spikes of rest for time that a recording leaves out."""

import numpy as np
import pytest

from grasp_decoder.recording.resting import PIECE_NS, RestingActivity
from grasp_decoder.recording.session import Trial
from grasp_decoder.recording.synthetic import synthesize


@pytest.fixture(scope='module')
def session():
    (made,) = synthesize(units=40, trials=30, seed=2)
    return made


def test_rest_has_the_rates_of_rest_and_lasts_as_long_as_asked_for(session):
    times, units = RestingActivity(session.trials).fill(0, 60_000_000_000)
    before_cue = sum(np.sum(trial.times_ns < trial.events['Cue']) for trial in session.trials)
    seconds = sum(trial.events['Cue'] - trial.start_ns for trial in session.trials) / 1e9
    assert len(times) / 60 == pytest.approx(before_cue / seconds, rel=0.1)
    assert np.all(np.diff(times) >= 0) and times[0] >= 0 and times[-1] < 60_000_000_000
    assert units.max() < session.unit_count and times.dtype == np.int64 and units.dtype == np.uint16


@pytest.mark.parametrize('length_ns', [1, PIECE_NS - 1, PIECE_NS, 3 * PIECE_NS + 7])
def test_no_spike_lies_outside(session, length_ns):
    times, _ = RestingActivity(session.trials).fill(10, 10 + length_ns)
    assert np.all((times >= 10) & (times < 10 + length_ns))


def test_the_same_seed_gives_the_same_spikes(session):
    first, second = (RestingActivity(session.trials, seed=3).fill(0, 10**10) for _ in range(2))
    assert np.array_equal(first[0], second[0]) and np.array_equal(first[1], second[1])


def test_without_rest_there_are_no_spikes():
    trial = Trial(0, 0, 10**9, {'Hold': 0, 'Rew': 10**9}, 1, True, np.array([5]), np.array([0], np.uint16))
    times, units = RestingActivity([trial]).fill(0, 10**10)
    assert len(times) == len(units) == 0
