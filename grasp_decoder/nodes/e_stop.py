# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The e-stop of hand_bridge: received with any quality of service, and remembered across restarts.

The switch of /hand/e_stop and the operator's page each let go only of what they pressed. Where several nodes publish
one of the two topics, nobody can tell which of them lets go: then none does.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

from rclpy.node import Node
from std_msgs.msg import Bool
from std_srvs.srv import Trigger

from grasp_decoder.control.hand_commander import HandCommander, Order
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.nodes.audit import Audit
from grasp_decoder.nodes.topics import count_publishers, full_name, serve, subscribe
from grasp_decoder.system.e_stop_memory import EStopMemory
from grasp_decoder.system.interfaces import E_STOP, LATCHED_E_STOP, PAGE_E_STOP, RESET, Topic


def page_topic(node: Node) -> Topic:
    """The topic of the page's e-stop. It follows a remap of hand/e_stop, so that one page stops all that share it."""
    return replace(PAGE_E_STOP, name=f'{full_name(node, E_STOP)}/page')


class EStop:
    """Passes the e-stop on to the commander, while there is one. Its topics and its service belong to ``node``."""

    def __init__(
        self,
        node: Node,
        lock: AbstractContextManager,
        publish: Callable[[Order], None],
        guarded: Callable[[Callable], Callable],
        audit: Audit,
    ):
        """``lock`` guards the commander, ``publish`` sends an order, ``guarded`` makes callbacks that raise nothing."""
        self._node = node
        self._commander: HandCommander | None = None
        self._lock = lock
        self._publish = publish
        self._now_ns: Callable[[], int] = time.monotonic_ns
        self._audit = audit
        self._page = page_topic(node)
        self._pressed: set[Topic] = set()
        self._memory = EStopMemory(node.get_fully_qualified_name())
        subscribe(node, E_STOP, guarded(self._heard))
        subscribe(node, LATCHED_E_STOP, guarded(self._heard))
        subscribe(node, self._page, guarded(self._heard_page))
        serve(node, RESET, self._reset)

    def begin(self, commander: HandCommander, now_ns: Callable[[], int]) -> None:
        """``commander``, whose clock is ``now_ns``, has the hand from now on; a pressed e-stop is pressed again."""
        self._now_ns, self._commander = now_ns, commander
        if self._memory.pressed:
            self._node.get_logger().warning('the e-stop was pressed before the start: SAFE until it is reset')
            self._tell(True)
            self._tell(bool(self._pressed))

    def end(self) -> None:
        """Nobody has the hand from now on."""
        self._commander = None

    def _heard(self, message: Bool) -> None:
        with self._lock:
            if self._commander is not None:
                self._commander.e_stop_heard(self._now_ns())
        self._take(E_STOP, message.data)

    def _heard_page(self, message: Bool) -> None:
        self._take(self._page, message.data)

    def _take(self, topic: Topic, pressed: bool) -> None:
        news = pressed and topic not in self._pressed
        if pressed:
            self._pressed.add(topic)
        elif count_publishers(self._node, topic) <= 1:
            self._pressed.discard(topic)
        self._tell(bool(self._pressed))
        if pressed:
            try:
                self._memory.remember(True)
            except OSError as error:
                self._node.get_logger().error(f'a restart would forget that the e-stop is pressed: {error}')
        if news:
            self._audit.heard('e-stop', topic, 'pressed')

    def _tell(self, pressed: bool) -> None:
        with self._lock:
            order = None if self._commander is None else self._commander.e_stop(pressed, self._now_ns())
            if order is not None:
                self._publish(order)

    def _named(self, topic: Topic) -> str:
        name, publishers = full_name(self._node, topic), count_publishers(self._node, topic)
        return name if publishers <= 1 else f'{name}, which {publishers} nodes publish: end all but one of them first'

    def _reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        try:
            if self._pressed:
                places = ' and '.join(sorted(map(self._named, self._pressed)))
                raise GraspDecoderError(
                    f'the e-stop is still pressed: let go of it (false on {places}) before the reset'
                )
            with self._lock:
                if self._commander is None:
                    raise GraspDecoderError('hand_bridge is not active: activate it before the reset')
                self._commander.reset()
        except GraspDecoderError as error:
            response.message = str(error)
            self._audit.requested('reset', RESET, f'refused: {error}')
            return response
        try:
            self._memory.remember(False)
        except OSError as error:
            # It would be pressed again after a restart: it stays pressed.
            self._tell(True)
            self._tell(False)
            response.message = f'the e-stop stays pressed, since it cannot be forgotten: {error}'
            self._audit.requested('reset', RESET, f'refused: {error}')
            return response
        response.success = True
        response.message = 'e-stop released: the hand opens after healthy decodes at rest'
        self._audit.requested('reset', RESET, 'e-stop released')
        return response
