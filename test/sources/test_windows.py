# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Windows send every spike once, in time order, and stop when what is sent could not be trusted. Nothing here waits."""

from collections import deque

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grasp_decoder.sources.spike_system import Arrived, Marker, Spike, SystemLost
from grasp_decoder.sources.unit_map import MappedUnit, UnitMap
from grasp_decoder.sources.windows import TRUSTED_AFTER, SourceHealth, Timing, Windows

MS = 1_000_000
UNIT_MAP = UnitMap([MappedUnit(str(index), None, index) for index in range(3)], 'map')


class Clock:
    """CLOCK_MONOTONIC of a test."""

    def __init__(self):
        self.ns = 5_000_000_000

    def __call__(self):
        return self.ns


class Played:
    """A system that gives its spikes (time on its own clock, channel) when they are due, on the clock of the test."""

    def __init__(self, clock, spikes, offset_ns=0, delivery_ns=0, stamp=lambda time_ns: time_ns, **arrived):
        self._clock, self._spikes, self.offset = clock, deque(sorted(spikes)), offset_ns
        self._delivery_ns, self._stamp, self._arrived = delivery_ns, stamp, {'alive': True, **arrived}

    def offset_ns(self):
        return self.offset

    def receive(self, wait_s):
        self._clock.ns += max(1, round(wait_s * 1e9))
        now_ns = self._clock() - self.offset - self._delivery_ns
        spikes = []
        while self._spikes and self._spikes[0][0] <= now_ns:
            time_ns, channel = self._spikes.popleft()
            spikes.append(Spike(self._stamp(time_ns), channel, 0))
        return Arrived(spikes, **self._arrived)


def sent(system, clock, batches, delay_ns=0, health=None, silence_ns=0):
    """The batches that are sent among the next ones."""
    health = health or SourceHealth()
    windows = Windows(system, UNIT_MAP, Timing(10 * MS, delay_ns, silence_ns), health, clock=clock)
    return [batch for batch in (windows.next_batch() for _ in range(batches)) if batch is not None]


def spikes_of(batches):
    return [
        (batch.start_ns + int(offset), int(unit))
        for batch in batches
        for unit, offset in zip(batch.unit, batch.offset_ns)
    ]


def regular(clock, count, every_ns=MS, offset_ns=0):
    """Spikes from now on, with times of the system's clock."""
    return [(clock() - offset_ns + number * every_ns, str(number % 3)) for number in range(count)]


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 900 * MS), st.integers(0, 2)), max_size=60),
    st.integers(-(10**15), 10**15),
    st.integers(0, 4 * MS),
)
def test_every_spike_is_sent_once_at_its_time_on_the_clock_of_the_system(events, offset_ns, delivery_ns):
    clock = Clock()
    first_ns = clock() - offset_ns
    spikes = [(first_ns + after_ns, str(unit)) for after_ns, unit in events]
    batches = sent(Played(clock, spikes, offset_ns, delivery_ns), clock, 100, delay_ns=5 * MS)
    assert [batch.start_ns for batch in batches[1:]] == [batch.end_ns for batch in batches[:-1]]
    assert {batch.unit_count for batch in batches} == {3}
    assert all(batch.due_ns == batch.end_ns + offset_ns for batch in batches)
    expected = sorted((time_ns, int(channel)) for time_ns, channel in spikes if time_ns >= batches[0].start_ns)
    assert spikes_of(batches) == expected


def test_nothing_is_sent_before_half_a_second_fits():
    clock = Clock()
    batches = sent(Played(clock, regular(clock, 2000)), clock, 100)
    assert len(batches) == 100 - TRUSTED_AFTER
    assert all(len(batch.unit) == 10 for batch in batches)


@pytest.mark.parametrize('error_ns', [-280 * MS, -(10**16), 5000 * MS])
def test_a_clock_that_is_wrong_from_the_start_sends_nothing(error_ns):
    clock, health = Clock(), SourceHealth()
    system = Played(clock, regular(clock, 5000), stamp=lambda time_ns: time_ns + error_ns)
    with pytest.raises(SystemLost, match='too many spikes are left out'):
        sent(system, clock, 400, health=health)
    assert health.sent == 0 and health.late + health.ahead > 100


@pytest.mark.parametrize('jump_ns', [200_000 * 1000 * MS, -1000 * MS])
def test_a_clock_that_jumps_ends_the_batches(jump_ns):
    clock, health = Clock(), SourceHealth()
    later_ns = clock() + 1000 * MS

    def stamp(time_ns):
        return time_ns + (jump_ns if time_ns > later_ns else 0)

    with pytest.raises(SystemLost, match='too many spikes are left out'):
        sent(Played(clock, regular(clock, 4000), stamp=stamp), clock, 400, health=health)
    # A fifth of a second may be missing, no more.
    assert clock() - later_ns < 300 * MS and health.sent > 400


def test_an_offset_that_steps_ends_the_batches_and_a_drift_is_followed():
    clock = Clock()
    system = Played(clock, regular(clock, 5000))
    windows = Windows(system, UNIT_MAP, Timing(10 * MS, 0, 0), SourceHealth(), clock=clock)
    for _ in range(100):
        system.offset += 1000
        batch = windows.next_batch()
    assert batch.due_ns - batch.end_ns == 100 * 1000
    system.offset -= 3600 * 1000 * MS
    with pytest.raises(SystemLost, match=r'jumped by 3600\.000 s'):
        windows.next_batch()


def test_silence_sends_empty_batches_while_the_system_is_alive():
    clock = Clock()
    batches = sent(Played(clock, []), clock, 300, silence_ns=1000 * MS)
    assert len(batches) == 300 - TRUSTED_AFTER and not spikes_of(batches)


def test_a_system_that_was_never_heard_of_sends_nothing_unless_silence_is_usual():
    for silence_ns, expected in ((5000 * MS, 0), (0, 150 - TRUSTED_AFTER)):
        clock = Clock()
        assert len(sent(Played(clock, [], alive=False), clock, 150, silence_ns=silence_ns)) == expected


def test_a_system_that_ends_is_not_a_brain_at_rest():
    clock, health = Clock(), SourceHealth()
    with pytest.raises(SystemLost, match='nothing has come for 1.0 s'):
        sent(Played(clock, regular(clock, 700), alive=False), clock, 400, health=health, silence_ns=1000 * MS)
    assert 0 < health.sent <= 700


def test_spikes_of_no_unit_are_counted_and_when_there_are_no_others_the_map_is_wrong():
    clock, health = Clock(), SourceHealth()
    spikes = regular(clock, 1000)
    noise = [(time_ns, '99') for time_ns, _ in spikes]
    sent(Played(clock, spikes + noise), clock, 90, health=health)
    assert health.unknown > 800
    clock = Clock()
    with pytest.raises(SystemLost, match='none of the last .* is of a unit of map'):
        sent(Played(clock, [(time_ns, '99') for time_ns, _ in regular(clock, 1000)]), clock, 90)


def test_lost_messages_count_like_spikes_that_are_left_out():
    clock, health = Clock(), SourceHealth()
    with pytest.raises(SystemLost, match='too many spikes are left out'):
        sent(Played(clock, regular(clock, 1000, 10 * MS), lost=1), clock, 200, health=health)
    assert health.lost >= TRUSTED_AFTER


def test_a_late_delivery_says_which_delay_it_needs():
    clock = Clock()
    with pytest.raises(SystemLost, match=r'come within 3\d\.\d ms and delay_ms is 5; raise it'):
        sent(Played(clock, regular(clock, 1000), delivery_ns=30 * MS), clock, 200, delay_ns=5 * MS)


def test_markers_are_kept_for_the_caller_but_not_those_of_another_clock():
    clock = Clock()
    near, far = Marker(clock() + MS, 'Go'), Marker(clock() + 10**18, 'Cue')
    windows = Windows(
        Played(clock, [], markers=[near, far]), UNIT_MAP, Timing(10 * MS, 0, 0), SourceHealth(), clock=clock
    )
    windows.next_batch()
    assert set(windows.markers) == {near}


def test_delays_are_those_from_a_spike_to_its_arrival():
    clock, health = Clock(), SourceHealth()
    sent(Played(clock, regular(clock, 500), delivery_ns=4 * MS), clock, 60, delay_ns=10 * MS, health=health)
    assert 4 <= health.delay_ms(0.5) <= health.delay_ms(1.0) <= 8
    assert np.isnan(SourceHealth().delay_ms(0.5))
