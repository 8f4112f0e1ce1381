# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""LslSystem: spikes and markers of the Lab Streaming Layer (https://labstreaminglayer.readthedocs.io).

The stream of spikes has an irregular rate and one or two channels: the number of the electrode and, where spikes are
sorted, the sort code. The stream of markers has one channel of text.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.sources.spike_system import CONNECT_S, Arrived, Marker, Spike, SystemLost, SystemSettings
from grasp_decoder.sources.unit_map import UnitMap
from grasp_decoder.types.time import NS_PER_S

try:
    import pylsl
    from pylsl.util import LostError
    from pylsl.util import TimeoutError as LslTimeoutError
except RuntimeError as error:
    # The wheel for a glibc before 2.35 carries no library.
    raise ImportError('pylsl finds no liblsl: install it (https://github.com/sccn/liblsl/releases)') from error

SPIKES = 'Spikes'
CHANNELS = 'one channel (electrode) or two (electrode, sort code) of numbers'
CLOCK_READINGS = 9
OTHERS_S, ALL = 1.0, 1000
"""So long other streams are waited for: that of somebody else must not be taken."""


class Sender(NamedTuple):
    """Who sends a stream, as LSL says it. A program that is started again is the same sender."""

    name: str
    source_id: str
    host: str

    def __str__(self) -> str:
        return f"'{self.name}' of {self.host} (id '{self.source_id}')"


class LslSystem:
    """A stream of spikes by its name, or the one of type ``Spikes``, and a stream of markers by its name.

    ``senders`` remembers who sends them from one connection to the next: a name and a type are anybody's, so where the
    spikes were lost, those of another sender are not taken for them.

    Times stay on the clock of the sender. LSL measures how far that is from this machine's every few seconds
    (``time_correction``). A stream whose sender ends is lost: this connection does not wait for another one.

    Raises:
        SystemLost: there is no such stream, or only that of another sender than before.
        GraspDecoderError: the stream cannot hold spikes or markers, or several have that name or type.
    """

    def __init__(self, settings: SystemSettings, unit_map: UnitMap, senders: dict[str, Sender]):
        key, value = ('name', settings.address) if settings.address else ('type', SPIKES)
        spikes = _stream(key, value, senders.get('spikes'))
        if spikes.channel_format() == pylsl.cf_string or spikes.channel_count() not in (1, 2) or spikes.nominal_srate():
            raise GraspDecoderError(f"LSL stream '{spikes.name()}' must have an irregular rate and {CHANNELS}")
        markers = _stream('name', settings.events, senders.get('markers')) if settings.events else None
        if markers is not None and (markers.channel_format() != pylsl.cf_string or markers.channel_count() != 1):
            raise GraspDecoderError(f"LSL stream '{settings.events}' must have one channel of text")
        self._name, self._events = spikes.name(), settings.events
        self._spikes = self._inlet(spikes)
        self._markers = None if markers is None else self._inlet(markers)
        self._clock_ns = _monotonic_minus_local_clock_ns()
        self._not_numbers, self._ended = 0, ''
        self.offset_ns()
        senders['spikes'] = _sender(spikes)
        if markers is not None:
            senders['markers'] = _sender(markers)

    def offset_ns(self) -> int:
        """CLOCK_MONOTONIC minus the clock of the sender, ns; raises `SystemLost`."""
        self._offset_ns = self._clock_ns + round(self._correction_s(self._spikes) * NS_PER_S)
        return self._offset_ns

    def receive(self, wait_s: float) -> Arrived:
        """Spikes and markers since the last call; raises `SystemLost` when a sender has ended."""
        try:
            samples, times = self._spikes.pull_chunk(timeout=wait_s)
        except LostError:
            raise self._lost() from None
        spikes = []
        for sample, seconds in zip(samples, times):
            if math.isfinite(seconds) and all(map(math.isfinite, sample)):
                sort_code = int(sample[1]) if len(sample) > 1 else 0
                spikes.append(Spike(round(seconds * NS_PER_S), str(int(sample[0])), sort_code))
        bad = len(times) - len(spikes)
        self._not_numbers += bad
        return Arrived(spikes, self._new_markers(), lost=bad)

    def counts(self) -> dict[str, object]:
        """The clock correction that LSL measured, and what was wrong."""
        ended = {'markers': f"LSL stream '{self._ended}' has ended"} if self._ended else {}
        return {
            'clock offset (ms)': f'{self._offset_ns / 1e6:.3f}',
            'samples that are no numbers': self._not_numbers,
            **ended,
        }

    def close(self) -> None:
        """Close both streams."""
        for inlet in (self._spikes, self._markers):
            if inlet is not None:
                inlet.close_stream()

    def _inlet(self, info: pylsl.StreamInfo) -> pylsl.StreamInlet:
        inlet = pylsl.StreamInlet(info, recover=False)
        try:
            inlet.open_stream(timeout=CONNECT_S)
            inlet.time_correction(timeout=CONNECT_S)
        except (LostError, LslTimeoutError):
            raise SystemLost(f"LSL stream '{info.name()}' is announced but does not answer") from None
        return inlet

    def _correction_s(self, inlet: pylsl.StreamInlet) -> float:
        """What to add to a time of the sender, s; known since the stream was opened, so it is there at once."""
        try:
            return float(inlet.time_correction(timeout=CONNECT_S))
        except (LostError, LslTimeoutError):
            raise self._lost() from None

    def _new_markers(self) -> list[Marker]:
        """On the clock of the spikes: they may come from another machine. Without their sender, spikes are enough."""
        if self._markers is None:
            return []
        try:
            texts, times = self._markers.pull_chunk()
            if not texts:
                return []
            of_markers_s = float(self._markers.time_correction(timeout=CONNECT_S))
        except (LostError, LslTimeoutError):
            self._ended = self._events
            self._markers.close_stream()
            self._markers = None
            return []
        between_s = of_markers_s - self._correction_s(self._spikes)
        return [
            Marker(round((seconds + between_s) * NS_PER_S), text)
            for (text,), seconds in zip(texts, times)
            if math.isfinite(seconds)
        ]

    def _lost(self) -> SystemLost:
        return SystemLost(f"LSL stream '{self._name}' has ended")


open_lsl = partial(LslSystem, senders={})
"""How a process opens the one system that it has."""


def _stream(key: str, value: str, known: Sender | None) -> pylsl.StreamInfo:
    found = pylsl.resolve_byprop(key, value, timeout=CONNECT_S)
    if not found:
        raise SystemLost(f"there is no LSL stream of {key} '{value}': start its sender")
    found = pylsl.resolve_byprop(key, value, minimum=ALL, timeout=OTHERS_S) or found
    if known is not None:
        same = [each for each in found if _sender(each) == known]
        if not same:
            raise SystemLost(
                f'LSL stream {known} has ended, and {_names(found)} is not taken for it: start its sender again, or '
                'spike_source if another one is to be heard'
            )
        if len(same) > 1:
            raise SystemLost(f'there are {len(same)} LSL streams {known}: end all but one')
        return same[0]
    if len(found) > 1:
        remedy = 'name the right one' if key == 'type' else 'end all but one, or give them names of their own'
        raise GraspDecoderError(f"there are {len(found)} LSL streams of {key} '{value}', {_names(found)}: {remedy}")
    return found[0]


def _sender(info: pylsl.StreamInfo) -> Sender:
    return Sender(info.name(), info.source_id(), info.hostname())


def _names(found: Sequence[pylsl.StreamInfo]) -> str:
    return ' and '.join(sorted(f"'{each.name()}' of {each.hostname()}" for each in found))


def _monotonic_minus_local_clock_ns() -> int:
    """On Linux, LSL's clock is CLOCK_MONOTONIC. The smallest of some readings, since each may be interrupted."""
    readings: list[tuple[int, int]] = []
    for _ in range(CLOCK_READINGS):
        before_ns = time.monotonic_ns()
        local_s = pylsl.local_clock()
        after_ns = time.monotonic_ns()
        readings.append((after_ns - before_ns, (before_ns + after_ns) // 2 - round(local_s * NS_PER_S)))
    return min(readings)[1]
