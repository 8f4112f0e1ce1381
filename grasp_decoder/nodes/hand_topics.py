# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What a simulated hand hears beside its joint targets, and what it says of itself."""

from __future__ import annotations

from rclpy.node import Node
from sensor_msgs.msg import JointState

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.hand.commanded_hand import CommandedHand
from grasp_decoder.hand.state import SimulatorState
from grasp_decoder.nodes import conversion
from grasp_decoder.nodes.receiver import Receiver
from grasp_decoder.nodes.topics import advertise
from grasp_decoder.system.interfaces import HAND_COMMAND, HAND_STATE, JOINT_STATES, TRIAL_EVENTS
from grasp_decoder.types.from_message import hand_command_from, trial_event_from


class HandTopics:
    """Connects a `CommandedHand` with its topics."""

    def __init__(self, node: Node, hand: CommandedHand):
        self._node = node
        self._hand = hand
        self._commands = Receiver(node, HAND_COMMAND, depth=1)
        self._trial_events = Receiver(node, TRIAL_EVENTS)
        self._hand_states = advertise(node, HAND_STATE)
        self._joint_states = advertise(node, JOINT_STATES)
        self._stamp_ns = 0

    def take_targets(self, message: JointState, stamp_ns: int, now_ns: int) -> None:
        """Pass on joint targets of this stamp, which came at ``now_ns``; those for another hand are ignored."""
        try:
            self._hand.joint_targets(message.name, message.position, stamp_ns, now_ns)
        except GraspDecoderError as error:
            self._node.get_logger().error(f'joint targets are ignored: {error}', throttle_duration_sec=1.0)

    def take(self) -> None:
        """Pass on the latest command and all events."""
        for message in self._commands.receive(0):
            self._hand.command(hand_command_from(message))
        for message in self._trial_events.receive(0):
            self._hand.trial_event(trial_event_from(message))

    def publish(self, simulated: SimulatorState, now_ns: int, ros_ns: int) -> None:
        """Publish the state of the hand at ``now_ns``, stamped with ROS time."""
        state = self._hand.state(simulated, now_ns)
        # Under use_sim_time the clock may stand still. Two states with one stamp would be one to tf.
        self._stamp_ns = max(ros_ns, self._stamp_ns + 1)
        self._hand_states.publish(conversion.hand_state_message(state, self._stamp_ns))
        self._joint_states.publish(
            conversion.joint_state_message(state.joint_name, state.joint_position, self._stamp_ns)
        )
