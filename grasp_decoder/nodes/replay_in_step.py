# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""A replay in the time of a simulated world."""

from __future__ import annotations

from contextlib import AbstractContextManager

from rclpy.node import Node

from grasp_decoder.nodes.conversion import spike_batch_message
from grasp_decoder.nodes.followed_clock import FollowedClock
from grasp_decoder.nodes.life import goes_on
from grasp_decoder.nodes.replay_outputs import ReplayOutputs
from grasp_decoder.nodes.stamps import stamp
from grasp_decoder.recording.replay import HEARTBEAT_NS, Replay
from grasp_decoder.types.spike_batch import SpikeBatch


class ReplayInStep:
    """Sends at each moment of /clock what is due, and then a heartbeat: that was all.

    The stamps of the batches are moments of the world. After the last step it goes on with heartbeats, so that the
    world does not stop before the hand does.
    """

    def __init__(
        self,
        node: Node,
        clock: FollowedClock,
        replay: Replay,
        lock: AbstractContextManager,
        outputs: ReplayOutputs,
        session_name: str,
    ):
        """``lock`` guards the replay, which follows ``clock``."""
        self._node = node
        self._clock = clock
        self._replay = replay
        self._lock = lock
        self._outputs = outputs
        self._session_name = session_name

    def wait_for_the_world(self) -> None:
        """Wait for its first moment: the replay begins in it."""
        while goes_on(self._node) and not self._clock.wait(HEARTBEAT_NS):
            pass

    def work(self) -> bool:
        """Do what the next moment asks for."""
        self._clock.wait(HEARTBEAT_NS)
        with self._lock:
            now_ns = self._clock.time_ns()
            while (step := self._replay.next_step()) is not None and self._replay.due_ns(step) <= now_ns:
                self._send(step.batch, now_ns)
                self._replay.sent(step)
                self._outputs.sent(step)
            # The world stands still until the replay has begun, so that it is always the same by then.
            self._send(self._replay.silence(), now_ns if self._replay.begun else 0)
        return True

    def _send(self, batch: SpikeBatch, world_ns: int) -> None:
        message = spike_batch_message(batch, self._session_name)
        message.header.stamp = stamp(world_ns)
        self._outputs.send(message, self._clock.came_ns)
