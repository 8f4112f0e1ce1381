# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Joint targets keep their rate, and no decode has to wait for them."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grasp_decoder.control.target_times import TargetTimes

PERIOD_NS = 20_000_000
SOON_NS = 1_000_000


def sent_with(decodes_ns, until_ns):
    """When targets are sent, if decodes come at these times."""
    times, sent = TargetTimes(PERIOD_NS), []
    for decode_ns in [*decodes_ns, until_ns]:
        while times.due_ns < decode_ns:
            now_ns = max(times.due_ns, sent[-1] if sent else 0)
            sent.append(now_ns)
            times.sent(now_ns)
        times.decoded(decode_ns)
    return sent


@pytest.mark.parametrize('bin_ms', [20, 30, 40, 50, 60, 100])
@pytest.mark.parametrize('first_ms', [0.1, 7, 19.9])
def test_no_decode_comes_while_targets_are_sent(bin_ms, first_ms):
    decodes = [int((first_ms + k * bin_ms) * 1e6) for k in range(1, 50)]
    settled = [ns for ns in sent_with(decodes, decodes[-1]) if ns > decodes[0]]
    assert settled and all(abs(ns - decode) > SOON_NS for ns in settled for decode in decodes)


@given(st.lists(st.integers(1, 100_000_000), max_size=50))
def test_however_often_decodes_come_targets_are_sent(waits_ns):
    decodes, now_ns = [], 0
    for wait_ns in waits_ns:
        now_ns += wait_ns
        decodes.append(now_ns)
    sent = sent_with(decodes, now_ns + PERIOD_NS)
    assert all(0 <= later - earlier <= 1.5 * PERIOD_NS for earlier, later in itertools.pairwise(sent))
    assert sent[0] == 0 and now_ns + PERIOD_NS - sent[-1] <= 1.5 * PERIOD_NS
