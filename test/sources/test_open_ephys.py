# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The ZMQ Interface of Open Ephys, spoken by a sender that follows its source; no GUI was run."""

import contextlib
import time

import pytest

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording.session import Unit
from grasp_decoder.sources import open_ephys
from grasp_decoder.sources.live_source import LiveSource
from grasp_decoder.sources.open_ephys import OpenEphysSystem
from grasp_decoder.sources.spike_system import Arrived, SystemLost, SystemSettings
from grasp_decoder.sources.unit_map import MappedUnit, UnitMap, unit_map_of
from grasp_decoder.sources.windows import Timing

from helpers.open_ephys_sender import BLOCK, RATE_HZ, OpenEphysSender

MS = 1_000_000
UNIT_MAP = UnitMap(
    [MappedUnit('Electrode 1', 1, 0), MappedUnit('Electrode 1', 2, 0), MappedUnit('Élan', None, 1)], 'map'
)


@pytest.fixture
def sender():
    with contextlib.closing(OpenEphysSender()) as sender:
        yield sender


@pytest.fixture
def system(sender, monkeypatch):
    """A system that has seen the first data; from then on the test sends."""
    wait = OpenEphysSystem.receive

    def receive(self, wait_s):
        sender.data()
        return wait(self, wait_s)

    with monkeypatch.context() as patch:
        patch.setattr(OpenEphysSystem, 'receive', receive)
        settings = SystemSettings(address=sender.address, events='1=Start 21,2=Go')
        system = OpenEphysSystem(settings, UNIT_MAP)
    with contextlib.closing(system):
        yield system


def received(system, condition):
    """What has come, once it fulfils the condition."""
    whole, deadline = Arrived(), time.monotonic() + 10
    while not condition(whole):
        assert time.monotonic() < deadline
        arrived = system.receive(0.05)
        whole.spikes += arrived.spikes
        whole.markers += arrived.markers
        whole.lost += arrived.lost
        whole.alive |= arrived.alive
    return whole


def test_spikes_come_with_electrode_sorted_id_and_the_time_of_their_sample(sender, system):
    sender.spike('Electrode 1', 2, 30_000)
    sender.spike('Élan', 0, 30_001)
    arrived = received(system, lambda whole: len(whole.spikes) == 2)
    assert arrived.spikes == [(1_000_000_000, 'Electrode 1', 2), (1_000_033_333, 'Élan', 0)]
    assert [UNIT_MAP.unit_of(spike.channel, spike.sort_code) for spike in arrived.spikes] == [1, 2]


def test_a_line_that_rises_is_a_marker(sender, system):
    for line, state in ((0, 1), (0, 0), (1, 1), (5, 1)):
        sender.ttl(line, state, 60_000 + line)
    sender.spike('Electrode 1', 1, 0)
    assert received(system, lambda whole: whole.spikes).markers == [(2_000_000_000, 'Start 21'), (2_000_033_333, 'Go')]


def test_data_shows_that_the_acquisition_goes_on(sender, system):
    sender.data(channels=(0, 1))
    assert received(system, lambda whole: whole.alive).lost == 0


def test_missing_messages_are_counted(sender, system):
    sender.message_num += 7
    sender.data()
    assert received(system, lambda whole: whole.lost).lost == 7


@pytest.mark.parametrize(
    'parts',
    [
        (b'EVENT\0',),
        (b'EVENT\0', b'{'),
        (b'EVENT\0', b'[1]'),
        (b'EVENT\0', b'[' * 100_000),
        (b'EVENT\0', b'{"message_num": "x", "type": "spike"}'),
        (b'EVENT\0', b'{"message_num": 1e400, "type": "spike"}'),
        (b'EVENT\0', b'\xff\xfe'),
    ],
)
def test_what_does_not_follow_the_format_is_counted(sender, system, parts):
    sender.raw(*parts)
    sender.spike('Electrode 1', 1, 0)
    received(system, lambda whole: whole.spikes)
    assert system.counts() == {'sample rate (Hz)': RATE_HZ, 'malformed messages': 1}


def test_a_new_acquisition_is_another_clock(sender, system):
    sender.message_num = 0
    sender.data()
    with pytest.raises(SystemLost, match='has started its acquisition again'):
        received(system, lambda whole: False)


def test_another_sample_rate_is_another_clock(sender, system):
    sender.data(rate_hz=20_000)
    with pytest.raises(SystemLost, match='has changed its sample rate'):
        received(system, lambda whole: False)


def test_heartbeats_are_sent_and_without_answers_the_plugin_is_gone(sender, system, monkeypatch):
    monkeypatch.setattr(open_ephys, 'HEARTBEAT_S', 0.01)
    monkeypatch.setattr(open_ephys, 'ANSWER_S', 0.3)
    while len(sender.heartbeats) < 3:
        system.receive(0.01)
        sender.answer()
    assert {name: sender.heartbeats[-1][name] for name in ('application', 'type')} == {
        'application': 'grasp_decoder',
        'type': 'heartbeat',
    }
    sender.answers = False
    with pytest.raises(SystemLost, match='does not answer heartbeats'):
        received(system, lambda whole: sender.answer())


def test_without_data_it_says_what_to_do(sender, monkeypatch):
    monkeypatch.setattr(open_ephys, 'CONNECT_S', 0.1)
    with pytest.raises(SystemLost, match='start the acquisition, and select one channel'):
        OpenEphysSystem(SystemSettings(address=sender.address), UNIT_MAP)


@pytest.mark.parametrize(
    'settings, said',
    [
        ({'address': 'localhost'}, 'it must be HOST:PORT'),
        ({'address': 'localhost:x'}, 'it must be HOST:PORT'),
        ({'address': 'localhost:65535'}, 'it must be HOST:PORT'),
        ({'events': 'Start'}, 'it must be NUMBER=LABEL'),
    ],
)
def test_wrong_settings_are_one_line(settings, said):
    with pytest.raises(GraspDecoderError, match=said):
        OpenEphysSystem(SystemSettings(**settings), UNIT_MAP)


@pytest.mark.slow
def test_every_spike_of_an_acquisition_is_sent_in_the_window_of_its_sample(sender):
    # Threshold crossings: the bundle has a unit for each electrode.
    unit_map = unit_map_of([Unit(index, index) for index in range(4)], 'bundle')
    samples = []

    def spikes_of_a_block():
        for sample in range(sender.sample, sender.sample + BLOCK, 100):
            samples.append(sample)
            sender.spike(str(sample // 100 % 4), 0, sample)

    sender.acquire(spikes_of_a_block)
    settings = SystemSettings(address=sender.address)
    source = LiveSource(lambda: OpenEphysSystem(settings, unit_map), unit_map, Timing(10 * MS, 1000 * MS, 5000 * MS))
    batches = []
    with contextlib.closing(source):
        while len(batches) < 100:
            if (batch := source.next_batch()) is not None:
                batches.append(batch)
        assert (source.trouble, source.health.late, source.health.lost, source.health.unknown) == ('', 0, 0, 0)
    sent = [(batch.start_ns + int(ns), int(unit)) for batch in batches for ns, unit in zip(batch.offset_ns, batch.unit)]
    expected = [(round(sample * 1e9 / RATE_HZ), sample // 100 % 4) for sample in samples]
    assert sent == [each for each in expected if batches[0].start_ns <= each[0] < batches[-1].end_ns]
    assert len(sent) == pytest.approx(300, abs=1)
