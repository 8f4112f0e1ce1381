# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Counts become features by one table."""

import numpy as np
import pytest

from grasp_decoder.features.count_features import IDENTITY_LUT, LUT_SIZE, SQUARE_ROOT_LUT, clip_counts, count_features

COUNTS = np.array([[0, 1, 4], [255, 256, 65_535]], np.uint16)


@pytest.mark.parametrize(
    'lut, expected',
    [(IDENTITY_LUT, [[0, 1, 4], [255] * 3]), (SQUARE_ROOT_LUT, [[0, 1, 2], [np.float32(255) ** 0.5] * 3])],
)
def test_counts_above_the_table_have_its_last_feature(lut, expected):
    features = count_features(COUNTS, lut)
    assert features.dtype == lut.dtype == np.float32
    np.testing.assert_array_equal(features, np.array(expected, np.float32))


def test_features_are_written_where_they_are_wanted():
    out = np.empty(COUNTS.shape, np.int8)
    assert count_features(COUNTS, (np.arange(LUT_SIZE) - 128).astype(np.int8), out) is out
    np.testing.assert_array_equal(out, [[-128, -127, -124], [127] * 3])


def test_clipped_counts_have_the_same_features():
    clipped = clip_counts(COUNTS)
    assert clipped.dtype == np.uint8
    np.testing.assert_array_equal(count_features(clipped, SQUARE_ROOT_LUT), count_features(COUNTS, SQUARE_ROOT_LUT))
