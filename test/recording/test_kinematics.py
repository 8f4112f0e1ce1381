# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Binned kinematics are split into trials where the hand stands still."""

import numpy as np
import pytest
from scipy.io import savemat

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording.binned_kinematics import read_binned_kinematics

from helpers.shared_data import shared_data


def test_a_trial_starts_where_the_velocity_is_zero(tmp_path):
    movement = np.arange(20.0).reshape(5, 4)
    movement[[0, 3], 2:] = 0
    counts = np.arange(15, dtype=np.uint8).reshape(5, 3)
    savemat(tmp_path / 'x.mat', {'X': movement, 'Y': counts})
    found = read_binned_kinematics(tmp_path / 'x.mat')
    assert (found.bin_ns, found.unit_count) == (100_000_000, 3)
    assert [len(trial) for trial in found.counts] == [3, 2]
    np.testing.assert_array_equal(np.concatenate(found.counts), counts)
    np.testing.assert_array_equal(np.concatenate(found.movement), movement)
    assert found.counts[0].dtype == np.uint16


@pytest.mark.parametrize(
    'content, problem',
    [
        (None, 'no such file'),
        (b'hello', 'not a MATLAB file'),
        ({'X': np.zeros((3, 4))}, 'no binned kinematics'),
        ({'X': np.zeros((3, 4)), 'Y': np.zeros((2, 5))}, r'expected \(bins, 4\)'),
        ({'X': np.zeros((3, 4)), 'Y': np.full((3, 2), np.nan)}, 'does not hold spike counts'),
    ],
)
def test_other_files_are_refused(tmp_path, content, problem):
    path = tmp_path / 'x.mat'
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content:
        savemat(path, content)
    with pytest.raises(GraspDecoderError, match=problem):
        read_binned_kinematics(path)


def test_the_real_recording():
    found = read_binned_kinematics(shared_data('contdata95.mat'))
    assert (found.unit_count, len(found.counts), sum(map(len, found.counts))) == (95, 1456, 31413)
