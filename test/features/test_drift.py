# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""TrackedReadIn: a slow shift of the latents is taken back, within bounds, and not at all when it is off."""

import numpy as np
import pytest

from grasp_decoder.features.drift import MEMORY_NS, MOST_SHIFT, TrackedReadIn
from grasp_decoder.features.read_in import ReadIn
from grasp_decoder.features.unit_model import UnitModel

UNITS, K = 12, 3
RNG = np.random.default_rng(1)
READ_IN = ReadIn(RNG.normal(0, 0.3, (UNITS, K)).astype(np.float32), RNG.normal(0, 1, K).astype(np.float32))
MODEL = UnitModel(np.ones(UNITS, np.float32), np.zeros((UNITS, 1), np.float32), np.full(UNITS, 0.2, np.float32))


def tracked():
    found = TrackedReadIn(READ_IN, MODEL, MEMORY_NS // 50)
    found.on = found.learning = True
    return found


def rows(shift, count=400, seed=2):
    noise = np.random.default_rng(seed).normal(0, 0.3, (count, UNITS))
    return (MODEL.mean + noise + shift).astype(np.float32)


def test_a_slow_shift_is_taken_back_and_nothing_else_changes():
    shift = 0.1 * RNG.normal(size=UNITS)
    for each in (0.0, shift):
        track = tracked()
        found = np.array([track(row) for row in rows(each)])[200:]
        plain = READ_IN.of_bins(rows(0.0))[200:]
        np.testing.assert_allclose(found.mean(axis=0), plain.mean(axis=0), atol=0.05)
        np.testing.assert_allclose(found.std(axis=0), plain.std(axis=0), rtol=0.1)
    assert 0.1 < track.drift < 1


def test_the_same_bins_give_the_same_latents_to_the_bit():
    first, again = tracked(), tracked()
    for row in rows(0.2, 50):
        assert first(row).tobytes() == again(row).tobytes()


def test_a_shift_is_followed_no_further_than_to_its_bound():
    track = tracked()
    for row in rows(30.0):
        track(row)
    assert track.drift == pytest.approx(MOST_SHIFT, rel=1e-3)


@pytest.mark.parametrize('name', ['on', 'learning'])
def test_nothing_is_followed_while_it_is_off_or_the_input_is_another(name):
    track = tracked()
    setattr(track, name, False)
    for row in rows(0.5, 30):
        assert track(row).tobytes() == READ_IN(row).tobytes()
    assert track.drift == 0
