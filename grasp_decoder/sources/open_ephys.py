# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""OpenEphysSystem: spikes and TTL events of the ZMQ Interface, a plugin of the Open Ephys GUI.

The format: https://open-ephys.github.io/gui-docs/User-Manual/Plugins/ZMQ-Interface.html, and where that page is silent
(a spike is below the key ``spike``; the bytes of a TTL event are line, state and 8 bytes of all lines)
``Source/ZmqInterface.cpp`` and ``Resources/python_client`` of https://github.com/open-ephys-plugins/zmq-interface
(version 1.0.0).

Every message has an envelope (``DATA`` or ``EVENT``), a header in JSON and bytes. Spikes and events carry sample
numbers; the sample rate and the pace come with the continuous data, so one channel of that is needed.
"""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import zmq

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.sources.clock_offset import ClockOffset
from grasp_decoder.sources.spike_system import (
    CONNECT_S,
    Arrived,
    Marker,
    Spike,
    SystemLost,
    SystemSettings,
    numbered_labels,
)
from grasp_decoder.sources.unit_map import UnitMap
from grasp_decoder.types.time import NS_PER_S

DEFAULT_ADDRESS = 'localhost:5556'
TTL = 3
"""Type of an event on a digital line."""
HEARTBEAT_S = 2.0
ANSWER_S = 5.0
"""The plugin counts a client as gone after so long; here the plugin itself is."""
MOST_AT_ONCE = 1000


class OpenEphysSystem:
    """The plugin at ``HOST:PORT``. Its port + 1 takes heartbeats.

    Raises:
        SystemLost: no continuous data comes from there.
        GraspDecoderError: the settings make no sense.
    """

    def __init__(self, settings: SystemSettings, unit_map: UnitMap):
        host, port = _address(settings.address or DEFAULT_ADDRESS)
        self._labels = numbered_labels(settings.events)
        self._where = f'Open Ephys at {host}:{port}'
        self._offset = ClockOffset()
        self._rate_hz = 0.0
        self._clock_channel: Any = None
        self._message = -1
        self._malformed = 0
        self._context = zmq.Context()
        self._data = self._context.socket(zmq.SUB)
        self._heart = self._context.socket(zmq.REQ)
        for socket, its_port in ((self._data, port), (self._heart, port + 1)):
            socket.linger = 0
            socket.connect(f'tcp://{host}:{its_port}')
        self._data.subscribe(b'')
        self._hello = json.dumps(
            {'application': 'grasp_decoder', 'uuid': str(uuid.uuid4()), 'type': 'heartbeat'}
        ).encode()
        self._asked_ns, self._answered = 0, True
        try:
            self._wait_for_data()
        except SystemLost:
            self.close()
            raise

    def offset_ns(self) -> int:
        """CLOCK_MONOTONIC minus the clock of samples, ns."""
        return self._offset.ns

    def receive(self, wait_s: float) -> Arrived:
        """Spikes and events since the last call; raises `SystemLost` when the plugin is gone or begins again."""
        arrived = Arrived()
        self._beat()
        if self._data.poll(round(wait_s * 1000)):
            for _ in range(MOST_AT_ONCE):
                try:
                    parts = self._data.recv_multipart(zmq.NOBLOCK)
                except zmq.Again:
                    break
                self._take(parts, time.monotonic_ns(), arrived)
        return arrived

    def counts(self) -> dict[str, object]:
        """The sample rate and what was not understood."""
        return {'sample rate (Hz)': self._rate_hz, 'malformed messages': self._malformed}

    def close(self) -> None:
        """Close both sockets."""
        self._context.destroy(linger=0)

    def _wait_for_data(self) -> None:
        until = time.monotonic() + CONNECT_S
        while not self._offset.known:
            if time.monotonic() > until:
                raise SystemLost(
                    f'no continuous data comes from {self._where}: start the acquisition, and select one channel of the'
                    ' stream in the ZMQ Interface'
                )
            self.receive(0.05)

    def _beat(self) -> None:
        """Send a heartbeat when it is due, and take the answer to the last one."""
        now_ns = time.monotonic_ns()
        if not self._answered:
            if self._heart.poll(0):
                self._heart.recv()
                self._answered = True
            elif now_ns - self._asked_ns > ANSWER_S * NS_PER_S:
                raise SystemLost(f'{self._where} does not answer heartbeats any more')
        if self._answered and now_ns - self._asked_ns > HEARTBEAT_S * NS_PER_S:
            self._heart.send(self._hello)
            self._asked_ns, self._answered = now_ns, False

    def _take(self, parts: list[bytes], now_ns: int, arrived: Arrived) -> None:
        """Take a message. One that does not follow the format is counted: anyone may send to a socket."""
        try:
            header = json.loads(parts[1])
            number, kind = int(header['message_num']), header['type']
            self._count(number, arrived)
            if kind == 'data':
                self._clock(header['content'], now_ns, arrived)
            elif kind == 'spike' and self._rate_hz:
                spike = header['spike']
                arrived.spikes.append(
                    Spike(self._time_ns(spike['sample_num']), str(spike['electrode']), int(spike['sorted_id']))
                )
            elif kind == 'event' and self._rate_hz and header['content']['type'] == TTL:
                line, state = parts[2][:2]
                if state and line + 1 in self._labels:
                    time_ns = self._time_ns(header['content']['sample_num'])
                    arrived.markers.append(Marker(time_ns, self._labels[line + 1]))
        except (ValueError, KeyError, IndexError, TypeError, OverflowError, RecursionError):
            self._malformed += 1

    def _count(self, number: int, arrived: Arrived) -> None:
        """Count what is missing between two messages; numbers begin at 1 with each acquisition."""
        if self._message >= 0:
            if number <= self._message:
                raise SystemLost(f'{self._where} has started its acquisition again')
            arrived.lost += number - self._message - 1
        self._message = number

    def _clock(self, content: dict[str, Any], now_ns: int, arrived: Arrived) -> None:
        """Follow the clock of samples by one channel of continuous data."""
        rate_hz, channel = float(content['sample_rate']), content['channel_num']
        if not 0 < rate_hz < 1e7:
            raise ValueError(rate_hz)
        if self._clock_channel is None:
            self._clock_channel, self._rate_hz = channel, rate_hz
        if channel != self._clock_channel:
            return
        if rate_hz != self._rate_hz:
            raise SystemLost(f'{self._where} has changed its sample rate')
        self._offset.add(now_ns, self._time_ns(content['sample_num'] + content['num_samples']))
        arrived.alive = True

    def _time_ns(self, sample: int) -> int:
        return round(int(sample) * NS_PER_S / self._rate_hz)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(':')
    if not host or not port.isdecimal() or not 0 < int(port) < 65535:
        raise GraspDecoderError(f"address is '{text}': it must be HOST:PORT, such as {DEFAULT_ADDRESS}")
    return host, int(port)
