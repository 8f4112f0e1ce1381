# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Flow control of a replay at full speed: it sends no more than the decoder can take."""

from __future__ import annotations

import time

from rclpy.node import Node

from grasp_decoder import msg
from grasp_decoder.decoding.backlog import Backlog
from grasp_decoder.nodes.receiver import Receiver
from grasp_decoder.nodes.topics import full_name, subscribe
from grasp_decoder.system.interfaces import DECODED_GRASP, DECODER_INFO
from grasp_decoder.types.from_message import decoder_info_from
from grasp_decoder.types.spike_batch import SpikeBatch
from grasp_decoder.types.time import NS_PER_S

# Enough to keep both sides busy, far less than the queues of /spikes and /decoded_grasp hold.
BINS_AHEAD = 8
BATCHES_AHEAD = 400
PATIENCE_NS = 2_000_000_000


class DecoderFollower:
    """Compares the bins that were sent with those that came back on /decoded_grasp.

    When the decoder does not answer within `PATIENCE_NS`, a warning is logged and the next batch is sent all the same.
    So a lost bin cannot stop a replay for good.
    """

    def __init__(self, node: Node):
        self._node = node
        self._backlog = Backlog()
        self._heard_ns = time.monotonic_ns()
        subscribe(node, DECODER_INFO, self._learn)
        self._receiver = Receiver(node, DECODED_GRASP)

    def _learn(self, message: msg.DecoderInfo) -> None:
        self._backlog.bin_ns = round(decoder_info_from(message).bin_s * NS_PER_S)

    def sent(self, batch: SpikeBatch) -> None:
        """A batch is on its way."""
        self._backlog.sent(batch)

    def keeps_up(self) -> bool:
        """Whether the decoder is ready for another batch."""
        if not self._backlog.bin_ns:
            return False
        if self._backlog.batches < BATCHES_AHEAD and self._backlog.bins <= BINS_AHEAD:
            return True
        if time.monotonic_ns() - self._heard_ns > PATIENCE_NS:
            name = full_name(self._node, DECODED_GRASP)
            self._node.get_logger().warning(f'no decode on {name} for {PATIENCE_NS / NS_PER_S:g} s')
            self._heard_ns = time.monotonic_ns()
            return True
        return False

    def listen(self, timeout_ns: int) -> None:
        """Wait for decodes."""
        for message in self._receiver.receive(timeout_ns):
            self._backlog.decoded(message.segment, message.bin)
            self._heard_ns = time.monotonic_ns()
