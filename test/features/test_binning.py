# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Binning: offline counts, and an online Binner that gives exactly the same or says what is missing."""

import itertools
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.batch_order import Loss
from grasp_decoder.features.binning import MOST_BINS, Binner, bin_counts
from grasp_decoder.types.spike_batch import SpikeBatch

BIN = 40
UNITS = 5


def batch(sequence, start, end, spikes=(), segment=0, due=0, unit_count=UNITS):
    """One batch of ``spikes`` [(time, unit), ...]."""
    times = np.array([time for time, _ in spikes], dtype=np.int64)
    units = np.array([unit for _, unit in spikes], dtype=np.uint16)
    return SpikeBatch(sequence, segment, start, end, unit_count, units, (times - start).astype(np.uint32), due)


def batches_of(spikes, edges, segment=0, sequence=0):
    """The spikes of ``[edges[0], edges[-1])``, cut at the edges."""
    return [
        batch(sequence + i, start, end, [spike for spike in spikes if start <= spike[0] < end], segment)
        for i, (start, end) in enumerate(itertools.pairwise(edges))
    ]


def push_all(binner, batches):
    return [closed for each in batches for closed in binner.push(each)]


@st.composite
def streams(draw):
    """Segments of spikes and the batches that carry them: any chunking, heartbeats of no length included."""
    start, sequence, segments, batches = draw(st.integers(-1000, 1000)), 0, [], []
    for segment in range(draw(st.integers(1, 3))):
        stop = start + draw(st.integers(0, 400))
        spikes = (
            sorted(
                draw(
                    st.lists(
                        st.tuples(st.integers(start, max(start, stop - 1)), st.integers(0, UNITS - 1)), max_size=40
                    )
                )
            )
            if stop > start
            else []
        )
        edges = [start, *sorted(draw(st.lists(st.integers(start, stop), max_size=15))), stop]
        segments.append((start, stop, spikes))
        batches += batches_of(spikes, edges, segment, sequence)
        sequence = len(batches)
        start = stop + draw(st.integers(0, 100))
    return segments, batches


def offline_bins(segments):
    for segment, (start, stop, spikes) in enumerate(segments):
        counts = bin_counts([t for t, _ in spikes], [u for _, u in spikes], start, stop, BIN, UNITS)
        for index, row in enumerate(counts):
            yield segment, index, start + index * BIN, row.tolist()


def as_tuples(bins):
    return [(each.segment, each.index, each.start_ns, each.counts.tolist()) for each in bins]


def test_counts_by_hand():
    counts = bin_counts([0, 39, 40, 79, 80, 119, -1], [0, 0, 1, 1, 2, 2, 3], 0, 119, BIN, UNITS)
    assert counts.dtype == np.uint16
    assert counts.tolist() == [[2, 0, 0, 0, 0], [0, 2, 0, 0, 0]]


def test_no_spikes_and_no_whole_bin():
    assert bin_counts([], [], 0, 100, BIN, UNITS).tolist() == [[0] * UNITS] * 2
    assert bin_counts([3], [0], 0, 39, BIN, UNITS).shape == (0, UNITS)


def test_a_unit_that_is_not_there_is_an_error():
    with pytest.raises(GraspDecoderError, match='unit 5'):
        bin_counts([1], [5], 0, 100, BIN, UNITS)


def test_counts_saturate():
    assert bin_counts(np.zeros(70000, np.int64), np.zeros(70000, np.uint16), 0, BIN, BIN, 1)[0, 0] == 65535


@given(streams())
def test_any_chunking_gives_the_offline_bins(stream):
    segments, batches = stream
    binner = Binner(BIN, UNITS)
    bins = push_all(binner, batches)
    assert as_tuples(bins) == list(offline_bins(segments))
    assert [each.fresh for each in bins] == [each.index == 0 for each in bins]
    health = binner.health
    assert (
        health.lost_batches,
        health.late_spikes,
        health.duplicates,
        health.clock_jumps,
        health.restarts,
        health.rejected,
        health.reordered,
    ) == (0,) * 7
    assert health.spikes == sum(len(spikes) for *_, spikes in segments)


@given(streams(), st.integers(0, 4), st.data())
def test_permitted_disorder_and_duplicates_change_nothing(stream, depth, data):
    segments, batches = stream
    delays = data.draw(st.lists(st.integers(0, depth + 1), min_size=len(batches), max_size=len(batches)))
    order = sorted(range(len(batches)), key=lambda i: i + delays[i])
    arrivals = [batches[i] for i in order]
    copies = data.draw(st.lists(st.integers(0, len(arrivals) - 1), max_size=5))
    for position in sorted(copies, reverse=True):
        arrivals.insert(data.draw(st.integers(position + 1, len(arrivals))), arrivals[position])
    binner = Binner(BIN, UNITS, reorder_depth=depth)
    bins = push_all(binner, arrivals)
    assert as_tuples(bins) == list(offline_bins(segments))
    assert binner.health.duplicates == len(copies)
    assert (binner.health.reordered > 0) == (order != sorted(order))
    assert not binner.losses


@given(streams(), st.integers(0, 4), st.data())
def test_any_loss_is_reported_with_its_exact_extent(stream, depth, data):
    segments, batches = stream
    lost = data.draw(st.sets(st.integers(1, len(batches) - 1))) if len(batches) > 1 else set()
    # Where a segment's first batch is lost nobody can know its grid: that case has its own test.
    assume(not any(batches[i].segment != batches[i - 1].segment for i in lost))
    binner = Binner(BIN, UNITS, reorder_depth=depth)
    kept = [each for each in batches if each.sequence not in lost]
    bins = push_all(binner, kept) + binner.flush()

    reported = set()
    for loss in binner.losses:
        sequences = range(loss.first_sequence, loss.first_sequence + loss.batches)
        reported.update(sequences)
        before, after = batches[sequences[0] - 1], batches[sequences[-1] + 1]
        assert (loss.start_segment, loss.start_ns) == (before.segment, before.end_ns)
        assert (loss.end_segment, loss.end_ns) == (after.segment, after.start_ns)
    knowable = {i for i in lost if i < kept[-1].sequence}
    assert reported == knowable
    assert binner.health.lost_batches == len(knowable)

    def whole(segment, start):
        touched = any(
            batches[i].segment == segment and batches[i].end_ns > start and batches[i].start_ns < start + BIN
            for i in lost
            if batches[i].end_ns > batches[i].start_ns
        )
        return not touched and start + BIN <= max((b.end_ns for b in kept if b.segment == segment), default=start)

    assert as_tuples(bins) == [each for each in offline_bins(segments) if whole(each[0], each[2])]
    for previous, each in itertools.pairwise(bins):
        unbroken = previous.segment == each.segment and previous.index + 1 == each.index
        assert each.fresh != unbroken


def test_a_loss_skips_the_bins_it_touches_and_stays_on_the_grid():
    binner = Binner(BIN, UNITS, reorder_depth=0)
    stream = batches_of([(5, 0), (45, 1), (85, 2), (125, 3), (165, 4)], range(0, 210, 10))
    bins = push_all(binner, [each for each in stream if each.sequence not in (5, 6)])
    assert [(each.index, each.start_ns, each.fresh) for each in bins] == [
        (0, 0, True),
        (2, 80, True),
        (3, 120, False),
        (4, 160, False),
    ]
    assert list(binner.losses) == [Loss(0, 5, 2, 0, 50, 0, 70)]
    assert (binner.health.lost_batches, binner.health.lost_bins) == (2, 1)


def test_a_late_batch_is_counted_and_not_used():
    binner = Binner(BIN, UNITS, reorder_depth=1)
    stream = batches_of([(15, 0), (16, 1)], range(0, 90, 10))
    bins = push_all(binner, [stream[0], *stream[2:5], stream[1], *stream[5:]])
    assert [each.index for each in bins] == [1]
    assert (binner.health.lost_batches, binner.health.late_batches, binner.health.late_spikes) == (1, 1, 2)


def test_lost_heartbeats_of_a_pause_break_nothing():
    binner = Binner(BIN, UNITS, reorder_depth=0)
    bins = push_all(binner, [batch(0, 0, 20), batch(1, 20, 20), batch(4, 20, 20), batch(5, 20, 80)])
    assert [(each.index, each.fresh) for each in bins] == [(0, True), (1, False)]
    assert list(binner.losses) == [Loss(0, 2, 2, 0, 20, 0, 20)]


def test_first_batches_of_a_segment_lost():
    """The grid starts at the first window that is known, and the loss says so."""
    binner = Binner(BIN, UNITS, reorder_depth=0)
    bins = push_all(binner, [batch(0, 0, 50), batch(2, 110, 210, segment=1)])
    assert [(each.segment, each.index, each.start_ns) for each in bins] == [(0, 0, 0), (1, 0, 110), (1, 1, 150)]
    assert list(binner.losses) == [Loss(0, 1, 1, 0, 50, 1, 110)]


def test_batch_0_lost():
    binner = Binner(BIN, UNITS, reorder_depth=1)
    bins = push_all(binner, [batch(1, 10, 20), batch(2, 20, 60)])
    assert [each.start_ns for each in bins] == [10]
    assert list(binner.losses) == [Loss(0, 0, 1, None, None, 0, 10)]


def test_joining_a_running_source_is_not_a_loss():
    binner = Binner(BIN, UNITS)
    bins = push_all(binner, [batch(500, 1003, 1050), batch(501, 1050, 1090)])
    assert [(each.index, each.start_ns) for each in bins] == [(0, 1003), (1, 1043)]
    assert not binner.losses


def test_clock_jumps_forward():
    binner = Binner(BIN, UNITS)
    year = 365 * 86400 * 10**9
    bins = push_all(binner, [batch(0, 0, 50), batch(1, year, year + 200)])
    assert bins[0].index == 0
    assert [each.start_ns % BIN for each in bins] == [0] * len(bins)
    assert bins[1].fresh
    assert bins[1].start_ns >= year
    assert binner.health.clock_jumps == 1
    assert list(binner.losses) == [Loss(0, 1, 0, 0, 50, 0, year)]


def test_clock_jumps_back():
    """The bins of the new time are on a new grid; bin numbers never repeat within a segment."""
    binner = Binner(BIN, UNITS)
    bins = push_all(binner, [batch(0, 1000, 1050, [(1045, 0)]), batch(1, 507, 600, [(507, 1)])])
    assert [(each.index, each.start_ns, each.fresh) for each in bins] == [
        (0, 1000, True),
        (1, 507, True),
        (2, 547, False),
    ]
    assert bins[1].counts.tolist() == [0, 1, 0, 0, 0]
    assert binner.health.clock_jumps == 1


@pytest.mark.parametrize('ran_for', [2, 30, 200])
def test_source_restarts(ran_for):
    first = [batch(i, i * 10, i * 10 + 10, due=1000 + i) for i in range(ran_for)]
    again = [batch(i, i * 10, i * 10 + 10, [(i * 10, 3)], due=90000 + i) for i in range(9)]
    binner = Binner(BIN, UNITS)
    push_all(binner, first)
    bins = push_all(binner, again)
    assert [(each.index, each.start_ns, each.fresh) for each in bins] == [(0, 0, True), (1, 40, False)]
    assert [each.counts[3] for each in bins] == [4, 4]
    assert (binner.health.restarts, binner.health.lost_batches, binner.health.duplicates) == (1, 0, 0)


@pytest.mark.parametrize(
    'fault',
    [
        {'unit': np.array([UNITS], np.uint16)},
        {'unit_count': UNITS + 1},
        {'end_ns': 9},
        {'offset_ns': np.array([10], np.uint32)},
        {'offset_ns': np.array([0, 1], np.uint32)},
        {'end_ns': 10**18},
    ],
)
def test_a_malformed_batch_is_rejected_whole_and_its_time_is_lost(fault):
    binner = Binner(BIN, UNITS, reorder_depth=0)
    stream = batches_of([(12, 2)], range(0, 130, 10))
    stream[1] = replace(stream[1], **fault)
    bins = push_all(binner, stream)
    assert [each.index for each in bins] == [1, 2]
    assert binner.health.rejected == 1
    assert binner.health.last_rejection.startswith('batch 1: ')
    assert list(binner.losses) == [Loss(0, 1, 1, 0, 10, 0, 20)]


def test_a_batch_that_claims_a_minute_of_short_bins_is_rejected_before_memory_is_taken():
    units, bin_ns = 1000, 1_000_000
    binner = Binner(bin_ns, units)
    tracemalloc.start()
    try:
        assert binner.push(batch(0, 0, 60_000 * bin_ns, unit_count=units)) == []
        assert len(binner.push(batch(0, 0, MOST_BINS * bin_ns, unit_count=units))) == MOST_BINS
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert binner.health.rejected == 1
    assert peak < 50e6


def test_due_time_is_that_of_the_bin_end():
    binner = Binner(BIN, UNITS)
    bins = push_all(binner, [batch(0, 0, 30, due=1000), batch(1, 30, 50, due=1020), batch(2, 50, 80, due=1050)])
    assert [each.due_ns for each in bins] == [1010, 1050]


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 40),
            st.integers(0, 3),
            st.integers(-200, 200),
            st.integers(-20, 100),
            st.lists(st.tuples(st.integers(0, 100), st.integers(0, UNITS)), max_size=4),
        ),
        max_size=40,
    )
)
def test_garbage_never_breaks_it(entries):
    """From any sequence of batches: no exception, whole bins only, time forward within an unbroken stretch."""
    binner = Binner(BIN, UNITS)
    arrivals = [
        batch(sequence, start, start + length, [(start + offset, unit) for offset, unit in spikes], segment)
        for sequence, segment, start, length, spikes in entries
    ]
    bins = push_all(binner, arrivals)
    assert all(each.end_ns - each.start_ns == BIN for each in bins)
    assert all(
        each.fresh or (each.start_ns, each.index) == (previous.end_ns, previous.index + 1)
        for previous, each in itertools.pairwise(bins)
    )
    assert sum(int(each.counts.sum()) for each in bins) <= sum(len(each.unit) for each in arrivals)


def test_batches_of_another_source_are_refused_while_the_first_goes_on():
    binner = Binner(BIN, UNITS)
    ours = [replace(batch(sequence=i, start=10 * i, end=10 * i + 10), source=1) for i in range(12)]
    others = [replace(batch(sequence=100 + i, start=1000 + 10 * i, end=1010 + 10 * i), source=2) for i in range(12)]
    bins = [each for pair in zip(ours, others) for one in pair for each in binner.push(one)]
    assert [each.start_ns for each in bins] == [0, 40, 80]
    assert {each.source for each in bins} == {1}
    assert binner.health.foreign == 12 and binner.health.lost_batches == 0 and binner.health.restarts == 0


def test_another_source_takes_over_once_the_first_has_stopped():
    binner = Binner(BIN, UNITS)
    for i in range(8):
        binner.push(replace(batch(sequence=i, start=10 * i, end=10 * i + 10), source=1))
    others = [replace(batch(sequence=i, start=1000 + 10 * i, end=1010 + 10 * i), source=2) for i in range(24)]
    bins = [each for one in others for each in binner.push(one)]
    assert binner.health.restarts == 1
    assert bins and {each.source for each in bins} == {2}
    assert bins[0].fresh and bins[0].start_ns == others[0].start_ns
