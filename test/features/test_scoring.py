# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Accuracy, margin and R2, against scikit-learn's where it has them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import accuracy_score, r2_score

from grasp_decoder.features.scoring import accuracy, margin, r2, r2_of_sums, r2_sums

labels = arrays(np.int64, 20, elements=st.integers(0, 3))


@given(labels, labels)
def test_accuracy_is_the_share_of_equal_answers(answer, truth):
    assert accuracy(answer, truth) == pytest.approx(accuracy_score(truth, answer))
    assert accuracy(answer, truth) == accuracy(truth, answer) and accuracy(answer, answer) == 1


def test_accuracy_of_nothing_is_nan():
    assert np.isnan(accuracy(np.empty(0), np.empty(0)))


def test_margin_is_the_lead_of_the_best_class():
    np.testing.assert_allclose(margin(np.array([[0.2, 0.7, 0.1], [0.4, 0.2, 0.4]])), [0.5, 0])


@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.integers(1, 29))
def test_r2_is_the_same_from_arrays_and_from_added_sums(seed, channels, cut):
    rng = np.random.default_rng(seed)
    truth = rng.normal(3, 2, (30, channels))
    answer = truth + rng.normal(0, 1, truth.shape)
    expected = r2_score(truth, answer, multioutput='raw_values')
    np.testing.assert_allclose(r2(answer, truth), expected, rtol=1e-9)
    sums = r2_sums(answer[:cut], truth[:cut]) + r2_sums(answer[cut:], truth[cut:])
    np.testing.assert_allclose(r2_of_sums(sums), expected, rtol=1e-9)
