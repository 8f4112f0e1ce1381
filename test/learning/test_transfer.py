# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Going on from another day: the read-out for today's classes."""

import numpy as np

from grasp_decoder.learning.models.transfer import read_out_for


def test_a_new_class_starts_from_the_mean_of_the_others():
    start = {
        'classes': np.array([21, 22, 31]),
        'read_out_0': np.arange(6.0).reshape(2, 3),
        'read_out_1': np.arange(3.0),
    }
    kernel, bias = read_out_for((22, 40), start)
    np.testing.assert_array_equal(kernel, [[1, 1], [4, 4]])
    np.testing.assert_array_equal(bias, [1, 1])
