# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The clock of a simulated world that waits for whoever cannot keep step."""

from __future__ import annotations

import time
from collections.abc import Callable

from rclpy.node import Node
from rosgraph_msgs.msg import Clock

from grasp_decoder.nodes.stamps import stamp
from grasp_decoder.nodes.topics import advertise, count_publishers
from grasp_decoder.system.interfaces import WORLD_CLOCK
from grasp_decoder.types.time import NS_PER_S

STEP_NS = 20_000_000
AGAIN_NS = 100_000_000
PATIENCE_NS = 60 * NS_PER_S  # for a node that hangs: one that is starved of CPU answers late, and one that ends is seen
"""A chain that does not answer for so long is dead."""


class SteppedClock:
    """Publishes /clock. The time goes on by `STEP_NS` when the answer to the present moment has come, not before.

    The world begins with the first answer: by then all nodes have found each other. One that finds another clock of
    the same domain before that does not begin.
    """

    def __init__(self, node: Node, speed: float, show: Callable[[], None]):
        """``speed``: at most so many seconds of the world in one second; 0: any. ``show`` publishes the world."""
        self._node = node
        self._publisher = advertise(node, WORLD_CLOCK)
        self._step_ns = round(STEP_NS / speed) if speed else 0
        self._show = show
        self._began = False
        self._due_ns = 0
        self._told_ns = 0
        self.time_ns = STEP_NS

    def is_answered_by(self, time_ns: int) -> bool:
        """Whether an order of this time of the world answers the present moment."""
        return time_ns == self.time_ns

    def wait(self) -> str:
        """The answer has not come yet. Why it will not come any more; '' while it still may."""
        waited_ns = time.monotonic_ns() - self._told_ns
        if self._began:
            if waited_ns >= PATIENCE_NS:
                return f'nobody has answered for {PATIENCE_NS / NS_PER_S:g} s: the simulated clock stands still'
        elif count_publishers(self._node, WORLD_CLOCK) > 1:
            return (
                'another node publishes /clock, which all systems of a ROS domain share: stop it, or give this '
                'system a ROS_DOMAIN_ID of its own'
            )
        elif waited_ns > AGAIN_NS:
            self.tell()
        return ''

    def step(self) -> None:
        """Go on, unless that would be too early. `tell` the others once the world has got there."""
        self._began = True
        now_ns = time.monotonic_ns()
        self._due_ns = max(self._due_ns + self._step_ns, now_ns)
        time.sleep((self._due_ns - now_ns) / NS_PER_S)
        self.time_ns += STEP_NS

    def tell(self) -> None:
        """Publish the world, and then what time it is."""
        self._show()
        self._publisher.publish(Clock(clock=stamp(self.time_ns)))
        self._told_ns = time.monotonic_ns()
