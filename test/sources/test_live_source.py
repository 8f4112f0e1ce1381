# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""LiveSource opens a system again when it was lost, and turns markers into trial events."""

import contextlib
import time

import pytest

from grasp_decoder.recording.session import Unit
from grasp_decoder.sources import live_source
from grasp_decoder.sources.live_source import LiveSource
from grasp_decoder.sources.spike_system import SYSTEMS, Arrived, Marker, SystemLost, system_names
from grasp_decoder.sources.unit_map import unit_map_of
from grasp_decoder.sources.windows import Timing
from grasp_decoder.types.trial_event import TrialEvent, TrialResult

UNIT_MAP = unit_map_of([Unit(0, 1, 1)], 'bundle')
TIMING = Timing(1_000_000, 0, 0)


class Quiet:
    """A system that is alive, and says what the test gives it to say."""

    def __init__(self):
        self.closed, self.lost, self.markers = False, '', []

    def offset_ns(self):
        return 0

    def receive(self, wait_s):
        time.sleep(wait_s)
        if self.lost:
            raise SystemLost(self.lost)
        markers, self.markers = self.markers, []
        return Arrived(markers=markers, alive=True)

    def counts(self):
        return {'mine': 7}

    def close(self):
        self.closed = True


@pytest.fixture
def opened(monkeypatch):
    """(source, the systems that were opened)."""
    monkeypatch.setattr(live_source, 'AGAIN_NS', 1_000_000)
    systems = []

    def open_system():
        if len(systems) == 1 and not systems[0].closed:
            raise SystemLost('it is opened twice')
        systems.append(Quiet())
        return systems[-1]

    with contextlib.closing(LiveSource(open_system, UNIT_MAP, TIMING)) as source:
        yield source, systems


def next_batch(source):
    return next(batch for batch in iter(source.next_batch, 'never') if batch is not None)


def test_a_system_that_was_lost_is_opened_again_in_a_new_segment(opened):
    source, systems = opened
    assert source.trouble and source.counts() == {}
    first = next_batch(source)
    assert source.trouble == '' and source.counts() == {'mine': 7}
    systems[0].lost = 'the cable is out'
    while not source.trouble:
        last = source.next_batch() or first
    assert source.trouble == 'the cable is out' and systems[0].closed and source.next_batch() is None
    again = next_batch(source)
    assert (first.segment, again.segment) == (0, 1) and again.source == first.source != 0
    assert again.sequence == max(first, last, key=lambda batch: batch.sequence).sequence + 1
    assert source.trouble == '' and source.health.stretches == 2


def test_a_system_that_cannot_be_opened_says_why():
    def open_system():
        raise SystemLost('it is switched off')

    source = LiveSource(open_system, UNIT_MAP, TIMING)
    assert source.next_batch() is None and source.trouble == 'it is switched off'
    assert source.take_events() == []


def test_markers_become_events_of_trials(opened):
    source, systems = opened
    next_batch(source)
    now_ns = time.monotonic_ns()
    texts = ['Go', 'Start 21', 'Cue', ' Hold  ', '', 'Error', 'End', 'Start', 'Go 99999999999999', 'Go 34', 'Correct']
    systems[0].markers = [Marker(now_ns, text) for text in texts]
    events = []
    while len(events) < len(texts) - 1:
        source.next_batch()
        events += source.take_events()
    assert events == [
        TrialEvent(now_ns, trial, 0, label, object_id, result)
        for trial, label, object_id, result in [
            (0, 'Go', -1, TrialResult.UNKNOWN),
            (1, 'Start', 21, TrialResult.UNKNOWN),
            (1, 'Cue', 21, TrialResult.UNKNOWN),
            (1, 'Hold', 21, TrialResult.UNKNOWN),
            (1, 'Error', 21, TrialResult.ERROR),
            (1, 'End', 21, TrialResult.ERROR),
            (2, 'Start', -1, TrialResult.UNKNOWN),
            (2, 'Go', -1, TrialResult.UNKNOWN),
            (2, 'Go', 34, TrialResult.UNKNOWN),
            (2, 'Correct', 34, TrialResult.CORRECT),
        ]
    ]


def test_systems_are_known_without_their_libraries():
    assert system_names()[:3] == ('lsl', 'openephys', 'blackrock') == tuple(SYSTEMS.built_in)
