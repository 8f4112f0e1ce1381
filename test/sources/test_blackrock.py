# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Blackrock by a pycbsdk that is played here, with the names of version 10.3; no device was at hand."""

import enum
import sys
import types
from types import SimpleNamespace

import cffi
import pytest

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.sources.spike_system import Marker, Spike, SystemLost, SystemSettings, find_system
from grasp_decoder.sources.unit_map import MappedUnit, UnitMap

UNIT_MAP = UnitMap([MappedUnit('7', 1, 0), MappedUnit('8', None, 1)], 'map')
OFFSET_NS = 5_000


class Session:
    """A connection to a device that does what the test says."""

    fault = None

    def __init__(self, device_type):
        if self.fault is not None:
            raise self.fault
        self.device_type, self.running, self.clock_offset_ns = device_type, True, OFFSET_NS
        self.stats = SimpleNamespace(packets_received=0, packets_dropped=3, shmem_overruns=0)
        self.callbacks = {}

    def on_event(self, channel_type):
        return lambda function: self.callbacks.setdefault(channel_type, function)

    def close(self):
        self.running = False

    def send(self, kind, time_ns, channel, code=0, data=b''):
        """Deliver a packet as the library's thread would."""
        self.stats.packets_received += 1
        payload = cffi.FFI().new('uint8_t[1008]', list(data))
        self.callbacks[kind](SimpleNamespace(time=time_ns, chid=channel, type=code), payload)


@pytest.fixture
def open_system(monkeypatch):
    """``open_system(**settings)`` opens a system, and gives it with the session that it has made."""
    pycbsdk = types.ModuleType('pycbsdk')
    pycbsdk.DeviceType = enum.IntEnum('DeviceType', ['LEGACY_NSP', 'NSP', 'HUB1', 'HUB2', 'HUB3', 'NPLAY', 'CUSTOM'])
    pycbsdk.Session = type('Session', (Session,), {})
    monkeypatch.setitem(sys.modules, 'pycbsdk', pycbsdk)
    monkeypatch.delitem(sys.modules, 'grasp_decoder.sources.blackrock', raising=False)

    def open_system(**settings):
        system = find_system('blackrock')(SystemSettings(**settings), UNIT_MAP)
        return system, system._session

    open_system.library = pycbsdk
    yield open_system
    sys.modules.pop('grasp_decoder.sources.blackrock', None)


def test_spikes_have_the_time_channel_and_unit_of_the_device(open_system):
    system, session = open_system()
    assert session.device_type == 'HUB1' and system.offset_ns() == -OFFSET_NS
    session.send('FRONTEND', 1_000, 7, 1)
    session.send('FRONTEND', 2_000, 8, 0)
    session.send('FRONTEND', 3_000, 8, 255)  # noise
    arrived = system.receive(0.01)
    assert arrived.spikes == [Spike(1_000, '7', 1), Spike(2_000, '8', 0)]
    assert arrived.alive and arrived.lost == 0
    assert [UNIT_MAP.unit_of(each.channel, each.sort_code) for each in arrived.spikes] == [0, 1]


def test_silence_is_no_sign_of_life_and_packets_without_spikes_are_one(open_system):
    system, session = open_system(address='NPLAY')
    assert not system.receive(0).alive
    session.stats.packets_received += 10
    session.stats.packets_dropped += 2
    arrived = system.receive(0)
    assert arrived.alive and arrived.lost == 2 and not arrived.spikes
    assert system.counts() == {'packets': 10, 'packets lost': 5}


def test_a_digital_word_is_a_trial_event(open_system):
    system, session = open_system(events='16=Start 21,17=Go')
    for time_ns, word in ((5, 16), (6, 99), (7, 17)):
        session.send('DIGITAL_IN', time_ns, 151, data=word.to_bytes(4, 'little') + bytes(8))
    assert system.receive(0).markers == [Marker(5, 'Start 21'), Marker(7, 'Go')]


def test_a_device_that_is_not_there_or_ends_is_lost(open_system):
    system, session = open_system()
    session.running = False
    with pytest.raises(SystemLost, match='the connection to Blackrock HUB1 has ended'):
        system.receive(0)
    open_system.library.Session.fault = RuntimeError('Failed to create session')
    with pytest.raises(SystemLost, match='Blackrock HUB1 does not answer: Failed to create session'):
        open_system()


def test_a_device_without_its_time_is_not_taken(open_system, monkeypatch):
    system, session = open_system()
    session.clock_offset_ns = None
    with pytest.raises(SystemLost, match='has not told its time yet'):
        system.offset_ns()


@pytest.mark.parametrize(
    'settings, problem',
    [
        ({'address': 'my device'}, "address is 'my device': it must be one of LEGACY_NSP, NSP, HUB1"),
        ({'events': 'Start'}, 'it must be NUMBER=LABEL'),
    ],
)
def test_settings_that_make_no_sense_are_refused(open_system, settings, problem):
    with pytest.raises(GraspDecoderError, match=problem):
        open_system(**settings)


def test_a_machine_without_the_library_is_told_so(open_system):
    open_system.library.Session.fault = OSError('libcbsdk.so: version GLIBC_2.39 not found')
    with pytest.raises(GraspDecoderError, match='pycbsdk cannot be used on this machine: .*GLIBC_2.39'):
        open_system()


def test_without_pycbsdk_one_line_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, 'pycbsdk', None)
    monkeypatch.delitem(sys.modules, 'grasp_decoder.sources.blackrock', raising=False)
    with pytest.raises(GraspDecoderError, match='^[^\n]*pip install pycbsdk[^\n]*$'):
        find_system('blackrock')
