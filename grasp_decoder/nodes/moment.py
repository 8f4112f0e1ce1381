# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""All that belongs to one moment of a simulated world, as hand_bridge hears it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from rclpy.node import Node

from grasp_decoder import msg
from grasp_decoder.control.faults import SourceClock
from grasp_decoder.decoding.backlog import Backlog
from grasp_decoder.nodes.followed_clock import FollowedClock
from grasp_decoder.nodes.receiver import Receiver
from grasp_decoder.system.interfaces import DECODED_GRASP, SPIKES, Topic
from grasp_decoder.types.from_message import spike_batch_from, stamp_ns
from grasp_decoder.types.time import NS_PER_S

POLL_NS = 20_000_000


class Moment:
    """Waits for the next moment of /clock, and for what belongs to it.

    That is what the hand says at that time, the spikes until the source says that there are no more, and the decodes of
    the bins that they complete.

    Attributes:
        time_ns: the latest moment that is complete; 0 before the first.
        hand: what the hand says in it; None where nobody listens to the hand.
        source: the latest batch of spikes.
        decodes: those of the moment, each with the CLOCK_MONOTONIC at which it came.
    """

    def __init__(self, node: Node, clock: FollowedClock, hand: Iterable[Topic], bin_ns: Callable[[], int]):
        """``hand``: topics that the hand answers on. ``bin_ns`` gives the decoder's bin; 0 before it is known."""
        self._clock = clock
        self._bin_ns = bin_ns
        self._spikes = Receiver(node, SPIKES)
        self._decodes = Receiver(node, DECODED_GRASP)
        self._hand = [Receiver(node, topic) for topic in hand]
        self._backlog = Backlog()
        self._all_sent_ns = self._hand_ns = 0
        self.time_ns = 0
        self.hand: Any = None
        self.source: SourceClock | None = None
        self.decodes: list[tuple[msg.DecodedGrasp, int]] = []

    def wait(self) -> bool:
        """Wait for a while for what is missing; true once the next moment is complete."""
        now_ns = self._clock.time_ns()
        if self.time_ns == now_ns:
            self.decodes.clear()
            self._clock.wait(POLL_NS)
        elif not self._bin_ns():
            time.sleep(POLL_NS / NS_PER_S)  # another thread hears of the decoder
        elif self._all_sent_ns < now_ns:
            self._hear_spikes(now_ns)
        elif self._backlog.batches:
            self._hear_decodes()
        elif self._hand and self._hand_ns < now_ns:
            self._hear_hand()
        else:
            self.time_ns = now_ns
            return True
        return False

    def _hear_spikes(self, now_ns: int) -> None:
        self._backlog.bin_ns = self._bin_ns()
        for message in self._spikes.receive(POLL_NS):
            batch = spike_batch_from(message)
            self.source = SourceClock(now_ns, batch.segment, batch.end_ns)
            if batch.start_ns < batch.end_ns:
                self._backlog.sent(batch)
            else:
                self._all_sent_ns = stamp_ns(message.header.stamp)

    def _hear_decodes(self) -> None:
        for message in self._decodes.receive(POLL_NS):
            self.decodes.append((message, time.monotonic_ns()))
            self._backlog.decoded(message.segment, message.bin)

    def _hear_hand(self) -> None:
        for message in self._hand[0].receive(POLL_NS):
            self.hand, self._hand_ns = message, stamp_ns(message.header.stamp)
