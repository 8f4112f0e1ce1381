# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The latest batch of spikes, for one who asks seldom what the time of the source is."""

from __future__ import annotations

from rclpy.node import Node
from rclpy.serialization import deserialize_message

from grasp_decoder import msg
from grasp_decoder.control.faults import SourceClock
from grasp_decoder.nodes.receiver import Receiver
from grasp_decoder.system.interfaces import SPIKES
from grasp_decoder.types.from_message import spike_batch_from


class LatestBatch:
    """Keeps the latest batch as bytes: it is read only when the source's clock is asked for."""

    def __init__(self, node: Node):
        self._receiver = Receiver(node, SPIKES, depth=1)
        self._latest: tuple[int, bytes] | None = None

    def take(self, now_ns: int) -> None:
        """Take what has come until CLOCK_MONOTONIC ``now_ns``."""
        batch = self._receiver.take_bytes()
        self._latest = self._latest if batch is None else (now_ns, batch)

    def source_clock(self) -> SourceClock | None:
        """The source's clock in the latest batch; None before the first."""
        if self._latest is None:
            return None
        received_ns, data = self._latest
        batch = spike_batch_from(deserialize_message(data, msg.SpikeBatch))
        return SourceClock(received_ns, batch.segment, batch.end_ns)
