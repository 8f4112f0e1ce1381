# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The e-stop of hand_bridge: received with any quality of service, and remembered across restarts."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from rclpy.node import Node
from std_msgs.msg import Bool
from std_srvs.srv import Trigger

from grasp_decoder.control.hand_commander import HandCommander, Order
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.nodes.audit import Audit
from grasp_decoder.nodes.topics import serve, subscribe
from grasp_decoder.system.e_stop_memory import EStopMemory
from grasp_decoder.system.interfaces import E_STOP, LATCHED_E_STOP, RESET


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
        self._pressed = False
        self._memory = EStopMemory(node.get_fully_qualified_name())
        subscribe(node, E_STOP, guarded(self._heard))
        subscribe(node, LATCHED_E_STOP, guarded(self._heard))
        serve(node, RESET, self._reset)

    def begin(self, commander: HandCommander, now_ns: Callable[[], int]) -> None:
        """``commander``, whose clock is ``now_ns``, has the hand from now on; a pressed e-stop is pressed again."""
        self._now_ns, self._commander = now_ns, commander
        if self._memory.pressed:
            self._node.get_logger().warning('the e-stop was pressed before the start: SAFE until it is reset')
            self._tell(True)
            self._tell(self._pressed)

    def end(self) -> None:
        """Nobody has the hand from now on."""
        self._commander = None

    def _heard(self, message: Bool) -> None:
        self._tell(message.data)
        if message.data:
            try:
                self._memory.remember(True)
            except OSError as error:
                self._node.get_logger().error(f'a restart would forget that the e-stop is pressed: {error}')
        if message.data and not self._pressed:
            self._audit.heard('e-stop', E_STOP, 'pressed')
        self._pressed = message.data

    def _tell(self, pressed: bool) -> None:
        with self._lock:
            order = None if self._commander is None else self._commander.e_stop(pressed, self._now_ns())
            if order is not None:
                self._publish(order)

    def _reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        try:
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
