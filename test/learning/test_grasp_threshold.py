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
