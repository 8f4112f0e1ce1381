# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Batches hold every spike of every trial exactly once."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording.batches import batches
from grasp_decoder.recording.session import Session, Trial, Unit

UNITS = 3


@st.composite
def trials(draw):
    start = draw(st.integers(0, 10**12))
    length = draw(st.integers(1, 10**9))
    offsets = draw(st.lists(st.integers(0, length - 1), max_size=20))
    times = np.array(sorted(start + offset for offset in offsets), dtype=np.int64)
    units = np.array([draw(st.integers(0, UNITS - 1)) for _ in times], dtype=np.uint16)
    return Trial(0, start, start + length, {}, 21, True, times, units)


def lasting(length):
    """A trial with a spike every 99,999 ns at first."""
    times = np.arange(7, min(length, 10**9), 99_999)
    return Trial(0, 0, length, {}, 21, True, times, np.zeros(len(times), np.uint16))


@given(st.lists(trials(), max_size=3), st.integers(10**7, 4 * 10**9))
@example([lasting(10**9)], 100_000)
def test_batches_are_an_exact_partition(trials, period_ns):
    session = Session('x', tuple(Unit(index) for index in range(UNITS)), tuple(trials))
    sent = list(batches(session, period_ns))
    assert [batch.sequence for batch in sent] == list(range(len(sent)))
    for segment, trial in enumerate(trials):
        part = [batch for batch in sent if batch.segment == segment]
        assert [batch.start_ns for batch in part] == list(range(trial.start_ns, trial.stop_ns, period_ns))
        assert [batch.end_ns for batch in part] == [batch.start_ns for batch in part[1:]] + [trial.stop_ns]
        for batch in part:
            assert (batch.unit.dtype, batch.offset_ns.dtype, batch.unit_count) == (np.uint16, np.uint32, UNITS)
            assert np.all(batch.offset_ns < batch.end_ns - batch.start_ns)
        np.testing.assert_array_equal(
            np.concatenate([batch.start_ns + batch.offset_ns.astype(np.int64) for batch in part]), trial.times_ns
        )
        np.testing.assert_array_equal(np.concatenate([batch.unit for batch in part]), trial.units)


def test_a_trial_that_lasts_a_year_takes_no_memory():
    stream = batches(Session('x', (Unit(0),), (lasting(365 * 24 * 3600 * 10**9),)), 10**7)
    tracemalloc.start()
    first = [next(stream) for _ in range(200)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(len(batch.unit) for batch in first) == 10_001
    assert peak < 2**20


def test_a_period_that_offsets_cannot_hold_is_refused():
    for period_ns in (0, 2**32):
        with pytest.raises(GraspDecoderError, match='cannot be sent'):
            next(batches(Session('x', (), ()), period_ns))
