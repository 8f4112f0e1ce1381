# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Annotations say the same, whichever type they are written in."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grasp_decoder.recording.annotations import plain, truth, whole_number

WAYS_TO_WRITE = (str, float, np.int32, np.float32, lambda number: np.array([number]), lambda number: f' {number}\0 ')


@given(st.integers(-1000, 1000), st.sampled_from(WAYS_TO_WRITE))
def test_a_whole_number_is_one_in_every_type(number, write):
    assert whole_number(write(number)) == number


@pytest.mark.parametrize('value', [None, '', '3a', '1.5', 1.5, float('nan'), float('inf'), [1], np.array([1, 2]), b'x'])
def test_what_is_no_whole_number_is_none(value):
    assert whole_number(value) is None


@pytest.mark.parametrize(
    'yes', [True, np.True_, 'true', 'TRUE', 'yes', 'Correct', ' hit ', b'success', np.array(['right'])]
)
@pytest.mark.parametrize('no', [False, np.False_, 'false', 'no', 'Wrong', 'error', b'miss', 'incorrect', 'failure'])
def test_usual_words_and_booleans_say_yes_or_no(yes, no):
    assert truth(yes) is True and truth(no) is False


@pytest.mark.parametrize('write', WAYS_TO_WRITE)
def test_0_and_1_say_no_and_yes_in_every_type(write):
    assert truth(write(1)) is True and truth(write(0)) is False


@pytest.mark.parametrize('value', [2, -1, 0.5, '', 'maybe', '10', float('nan'), None, [True], np.array([1, 0])])
def test_anything_else_is_refused_with_what_is_accepted(value):
    with pytest.raises(ValueError, match='it can be true or false, yes, .*, miss, failure, 0$'):
        truth(value)


def test_bytes_and_arrays_of_one_are_what_they_hold():
    assert plain(b'cup\0') == plain(np.array('cup')) == plain(np.array([[' cup ']])) == 'cup'
    assert plain(None) is None
