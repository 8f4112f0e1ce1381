# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""hand_bridge in the time of this machine: decodes when they come, joint targets between them."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from rclpy.node import Node

from grasp_decoder.control.hand_commander import HandCommander, Order
from grasp_decoder.control.target_times import TargetTimes
from grasp_decoder.nodes.latest_batch import LatestBatch
from grasp_decoder.nodes.receiver import Receiver
from grasp_decoder.system.interfaces import DECODED_GRASP, HAND_COMMAND
from grasp_decoder.types.from_message import decoded_grasp_from
from grasp_decoder.types.hand_command import HandCommand
from grasp_decoder.types.time import NS_PER_S


class BridgeInRealTime:
    """Calls a `HandCommander` in real time, and is its watchdog.

    Attributes:
        now_ns: the clock of the commander.
    """

    def __init__(
        self,
        node: Node,
        commander: HandCommander,
        lock: AbstractContextManager,
        publish: Callable[[Order, int], None],
        period_s: float,
    ):
        """``lock`` guards the commander, ``publish`` sends an order, caused by what came at a CLOCK_MONOTONIC."""
        self._commander = commander
        self._lock = lock
        self._publish = publish
        self._times = TargetTimes(round(NS_PER_S * period_s))
        self._decodes = Receiver(node, DECODED_GRASP)
        self._spikes = LatestBatch(node)
        self._all_commands = Receiver(node, HAND_COMMAND, depth=100)
        self.now_ns = time.monotonic_ns

    def work(self) -> None:
        """Wait for decodes until targets are due, and answer both."""
        for message in self._decodes.receive(max(0, self._times.due_ns - time.monotonic_ns())):
            now_ns = time.monotonic_ns()
            with self._lock:
                self._publish(self._commander.decoded(decoded_grasp_from(message), now_ns), now_ns)
            self._times.decoded(now_ns)
        now_ns = time.monotonic_ns()
        if now_ns >= self._times.due_ns:
            self._times.sent(now_ns)
            self._spikes.take(now_ns)
            published = [command.published_ns for command in self._all_commands.receive(0)]
            with self._lock:
                self._commander.commands_heard(published, now_ns)
                self._publish(self._commander.tick(now_ns, self._spikes.source_clock), now_ns)

    def targets_stamp_ns(self, command: HandCommand) -> int:
        """The stamp of the joint targets that go with a command."""
        return command.stamp_ns
