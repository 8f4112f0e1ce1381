# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Movement of another day, with other units: with labels and without them."""

from functools import partial

import numpy as np
import pytest

from benchmark.days_movement import r2
from benchmark.movement_library import MovementLibrary, Reach

ANGLES = (0.0, 0.8, 2.0)


def reaches(count, units, seed, angles=ANGLES, directed=True):
    """Reaches to targets, on one side by default; the units follow velocity and speed, each in its own way."""
    tuning = np.random.default_rng(units).normal(0, 1, (3, units)) * [[directed], [directed], [1]]
    rng, made = np.random.default_rng(seed), []
    for index in range(count):
        target = index % len(angles)
        speed = 10 * np.sin(np.linspace(0.2, np.pi, 9)) * rng.uniform(0.8, 1.2)
        velocity = np.outer(speed, [np.cos(angles[target]), np.sin(angles[target])])
        rates = np.exp(0.12 * np.column_stack([velocity, speed]) @ tuning + 0.5)
        made.append(Reach(velocity, np.sqrt(rng.poisson(np.minimum(rates, 30))), target))
    return made


def test_other_units_give_the_movement_with_labels_and_without():
    earlier, few, others, test = reaches(18, 70, 1), reaches(6, 90, 2), reaches(15, 90, 3), reaches(9, 90, 4)
    library = MovementLibrary(earlier)
    guesses = library.align([each.roots for each in others], library.encode(earlier))
    for decode in (partial(library.decode, library.encode(few)), partial(library.decode_guesses, guesses)):
        assert r2([(each.velocity, decode(each.roots)) for each in test]) > 0.7


def test_guesses_of_which_none_is_sure_say_that_nothing_moves():
    """Four targets around the centre, and units that say only how fast the arm is."""
    angles = (0.0, np.pi / 2, np.pi, 3 * np.pi / 2)
    earlier, today = (reaches(20, 25, seed, angles, directed=False) for seed in (1, 2))
    library = MovementLibrary(earlier)
    guesses = library.align([each.roots for each in today], library.encode(earlier))
    assert sum(each.weight for each in guesses) == pytest.approx(1)
    assert r2([(each.velocity, library.decode_guesses(guesses, each.roots)) for each in today]) > -0.1


def test_a_decode_knows_nothing_of_later_bins():
    library = MovementLibrary(reaches(18, 9, 1))
    encoding, roots = library.encode(reaches(6, 25, 2)), reaches(1, 25, 4)[0].roots
    np.testing.assert_allclose(library.decode(encoding, roots)[:5], library.decode(encoding, roots[:5]))
