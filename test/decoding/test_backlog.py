# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Backlog: which bins were sent and have not come back."""

import numpy as np

from grasp_decoder.decoding.backlog import Backlog
from grasp_decoder.types.spike_batch import SpikeBatch


def batch(segment, start_ns, end_ns):
    return SpikeBatch(0, segment, start_ns, end_ns, 4, np.empty(0, np.uint16), np.empty(0, np.uint32))


def test_only_whole_bins_are_waited_for_and_a_new_segment_has_its_own():
    backlog = Backlog()
    backlog.bin_ns = 40
    backlog.sent(batch(0, 100, 130))
    assert backlog.batches == 0
    backlog.sent(batch(0, 130, 185))  # two bins at once
    assert (backlog.batches, backlog.bins) == (1, 1)
    backlog.decoded(0, 0)
    assert backlog.batches == 1
    backlog.decoded(0, 1)
    assert backlog.batches == 0
    backlog.sent(batch(0, 185, 190))  # the rest of a trial is no bin
    backlog.sent(batch(1, 500, 539))
    assert backlog.batches == 0
    backlog.sent(batch(1, 539, 540))
    assert backlog.batches == 1
    backlog.decoded(1, 0)
    assert backlog.batches == 0
