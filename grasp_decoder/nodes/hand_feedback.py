# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What a hand reports to hand_bridge: /hand/state if it can feel, else /joint_states."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from rclpy.node import Node
from sensor_msgs.msg import JointState

from grasp_decoder import msg
from grasp_decoder.control.grasp_state_machine import Seen
from grasp_decoder.control.hand_commander import HandCommander
from grasp_decoder.control.hand_watch import FeedbackSettings
from grasp_decoder.control.held import LIFTED_M
from grasp_decoder.nodes.topics import subscribe
from grasp_decoder.system.interfaces import HAND_STATE, JOINT_STATES, Topic


class HandFeedback:
    """Passes what the hand reports on to the commander.

    Attributes:
        topics: those that the hand has to answer on.
    """

    def __init__(
        self,
        settings: FeedbackSettings,
        commander: HandCommander,
        lock: AbstractContextManager,
    ):
        """``lock`` guards the commander."""
        self._commander = commander
        self._lock = lock
        self.topics: tuple[Topic, ...] = ()
        if settings.contact:
            self.topics = (HAND_STATE,)
        elif settings.feedback:
            self.topics = (JOINT_STATES,)

    def listen(self, node: Node, guarded: Callable[[Callable], Callable]) -> None:
        """Take what comes when it comes; ``guarded`` makes callbacks that raise nothing."""

        def hand_feedback(message: msg.HandState | JointState) -> None:
            self.take(message, time.monotonic_ns())

        for topic in self.topics:
            subscribe(node, topic, guarded(hand_feedback))

    def take(self, message: msg.HandState | JointState, now_ns: int) -> None:
        """The hand said this at ``now_ns`` of the commander's clock."""
        if isinstance(message, JointState):
            with self._lock:
                self._commander.measured(message.name, message.position, now_ns)
            return
        seen = Seen(touched=message.contact, lifted=message.lift >= LIFTED_M)
        with self._lock:
            self._commander.measured(message.joint_name, message.joint_position, now_ns, seen)
