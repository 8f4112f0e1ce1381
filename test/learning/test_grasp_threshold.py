# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The threshold of GRASP is the one that suits the validation trials best."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from grasp_decoder.learning.models.training import GRASP_THRESHOLDS, grasp_threshold


@given(st.integers(0, 2**32 - 1))
def test_no_other_threshold_has_a_higher_f1(seed):
    rng = np.random.default_rng(seed)
    grasp = rng.random(60) < 0.4
    probability = np.clip(rng.normal(0.4 + 0.4 * grasp, 0.2), 0, 1)

    def f1(threshold):
        said = probability >= threshold
        return 2 * np.count_nonzero(said & grasp) / max(1, np.count_nonzero(said) + np.count_nonzero(grasp))

    assert f1(grasp_threshold(probability, grasp)) == max(map(f1, GRASP_THRESHOLDS))


def test_grasp_is_said_as_soon_as_rest_is_no_longer_likelier_where_all_thresholds_are_alike():
    assert grasp_threshold(np.array([0.1, 0.9]), np.array([False, True])) == 0.5
