# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""JsonLines: one JSON object for each decode and each command, on a ZeroMQ socket that publishes (PUB)."""

from __future__ import annotations

import json
import math

import zmq

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.types.decoded_grasp import GRASP, DecodedGrasp
from grasp_decoder.types.hand_command import HandCommand

MOST_WAITING = 1000
"""Lines that are kept for a listener that is slow; of what comes on top it gets nothing."""


class JsonLines:
    """Listeners connect a SUB socket to ``address``, such as ``tcp://127.0.0.1:5570``, and subscribe to ''.

    Every message is one line. The key ``kind`` says what it is, ``decode`` or ``command``. Times are in ns:
    ``stamp_ns`` on the acquisition clock, ``due_ns`` and ``published_ns`` on CLOCK_MONOTONIC. What is not known is
    null.

    Attributes:
        address: where listeners connect to; with ``*`` for the port, the system has chosen it.

    Raises:
        GraspDecoderError: nothing can be published there.
    """

    def __init__(self, address: str):
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.PUB)
        self._socket.linger = 0
        self._socket.sndhwm = MOST_WAITING
        try:
            self._socket.bind(address)
        except zmq.ZMQError as error:
            self.close()
            raise GraspDecoderError(
                f"zmq: nothing can be published on '{address}' ({error.strerror}): give an address of this machine that"
                ' is free, such as tcp://127.0.0.1:5570'
            ) from None
        self.address = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def send_decode(self, decode: DecodedGrasp) -> None:
        """Send the decode of one bin, without the probabilities of all objects."""
        self._send(
            kind='decode',
            stamp_ns=decode.stamp_ns,
            due_ns=decode.due_ns,
            segment=decode.segment,
            bin=decode.bin,
            phase='GRASP' if decode.phase == GRASP else 'REST',
            phase_probability=decode.phase_probability,
            object_id=decode.object_id,
            confidence=decode.confidence,
            novelty=decode.novelty,
            aperture=decode.aperture,
            validity=decode.validity,
            invalid_reason=decode.invalid_reason,
        )

    def send_command(self, command: HandCommand) -> None:
        """Send what the hand shall do."""
        self._send(
            kind='command',
            stamp_ns=command.stamp_ns,
            published_ns=command.published_ns,
            state=command.state.name,
            grip=command.grip,
            aperture=command.aperture,
            still=command.still,
            reason=command.reason,
        )

    def close(self) -> None:
        """Close the socket."""
        self._context.destroy(linger=0)

    def _send(self, **fields: object) -> None:
        known = {name: value if _is_known(value) else None for name, value in fields.items()}
        self._socket.send(json.dumps(known, allow_nan=False).encode() + b'\n')


def _is_known(value: object) -> bool:
    return not isinstance(value, float) or math.isfinite(value)
