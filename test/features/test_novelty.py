# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""NoveltyModel: what lies far from every object of training is new."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grasp_decoder.features.novelty import MEMORY_BINS, LatentAverages, NoveltyModel

LATENTS = 3


def make_model():
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(len(MEMORY_BINS) * LATENTS, 2)).astype(np.float32)
    return NoveltyModel(directions, np.array([[0, 0], [4, 0]], np.float32), limit=np.log(2.0), slope=3.0)


def test_averages_start_as_means_and_then_forget():
    averages, rows = LatentAverages(LATENTS), np.random.default_rng(0).normal(size=(200, LATENTS)).astype(np.float32)
    heard = np.array([averages.step(row) for row in rows]).reshape(-1, len(MEMORY_BINS), LATENTS)
    for index, bins in enumerate(MEMORY_BINS):
        np.testing.assert_allclose(heard[bins - 1, index], rows[:bins].mean(axis=0), atol=1e-5)
        np.testing.assert_allclose(
            heard[150, index], heard[149, index] + (rows[150] - heard[149, index]) / bins, atol=1e-5
        )
    averages.reset()
    np.testing.assert_array_equal(averages.step(rows[7]), np.tile(rows[7], len(MEMORY_BINS)))


@given(st.floats(0, 1e4), st.floats(0, 1e4))
def test_what_is_farther_is_not_less_likely_new(near, far):
    model = make_model()
    away = np.linalg.pinv(model.directions.T) @ np.array([-1, 0])  # on the side where no other object is
    near, far = sorted((near, far))
    assert 0 <= model.probability(near * away) <= model.probability(far * away) + 1e-6 <= 1 + 1e-6


def test_at_the_limit_a_new_object_is_as_likely_as_a_known_one():
    model = make_model()
    at_limit = np.linalg.pinv(model.directions.T) @ np.array([0, 2])
    assert model.probability(at_limit) == pytest.approx(0.5, abs=1e-5)
    assert model.probability(2 * at_limit, activity=0.25) == pytest.approx(0.5, abs=1e-5)
    assert model.probability(at_limit, activity=2.0) == pytest.approx(0.5, abs=1e-5)


def test_it_comes_back_from_arrays_as_it_was_and_nonsense_is_refused():
    model = make_model()
    back = NoveltyModel.from_arrays(model.to_arrays())
    np.testing.assert_equal(vars(back), vars(model))
    assert back.width == LATENTS
    for wrong in (
        {'centres': np.zeros((0, 2))},
        {'centres': np.zeros((2, 5))},
        {'directions': np.full((6, 2), np.nan)},
        {'slope': 0.0},
        {'limit': np.inf},
    ):
        with pytest.raises(ValueError):
            NoveltyModel.from_arrays({**model.to_arrays(), **wrong})
