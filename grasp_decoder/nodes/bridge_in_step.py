# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""hand_bridge in the time of a simulated world: an answer for each moment of /clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from copy import deepcopy
from dataclasses import replace

from rclpy.node import Node

from grasp_decoder.control.fault_policies import Fault, FaultKind
from grasp_decoder.control.hand_commander import HandCommander, Order
from grasp_decoder.nodes.followed_clock import FollowedClock
from grasp_decoder.nodes.hand_feedback import HandFeedback
from grasp_decoder.nodes.moment import Moment
from grasp_decoder.nodes.receiver import Receiver
from grasp_decoder.system.interfaces import HAND_COMMAND
from grasp_decoder.types.from_message import decoded_grasp_from
from grasp_decoder.types.hand_command import HandCommand
from grasp_decoder.types.time import NS_PER_S

AGAIN_NS = 50_000_000
STANDSTILL = 'the clock stands still'


class BridgeInStep:
    """Calls a `HandCommander` in the time of the world, always in the same order, however busy the machine is.

    The order of a moment is given when all that belongs to it has come (`Moment`). The stamp of its joint targets tells
    the hand which moment it answers.

    While the world stands still, nothing in it may change, and nothing here does. But whoever else listens must not
    take that for a hand that holds on: after ``standstill_s`` of CLOCK_MONOTONIC a copy of the commander takes the hand
    to its safe state. When the clock goes on, so does the commander, as if nothing had been.

    Attributes:
        now_ns: the clock of the commander.
    """

    def __init__(
        self,
        node: Node,
        commander: HandCommander,
        hand: HandFeedback,
        lock: AbstractContextManager,
        publish: Callable[[Order, int], None],
        standstill_s: float,
    ):
        """``lock`` guards the commander, ``publish`` sends an order, caused by what came at a CLOCK_MONOTONIC."""
        self._commander = commander
        self._hand = hand
        self._lock = lock
        self._publish = publish
        self._standstill_ns = standstill_s * NS_PER_S
        self._clock = FollowedClock(node)
        self.now_ns = self._clock.time_ns
        self._moment = Moment(node, self._clock, hand.topics, lambda: commander.bin_ns)
        self._all_commands = Receiver(node, HAND_COMMAND)
        self._stamp_ns = 0
        self._order: Order | None = None
        self._moments = 0
        self._answered_ns = time.monotonic_ns()
        self._said_ns = 0
        self._stand_in: HandCommander | None = None

    def work(self) -> None:
        """Wait for the next moment, and answer it once it is complete."""
        if self._order is None:
            with self._lock:
                self._order = self._commander.tick(0)
                self._publish(self._order, 0)
        if self._moment.wait():
            self._answer(self._moment)
        elif time.monotonic_ns() - max(self._answered_ns, self._said_ns) > AGAIN_NS:
            self._stand_still()

    def targets_stamp_ns(self, command: HandCommand) -> int:
        """The stamp of the joint targets of an order that is published now: the moment that it answers."""
        return self._stamp_ns

    def _answer(self, moment: Moment) -> None:
        now_ns = moment.time_ns
        if moment.hand is not None:
            self._hand.take(moment.hand, now_ns)
        published = [command.published_ns for command in self._all_commands.receive(0)]
        with self._lock:
            self._commander.commands_heard(published, now_ns)
            for message, received_ns in moment.decodes:
                decode = decoded_grasp_from(message)
                # A decode is never late here. Its latency is measured all the same.
                order = self._commander.decoded(replace(decode, due_ns=0), now_ns)
                command = replace(order.command, due_ns=decode.due_ns)
                self._publish(replace(order, command=command), received_ns)
            order = self._commander.tick(now_ns, lambda: moment.source)
            self._order = replace(order, announced=order.announced or self._stand_in is not None)
            self._stand_in = None
            self._stamp_ns = now_ns
            self._publish(self._order, 0)
        self._moments += 1
        self._answered_ns = time.monotonic_ns()

    def _stand_still(self) -> None:
        """Say the last order again; after too long, the safe state instead."""
        self._said_ns = time.monotonic_ns()
        still_ns = self._said_ns - self._answered_ns
        with self._lock:
            if not self._commander.e_stopped and (self._moments < 2 or still_ns < self._standstill_ns):
                self._publish(replace(self._order, announced=False), 0)
                return
            moment_ns, self._stamp_ns = self._stamp_ns, 0
            self._publish(self._safe_order(self._clock.time_ns() + still_ns), 0)
            self._stamp_ns = moment_ns

    def _safe_order(self, now_ns: int) -> Order:
        if self._stand_in is None or self._stand_in.e_stopped != self._commander.e_stopped:
            self._stand_in = deepcopy(self._commander)
            return self._stand_in.failed(Fault(FaultKind.SILENCE, STANDSTILL), now_ns)
        return self._stand_in.go_on(now_ns)
