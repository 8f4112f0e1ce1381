# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The clock of a simulated world, for the thread that follows it moment by moment."""

from __future__ import annotations

import time

from rclpy.node import Node

from grasp_decoder.nodes.receiver import Receiver
from grasp_decoder.system.interfaces import WORLD_CLOCK
from grasp_decoder.types.from_message import stamp_ns


class FollowedClock:
    """Takes each moment of the world from /clock.

    The node's own clock follows /clock too, but in the thread beside: it would be another time in the middle of a step.

    Attributes:
        came_ns: CLOCK_MONOTONIC at which the present moment came.
    """

    def __init__(self, node: Node):
        self._receiver = Receiver(node, WORLD_CLOCK)
        self._time_ns = 0
        self.came_ns = 0

    def time_ns(self) -> int:
        """The time of the world; 0 before it has begun."""
        return self._time_ns

    def wait(self, timeout_ns: int) -> bool:
        """Wait for the next moment; false when it does not come."""
        before_ns = self._time_ns
        for message in self._receiver.receive(timeout_ns):
            self._time_ns = max(self._time_ns, stamp_ns(message.clock))
        if self._time_ns == before_ns:
            return False
        self.came_ns = time.monotonic_ns()
        return True
