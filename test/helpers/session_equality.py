# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Comparing sessions, arrays included."""

from dataclasses import replace

import numpy as np


def assert_same_session(one, other):
    assert (one.name, one.units, len(one.trials)) == (other.name, other.units, len(other.trials))
    for a, b in zip(one.trials, other.trials):
        assert_same_arrays((a.times_ns, a.units), (b.times_ns, b.units))
        assert list(a.signals) == list(b.signals)
        for name in a.signals:
            assert_same_arrays(a.signals[name], b.signals[name])
        nothing = {'times_ns': None, 'units': None, 'signals': None}
        assert replace(a, **nothing) == replace(b, **nothing)


def assert_same_arrays(one, other):
    for a, b in zip(one, other, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
