# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""UnitModel: living units stand in for dead ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.features.unit_model import UnitModel
from grasp_decoder.features.unit_model_fitting import fit_unit_model


def make_model(units, factors, seed=0):
    rng = np.random.default_rng(seed)
    return UnitModel(
        rng.normal(size=units).astype(np.float32),
        rng.normal(size=(units, factors)).astype(np.float32),
        rng.uniform(0.2, 2, units).astype(np.float32),
    )


def make_trials(n_trials=30, units=24, n_bins=48):
    """Units that follow one of three slow signals each, about 9 spikes a bin."""
    rng = np.random.default_rng(0)
    trials = []
    for index in range(n_trials):
        signals = np.repeat(rng.normal(size=(n_bins // 6, 3)), 6, axis=0)
        rate = (3 + 0.8 * signals[:, np.arange(units) % 3]) ** 2
        trials.append(
            TrialBins(
                trial_id=index,
                object_id=21,
                recorded_object_id=21,
                bin_ns=40_000_000,
                start_ns=0,
                counts=rng.poisson(rate).astype(np.uint16),
                phase=np.zeros(n_bins, np.uint8),
                dof=np.zeros(n_bins, np.float32),
                event_bins={},
            )
        )
    return trials


@given(st.integers(2, 12), st.integers(1, 4), st.integers(0, 99))
def test_the_expectation_is_that_of_conditional_gaussians(units, factors, seed):
    model = make_model(units, factors, seed)
    rng = np.random.default_rng(seed)
    living = rng.random(units) < 0.7
    features = rng.normal(size=units).astype(np.float32)
    covariance = model.loading @ model.loading.T + np.diag(model.private)
    weights = np.linalg.solve(covariance[np.ix_(living, living)], covariance[np.ix_(living, ~living)])
    expected = model.mean[~living] + (features - model.mean)[living] @ weights
    factors = model.expected_factors(living) @ (features - model.mean)
    np.testing.assert_allclose((model.mean + model.loading @ factors)[~living], expected, atol=1e-3)


@given(st.integers(2, 12), st.integers(0, 99))
def test_a_read_in_that_stands_in_says_what_the_read_in_says_of_expected_features(units, seed):
    model = make_model(units, 2, seed)
    rng = np.random.default_rng(seed)
    kernel, bias = rng.normal(size=(units, 3)).astype(np.float32), rng.normal(size=3).astype(np.float32)
    living = rng.random(units) < 0.6
    features = rng.normal(size=units).astype(np.float32)
    factors = model.expected_factors(living) @ (features - model.mean)
    filled = np.where(living, features, model.mean + model.loading @ factors)
    other_kernel, other_bias = model.stand_in(kernel, bias, living)
    assert not other_kernel[~living].any()
    np.testing.assert_allclose(features @ other_kernel + other_bias, filled @ kernel + bias, atol=1e-3)


def test_nothing_changes_while_all_units_live():
    model, kernel, bias = make_model(6, 2), np.eye(6, 2, dtype=np.float32), np.ones(2, np.float32)
    other_kernel, other_bias = model.stand_in(kernel, bias, np.ones(6, bool))
    np.testing.assert_array_equal(other_kernel, kernel)
    np.testing.assert_array_equal(other_bias, bias)


def test_dead_units_are_expected_where_their_neighbours_say():
    trials = make_trials()
    model = fit_unit_model(trials[:20])
    features = np.concatenate([np.sqrt(trial.counts) for trial in trials[20:]])
    living = np.arange(24) >= 6
    expected = model.mean + (features - model.mean) @ model.expected_factors(living).T @ model.loading.T
    slow = [rows.reshape(-1, 6, 24).mean(axis=1)[:, ~living] for rows in (features, expected)]
    unexplained = np.square(slow[0] - slow[1]).mean() / slow[0].var(axis=0).mean()
    assert unexplained < 0.15


def test_silent_units_do_no_harm():
    trials = make_trials(3)
    for trial in trials:
        trial.counts[:, :20] = 0
    model = fit_unit_model(trials)
    kernel, bias = model.stand_in(np.eye(24, dtype=np.float32), np.zeros(24, np.float32), np.arange(24) != 21)
    assert np.isfinite(kernel).all() and np.isfinite(bias).all() and np.abs(kernel).max() < 5


def test_arrays_there_and_back():
    model = make_model(5, 2)
    again = UnitModel.from_arrays(model.to_arrays())
    assert all(np.array_equal(a, b) for a, b in zip(vars(model).values(), vars(again).values()))
    with pytest.raises(ValueError, match='different lengths'):
        UnitModel.from_arrays(model.to_arrays() | {'mean': np.zeros(3)})
    with pytest.raises(ValueError, match='not above 0'):
        UnitModel.from_arrays(model.to_arrays() | {'private': np.zeros(5)})
    with pytest.raises(KeyError):
        UnitModel.from_arrays({'mean': np.zeros(3)})
