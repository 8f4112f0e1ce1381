# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""A subscription without an executor: the thread that needs the messages takes them itself.

An executor asks every entity of a node (a lifecycle node has fourteen services) before and after each message. A
`Receiver` waits for one subscription alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from rclpy.callback_groups import CallbackGroup
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node

from grasp_decoder.nodes.topics import subscribe
from grasp_decoder.system.interfaces import Topic

# The warm-up takes half of this.
WARM_UP_BEFORE_NS = 1_500_000


class Receiver:
    """Takes the messages of one topic, in the calling thread.

    After a pause, the first message takes several times as long as the next: other processes have filled the CPU's
    caches meanwhile. If it is known when a message is due (`expect`), ``warm_up`` is called a moment before. It does
    the same work with made-up data, and may ask whether a message has come, in order to stop.
    """

    def __init__(
        self,
        node: Node,
        topic: Topic,
        depth: int | None = None,
        warm_up: Callable[[Callable[[], bool]], None] | None = None,
    ) -> None:
        """Subscribe ``node`` to ``topic``, with another ``depth`` than declared if one is given."""
        self._subscription = subscribe(node, topic, _ignore, depth, callback_group=_NoExecutor())
        self._warm_up = warm_up
        self._expected_ns: int | None = None
        self._wait_set = rclpy_implementation.WaitSet(1, 0, 0, 0, 0, 0, node.context.handle)

    def expect(self, time_ns: int) -> None:
        """The next message that matters is due at about this CLOCK_MONOTONIC."""
        if self._warm_up is not None:
            self._expected_ns = time_ns

    def receive(self, timeout_ns: int) -> Iterator[Any]:
        """The messages that are there, oldest first. Wait up to ``timeout_ns`` for the first; do not wait for more."""
        if self._expected_ns is not None:
            remaining_ns = self._expected_ns - WARM_UP_BEFORE_NS - time.monotonic_ns()
            if remaining_ns > 0:
                timeout_ns = min(timeout_ns, remaining_ns)
            else:
                self._expected_ns = None
                if not self._has_come():
                    self._warm_up(self._has_come)
        self._is_ready(timeout_ns)
        while (taken := self._subscription.handle.take_message(self._subscription.msg_type, False)) is not None:
            yield taken[0]

    def take_bytes(self) -> bytes | None:
        """The oldest message that is there, serialized; None if there is none. It does not wait."""
        taken = self._subscription.handle.take_message(self._subscription.msg_type, True)
        return None if taken is None else taken[0]

    def _has_come(self) -> bool:
        return self._is_ready(0)

    def _is_ready(self, timeout_ns: int) -> bool:
        self._wait_set.clear_entities()
        self._wait_set.add_subscription(self._subscription.handle)
        self._wait_set.wait(timeout_ns)
        return self._wait_set.is_ready('subscription', 0)


class _NoExecutor(CallbackGroup):
    """Keeps every executor away from what is in it."""

    def can_execute(self, entity) -> bool:
        return False

    def beginning_execution(self, entity) -> bool:
        return False

    def ending_execution(self, entity) -> None:
        pass


def _ignore(message) -> None:
    """A subscription needs a callback; nobody calls it here."""
