# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Movement of another day, with other units: with labels and without them."""

import numpy as np

from benchmark.days_movement import r2
from benchmark.movement_library import MovementLibrary, Reach

ANGLES = (0.0, 0.8, 2.0)


def reaches(count, units, seed):
    """Reaches to three targets on one side; the units follow velocity and speed, each in its own way."""
    tuning = np.random.default_rng(units).normal(0, 1, (3, units))
    rng, made = np.random.default_rng(seed), []
    for index in range(count):
        target = index % len(ANGLES)
        speed = 10 * np.sin(np.linspace(0.2, np.pi, 9)) * rng.uniform(0.8, 1.2)
        velocity = np.outer(speed, [np.cos(ANGLES[target]), np.sin(ANGLES[target])])
        rates = np.exp(0.12 * np.column_stack([velocity, speed]) @ tuning + 0.5)
        made.append(Reach(velocity, np.sqrt(rng.poisson(np.minimum(rates, 30))), target))
    return made


def test_other_units_give_the_movement_with_labels_and_without():
    earlier, few, others, test = reaches(18, 9, 1), reaches(6, 25, 2), reaches(15, 25, 3), reaches(9, 25, 4)
    library = MovementLibrary(earlier)
    for encoding in (library.encode(few), library.align([each.roots for each in others])):
        assert r2([(each.velocity, library.decode(encoding, each.roots)) for each in test]) > 0.7


def test_a_decode_knows_nothing_of_later_bins():
    library = MovementLibrary(reaches(18, 9, 1))
    encoding, roots = library.encode(reaches(6, 25, 2)), reaches(1, 25, 4)[0].roots
    np.testing.assert_allclose(library.decode(encoding, roots)[:5], library.decode(encoding, roots[:5]))
