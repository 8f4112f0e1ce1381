# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""UnitRepair: gains are taken back, and living units stand in for dead ones."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grasp_decoder.features.unit_model import UnitModel
from grasp_decoder.features.unit_repair import AVERAGED_BINS, UnitRepair, added_noise, gain_correction

UNITS = 8


def make_model(seed=0):
    rng = np.random.default_rng(seed)
    return UnitModel(
        rng.uniform(0.5, 2, UNITS).astype(np.float32),
        rng.normal(0, 0.3, (UNITS, 2)).astype(np.float32),
        rng.uniform(0.2, 1, UNITS).astype(np.float32),
    )


def make_repair(model, rate, living, gain):
    repair = UnitRepair(model, rate)
    repair.adapt(living, gain)
    return repair


def test_nothing_is_changed_where_nothing_is_wrong():
    roots = np.sqrt(np.arange(UNITS)).astype(np.float32)
    repair = make_repair(make_model(), np.ones(UNITS), np.ones(UNITS, bool), 1.0)
    np.testing.assert_array_equal(repair(roots), roots)


@given(st.integers(0, 99), st.floats(1, 2))
def test_a_read_in_sees_what_it_would_see_through_living_units(seed, gain):
    rng, model = np.random.default_rng(seed), make_model(seed)
    rate, living = rng.uniform(0, 5, UNITS), rng.random(UNITS) < 0.7
    roots = np.sqrt(rng.poisson(rate)).astype(np.float32)
    kernel, bias = rng.normal(size=(UNITS, 3)).astype(np.float32), rng.normal(size=3).astype(np.float32)
    seen = make_repair(model, rate, living, gain)(roots) @ kernel + bias
    other_kernel, other_bias = model.stand_in(kernel, bias, living)
    np.testing.assert_allclose(seen, (roots * gain_correction(rate, gain)) @ other_kernel + other_bias, atol=1e-3)


@pytest.mark.parametrize('gain', [0.5, 0.8, 1.5, 2.0])
def test_the_mean_is_that_of_training_again(gain):
    rng, rate = np.random.default_rng(0), np.array([0.1, 0.5, 2.0, 8.0, 150.0])
    usual = np.sqrt(rng.poisson(rate, (300_000, 5))).mean(axis=0)
    repaired = np.sqrt(rng.poisson(gain * rate, (300_000, 5))).mean(axis=0) * gain_correction(rate, gain)
    np.testing.assert_allclose(repaired, usual, rtol=0.02)


@pytest.mark.parametrize('gain', [0.4, 0.5, 0.8])
def test_units_that_fire_less_are_noisier_by_as_much_as_is_said(gain):
    rng, rate = np.random.default_rng(0), np.array([0.05, 0.5, 2.0, 8.0, 150.0])
    usual = np.sqrt(rng.poisson(rate, (300_000, 5))).var(axis=0)
    now = (np.sqrt(rng.poisson(gain * rate, (300_000, 5))) * gain_correction(rate, gain)).var(axis=0)
    np.testing.assert_allclose(added_noise(rate, gain) * AVERAGED_BINS, now - usual, rtol=0.05, atol=0.005)
    assert not added_noise(rate, 1.5).any() and not added_noise(np.zeros(2), gain).any()


def test_units_that_fire_less_are_repaired_nearer_to_what_they_would_have_said():
    rng, model = np.random.default_rng(0), make_model()
    rate = np.full(UNITS, 0.6)
    usual = np.sqrt(rng.poisson(rate, (20_000, UNITS))).mean(axis=0)
    model = replace(model, mean=usual.astype(np.float32), private=np.full(UNITS, 0.02, np.float32))
    repair = make_repair(model, rate, np.ones(UNITS, bool), 0.5)
    noise = rng.normal(0, np.sqrt(added_noise(rate, 0.5)), (500, UNITS))
    said = model.mean + rng.normal(size=(500, 2)) @ model.loading.T + rng.normal(0, np.sqrt(0.02), (500, UNITS))
    corrected = (said + noise).astype(np.float32)
    repaired = np.array([repair(each / gain_correction(rate, 0.5)) for each in corrected])
    assert np.square(repaired - said).mean() < 0.9 * np.square(corrected - said).mean()


def test_silent_units_are_left_as_they_are():
    np.testing.assert_array_equal(gain_correction(np.array([0.0, 1.0]), 1.0), 1)
    assert gain_correction(np.array([0.0, 1.0]), 0.5)[0] == 1


def test_a_dead_unit_does_not_count_any_more_whatever_it_sends():
    repair = make_repair(make_model(), np.ones(UNITS), np.arange(UNITS) != 3, 1.0)
    roots = np.ones(UNITS, np.float32)
    noisy = roots.copy()
    noisy[3] = 50
    np.testing.assert_array_equal(repair(roots), repair(noisy))


def test_only_other_units_are_solved_for(monkeypatch):
    model, solved = make_model(), []
    covariance = UnitModel.covariance
    monkeypatch.setattr(UnitModel, 'covariance', lambda *given: solved.append(1) or covariance(*given))
    repair, roots = UnitRepair(model, np.ones(UNITS)), np.ones(UNITS, np.float32)
    some, others = np.arange(UNITS) != 3, np.arange(UNITS) > 4
    for living, gain in [(some, 1.0), (some, 2.0), (some, 0.5), (some, 1.5), (others, 1.5)]:
        repair.adapt(living, gain)
        np.testing.assert_array_equal(repair(roots), make_repair(model, np.ones(UNITS), living, gain)(roots))
    assert len(solved) == 4 + 5  # once for each that was made anew; in a row not where only a higher gain is new
