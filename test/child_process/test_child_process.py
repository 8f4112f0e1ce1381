# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""A call in a child process: its answer comes back, its crash does not."""

import ctypes
import os
import time

import numpy as np
import pytest

from grasp_decoder.child_process import ChildDied, call_in_child
from grasp_decoder.errors import GraspDecoderError


def test_the_answer_comes_back():
    assert call_in_child(os.path.join, 'a', 'b', seconds=60) == 'a/b'
    assert call_in_child(np.arange, 3, seconds=60).tolist() == [0, 1, 2]


def test_what_it_raises_comes_back():
    from grasp_decoder.yaml_file import read_yaml

    with pytest.raises(GraspDecoderError, match='cannot read the map'):
        call_in_child(read_yaml, '/absent', 'map', seconds=60)


@pytest.mark.parametrize(
    'function, argument, seconds, problem',
    [
        (ctypes.string_at, 8, 60, 'signal 11'),
        (os._exit, 3, 60, 'status 3'),
        (time.sleep, 60, 1, 'more than 1 s'),
        (bytes, os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES'), 60, 'GiB of memory'),
    ],
)
def test_its_death_is_an_error(function, argument, seconds, problem):
    with pytest.raises(ChildDied, match=problem):
        call_in_child(function, argument, seconds=seconds)


def test_its_memory_can_be_limited_further():
    with pytest.raises(ChildDied, match='needs more than 1.0 GiB of memory'):
        call_in_child(bytes, 1 << 30, seconds=60, most_bytes=1 << 30)
