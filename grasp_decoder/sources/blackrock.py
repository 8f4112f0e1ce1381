# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""BlackrockSystem: spikes of Blackrock's signal processors, by pycbsdk 10 (https://github.com/CerebusOSS/CereLink).

pycbsdk calls a function for each packet, in a thread of its own. The header of a spike has the time of the device in
ns, the channel, counted from 1, and as its type the sort code: 0 for a spike that was not sorted, 255 for noise. A
packet of a digital input begins with the word that was read (``cbPKT_DINP``). Its bytes are an array of cffi, and
pycbsdk keeps errors of the function to itself.
"""

from __future__ import annotations

import queue
from typing import Any

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.sources.spike_system import Arrived, Marker, Spike, SystemLost, SystemSettings, numbered_labels
from grasp_decoder.sources.unit_map import UnitMap

try:
    import pycbsdk
except ImportError as error:
    raise ImportError(
        f'{error}: pip install pycbsdk (its wheel needs glibc 2.39, such as that of Ubuntu 24.04)'
    ) from error

DEFAULT_DEVICE = 'HUB1'
NOISE = 255
WORD_BYTES = 4
MOST_AT_ONCE = 10_000


class BlackrockSystem:
    """A device by the name that pycbsdk has for it, such as HUB1, NSP or NPLAY.

    Raises:
        SystemLost: the device does not answer.
        GraspDecoderError: the settings make no sense, or pycbsdk has no library for this machine.
    """

    def __init__(self, settings: SystemSettings, unit_map: UnitMap):
        name = settings.address or DEFAULT_DEVICE
        devices = [each.name for each in pycbsdk.DeviceType]
        if name not in devices:
            raise GraspDecoderError(f"address is '{name}': it must be one of {', '.join(devices)}")
        self._labels = numbered_labels(settings.events)
        self._where = f'Blackrock {name}'
        self._spikes: queue.SimpleQueue[Spike] = queue.SimpleQueue()
        self._markers: queue.SimpleQueue[Marker] = queue.SimpleQueue()
        try:
            self._session = pycbsdk.Session(name)
        except RuntimeError as error:
            raise SystemLost(f'{self._where} does not answer: {error}') from None
        except OSError as error:
            raise GraspDecoderError(f'pycbsdk cannot be used on this machine: {error}') from None
        self._received, self._lost = 0, self._count_lost()
        self._session.on_event('FRONTEND')(self._take_spike)
        if self._labels:
            self._session.on_event('DIGITAL_IN')(self._take_word)
        try:
            self.offset_ns()
        except SystemLost:
            self.close()
            raise

    def offset_ns(self) -> int:
        """CLOCK_MONOTONIC minus the clock of the device, as pycbsdk measures it, ns; raises `SystemLost`."""
        # On Linux, the steady clock is CLOCK_MONOTONIC.
        offset_ns = self._session.clock_offset_ns
        if offset_ns is None:
            raise SystemLost(f'{self._where} has not told its time yet')
        return -int(offset_ns)

    def receive(self, wait_s: float) -> Arrived:
        """Spikes and words since the last call; raises `SystemLost` when the connection has ended."""
        if not self._session.running:
            raise SystemLost(f'the connection to {self._where} has ended')
        arrived = Arrived()
        try:
            arrived.spikes.append(self._spikes.get(timeout=max(wait_s, 1e-4)))
        except queue.Empty:
            pass
        else:
            arrived.spikes += _waiting(self._spikes)
        arrived.markers += _waiting(self._markers)
        received, lost = self._session.stats.packets_received, self._count_lost()
        arrived.alive, self._received = received != self._received, received
        arrived.lost, self._lost = lost - self._lost, lost
        return arrived

    def counts(self) -> dict[str, object]:
        """How many packets came, and how many pycbsdk dropped."""
        return {'packets': self._received, 'packets lost': self._lost}

    def close(self) -> None:
        """End the connection."""
        self._session.close()

    def _take_spike(self, header: Any, data: Any) -> None:
        if header.type != NOISE:
            self._spikes.put(Spike(int(header.time), str(header.chid), int(header.type)))

    def _take_word(self, header: Any, data: Any) -> None:
        word = bytes(data[0:WORD_BYTES])  # cffi takes no slice without its start
        label = self._labels.get(int.from_bytes(word, 'little'))
        if label:
            self._markers.put(Marker(int(header.time), label))

    def _count_lost(self) -> int:
        stats = self._session.stats
        return int(stats.packets_dropped + stats.shmem_overruns)


def _waiting(source: queue.SimpleQueue[Any]) -> list[Any]:
    """All that is in a queue now, but no endless stream."""
    return [source.get_nowait() for _ in range(min(source.qsize(), MOST_AT_ONCE))]
