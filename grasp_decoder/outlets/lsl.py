# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""LslOutlets: decodes and changes of the hand's state as streams of the Lab Streaming Layer."""

from __future__ import annotations

import os
import socket
import time

try:
    import pylsl
except RuntimeError as error:
    # The wheel for a glibc before 2.35 carries no library.
    raise ImportError('pylsl finds no liblsl: install it (https://github.com/sccn/liblsl/releases)') from error

from grasp_decoder.types.decoded_grasp import DecodedGrasp
from grasp_decoder.types.hand_command import HandCommand, HandMode
from grasp_decoder.types.time import NS_PER_S

DECODED = (
    ('acquisition_time', 's'),
    ('phase', '0 rest, 1 grasp'),
    ('phase_probability', ''),
    ('object_id', ''),
    ('confidence', ''),
    ('aperture', '0 open, 1 closed'),
    ('validity', ''),
)
"""Channels of the stream of decodes, with their units."""


class LslOutlets:
    """Two streams, ``NAME/decoded_grasp`` and ``NAME/hand_state``.

    A decode is a sample of the channels `DECODED`, at the end of its bin. The other stream has markers: ``CLOSE power``
    when the hand is told to close, ``SAFE: reason`` when it is to be safe, and so on, once for each change.

    Args:
        name: of this system, such as ``grasp_decoder/left``.
    """

    def __init__(self, name: str):
        # Listeners find a stream again by its id: it must not be that of another machine, or of another domain.
        place = f'{name} {socket.gethostname()} {os.environ.get("ROS_DOMAIN_ID", "0")}'
        decoded = pylsl.StreamInfo(
            f'{name}/decoded_grasp', 'Decode', len(DECODED), pylsl.IRREGULAR_RATE, pylsl.cf_double64, f'{place} decode'
        )
        channels = decoded.desc().append_child('channels')
        for label, unit in DECODED:
            channel = channels.append_child('channel')
            channel.append_child_value('label', label)
            channel.append_child_value('unit', unit)
        self._decoded = pylsl.StreamOutlet(decoded)
        self._states = pylsl.StreamOutlet(
            pylsl.StreamInfo(f'{name}/hand_state', 'Markers', 1, pylsl.IRREGULAR_RATE, pylsl.cf_string, f'{place} hand')
        )
        self._said = ''

    def send_decode(self, decode: DecodedGrasp) -> None:
        """Send the decode of one bin."""
        sample = [
            decode.stamp_ns / NS_PER_S,
            decode.phase,
            decode.phase_probability,
            decode.object_id,
            decode.confidence,
            decode.aperture,
            decode.validity,
        ]
        self._decoded.push_sample([float(value) for value in sample], _lsl_time(decode.due_ns or decode.received_ns))

    def send_command(self, command: HandCommand) -> None:
        """Send a marker if the hand's state, its grip or the reason to be safe has changed."""
        state = command.state.name
        text = f'{state}: {command.reason}' if command.state == HandMode.SAFE else f'{state} {command.grip}'
        if text != self._said:
            self._said = text
            self._states.push_sample([text], _lsl_time(command.published_ns))

    def close(self) -> None:
        """End both streams."""
        del self._decoded, self._states


def _lsl_time(monotonic_ns: int) -> float:
    """A moment of CLOCK_MONOTONIC on LSL's clock, s."""
    return float(pylsl.local_clock()) - (time.monotonic_ns() - monotonic_ns) / NS_PER_S
