# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""InputMonitor: what it says of the input that was learnt, and of inputs that are not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as numpy_strategies

from grasp_decoder.decoding.input_monitor import GAIN_RANGE, InputMonitor
from grasp_decoder.features.input_statistics import InputStatistics, measure_input
from grasp_decoder.features.trial_bins import bin_trials
from grasp_decoder.recording.synthetic import synthesize
from grasp_decoder.types.decoded_grasp import VALIDITY_LIMIT

BIN_NS = 40_000_000
SECOND = 25
RNG = np.random.default_rng(5)


@pytest.fixture(scope='module')
def trials():
    (session,) = synthesize(units=96, trials=60, seed=3)
    return bin_trials(session)


@pytest.fixture(scope='module')
def statistics(trials):
    return measure_input(trials[::2])


@pytest.fixture(scope='module')
def unseen(trials):
    """Counts of trials that the statistics were not made from, one after the other."""
    return np.concatenate([trial.counts for trial in trials[1::2]])


def states(statistics, counts):
    monitor = InputMonitor(statistics, BIN_NS)
    return monitor, [monitor.push(row) for row in counts]


def refused(seen):
    """Share of the bins after the first two seconds that are refused."""
    return np.mean([state.validity < VALIDITY_LIMIT for state in seen[2 * SECOND :]])


def test_new_trials_of_the_same_units_are_valid(statistics, unseen):
    monitor, seen = states(statistics, unseen)
    assert refused(seen) == 0.0
    assert all(state.reason == '' for state in seen[SECOND:])
    assert not any(state.artefact for state in seen)
    assert monitor.runaway_units() == [] and len(monitor.dead_units()) <= 1


def test_the_first_second_is_not_valid_yet(statistics, unseen):
    _, seen = states(statistics, unseen[: SECOND - 1])
    assert all(state.validity == 0.0 and state.reason for state in seen)


@pytest.mark.parametrize(
    'change, words',
    [
        (lambda counts: counts[:, RNG.permutation(counts.shape[1])], 'another order'),
        (lambda counts: np.zeros_like(counts), 'silent'),
        (lambda counts: 5 * counts, 'bursts'),
        (lambda counts: counts * (RNG.random(counts.shape[1]) > 0.6), 'silent'),
    ],
    ids=['another order', 'silence', 'five times the rate', 'more than half dead'],
)
def test_an_input_that_was_not_learnt_is_refused_within_a_second(statistics, unseen, change, words):
    natural, changed = unseen[: 8 * SECOND], change(unseen[8 * SECOND :]).astype(np.uint16)
    _, seen = states(statistics, np.concatenate([natural, changed]))
    after = seen[9 * SECOND :]
    assert all(state.validity < VALIDITY_LIMIT for state in after)
    assert words in after[0].reason


def test_an_input_that_is_as_before_again_is_valid_again(statistics, unseen):
    silence = np.zeros((10 * SECOND, unseen.shape[1]), np.uint16)
    _, seen = states(statistics, np.concatenate([unseen[: 4 * SECOND], silence, unseen[4 * SECOND :]]))
    assert refused(seen[16 * SECOND :]) == 0.0
    assert seen[4 * SECOND + 12 * SECOND].gain == pytest.approx(seen[4 * SECOND].gain, abs=0.3)


def test_dead_units_are_named_and_the_rest_goes_on(statistics, unseen):
    active = np.flatnonzero(statistics.rate * SECOND > 5)
    dead = RNG.choice(active, len(active) // 5, replace=False)
    counts = unseen.copy()
    counts[:, dead] = 0
    monitor, seen = states(statistics, counts)
    assert refused(seen) == 0.0
    assert set(dead) <= set(monitor.dead_units())
    assert not seen[-1].living[dead].any()
    assert seen[-1].living.sum() >= unseen.shape[1] - len(dead) - 5


def test_half_of_the_units_that_matter_are_left_out_within_a_second_and_units_that_live_hardly_ever(statistics, unseen):
    active = np.flatnonzero(statistics.rate * SECOND > 5)
    _, natural = states(statistics, unseen)
    assert np.mean([~state.living for state in natural]) < 0.01
    counts = unseen.copy()
    counts[4 * SECOND :, active[::4]] = 0
    _, seen = states(statistics, counts)
    assert seen[5 * SECOND].living[active[::4]].mean() < 0.5
    assert not seen[8 * SECOND].living[active[::4]].any()


def test_a_unit_that_fires_again_lives_again(statistics, unseen):
    unit = int(statistics.rate.argmax())
    counts = unseen.copy()
    counts[: 10 * SECOND, unit] = 0
    _, seen = states(statistics, counts)
    assert not seen[10 * SECOND - 1].living[unit]
    assert seen[12 * SECOND].living[unit]


def test_a_unit_that_runs_away_is_named(statistics, unseen):
    unit = int(np.argsort(statistics.rate)[len(statistics.rate) // 2])
    counts = unseen.copy()
    counts[:, unit] = 40
    monitor, seen = states(statistics, counts)
    assert monitor.runaway_units() == [unit]
    assert not seen[-1].living[unit] and refused(seen) == 0.0


def test_a_burst_on_all_channels_is_an_artefact_and_no_reason_to_stop(statistics, unseen):
    counts = unseen.copy()
    counts[4 * SECOND : 4 * SECOND + 5] += 10
    _, seen = states(statistics, counts)
    assert [index for index, state in enumerate(seen) if state.artefact] == list(range(4 * SECOND, 4 * SECOND + 5))
    assert refused(seen) == 0.0


@pytest.mark.parametrize('factor', [0.5, 1.0, 1.5])
def test_the_level_of_activity_is_followed(statistics, unseen, factor):
    counts = RNG.binomial(2 * unseen, factor / 2).astype(np.uint16)
    counts = np.concatenate([counts, counts])
    _, seen = states(statistics, counts)
    assert refused(seen) == 0.0
    assert seen[-1].gain == pytest.approx(factor, rel=0.2)


def test_the_same_bins_give_the_same_answers(statistics, unseen):
    _, first = states(statistics, unseen)
    _, second = states(statistics, unseen)
    assert all(
        (a.validity, a.reason, a.artefact, a.gain) == (b.validity, b.reason, b.artefact, b.gain)
        and np.array_equal(a.living, b.living)
        for a, b in zip(first, second)
    )


def test_statistics_survive_being_kept(statistics):
    again = InputStatistics.from_arrays(statistics.to_arrays())
    assert all(np.array_equal(getattr(again, name), value) for name, value in vars(statistics).items())


@pytest.mark.parametrize(
    'name, value',
    [('rate', np.float32([1, np.nan])), ('most_spikes', np.int32([1])), ('longest_silence', np.int32([-1, 2]))],
)
def test_damaged_statistics_are_refused(statistics, name, value):
    with pytest.raises(ValueError):
        InputStatistics.from_arrays(statistics.to_arrays() | {name: value})


@settings(max_examples=50)
@given(
    counts=numpy_strategies.arrays(
        np.uint16, st.tuples(st.integers(1, 60), st.just(6)), elements=st.integers(0, 65535)
    ),
    rates=numpy_strategies.arrays(np.float32, 6, elements=st.floats(0, 100, width=32)),
)
def test_any_counts_give_an_answer_inside_its_range(counts, rates):
    statistics = InputStatistics(
        rates,
        np.ones(6, np.int32),
        np.ones(6, np.int32),
        np.full(6, 30, np.int32),
        0.8,
        1.25,
        0.9,
        0.8,
        2.0 * float(rates.sum()),
    )
    for state in states(statistics, counts)[1]:
        assert 0.0 <= state.validity <= 1.0
        assert (state.validity < VALIDITY_LIMIT) == bool(state.reason)
        assert GAIN_RANGE[0] <= state.gain <= GAIN_RANGE[1]
        assert state.living.shape == (6,)
