# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Goals for the action server of a gripper, from the orders of hand_bridge."""

from __future__ import annotations

import time

from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient
from rclpy.action.client import ClientGoalHandle
from rclpy.node import Node
from rclpy.task import Future
from sensor_msgs.msg import JointState

from grasp_decoder.control.gripper_goals import Goal, GripperGoals
from grasp_decoder.control.hand_commander import Order
from grasp_decoder.nodes.topics import interface_type
from grasp_decoder.system.interfaces import Service
from grasp_decoder.system.node_settings import OutputSettings

RETRY_PERIOD_S = 0.1


class GripperOutput:
    """Goals for a gripper's action server. `GripperGoals` decides them, and a newer goal replaces the one before it.

    `send` may be called from any thread. Only the node's executor uses the client itself.
    """

    def __init__(self, node: Node, settings: OutputSettings, action: Service):
        self._node = node
        self._settings = settings
        self._goals = GripperGoals()
        self._action_type = interface_type(action.type)
        self._client = ActionClient(node, self._action_type, settings.output_name or action.name)
        self._running: tuple[Goal, ClientGoalHandle] | None = None
        self._stands_still = False
        self._has_server = True
        self._problem = ''
        self._wake = node.create_guard_condition(self._work)
        self._timer = node.create_timer(RETRY_PERIOD_S, self._work)

    def send(self, order: Order) -> None:
        self._stands_still = order.command.still
        if order.command.still:
            self._goals.stand_still()
        else:
            self._goals.want(order.aperture, urgent=order.safe)
        if order.announced:
            self._wake.trigger()

    def _work(self) -> None:
        now_ns = time.monotonic_ns()
        self._report(self._goals.problem)
        if not self._client.server_is_ready():
            self._goals.server_left()
            if self._has_server:
                self._node.get_logger().warning('the gripper has no action server: goals wait for it')
            self._has_server, self._running = False, None
            return
        self._has_server = True
        if self._stands_still and self._running is not None:
            self._running[1].cancel_goal_async()
            self._running = None
        goal = self._goals.next_goal(now_ns)
        if goal is not None:
            sent = self._client.send_goal_async(self._goal(goal.aperture))
            sent.add_done_callback(lambda future: self._answered(goal, future))

    def _report(self, problem: str) -> None:
        if problem and problem != self._problem:
            self._node.get_logger().error(f'the gripper: {problem}')
        self._problem = problem

    def _goal(self, aperture):
        settings = self._settings
        position = settings.gripper_open + aperture * (settings.gripper_closed - settings.gripper_open)
        goal = self._action_type.Goal()
        if isinstance(goal.command, JointState):
            goal.command.name = [settings.gripper_joint]
            goal.command.position = [position]
            goal.command.effort = [settings.gripper_max_effort]
        else:
            goal.command.position = position
            goal.command.max_effort = settings.gripper_max_effort
        return goal

    def _answered(self, goal: Goal, future: Future) -> None:
        handle = future.result()
        if not handle.accepted:
            self._goals.refused(goal, time.monotonic_ns())
            return
        if not self._goals.accepted(goal):
            handle.cancel_goal_async()  # SAFE has overtaken it
            return
        previous, self._running = self._running, (goal, handle)
        if previous is not None:
            previous[1].cancel_goal_async()  # a server of one goal at a time has done so already
        handle.get_result_async().add_done_callback(lambda result: self._ended(goal, result))
        self._work()

    def _ended(self, goal: Goal, future: Future) -> None:
        aborted = future.result().status == GoalStatus.STATUS_ABORTED
        self._goals.ended(goal, aborted, time.monotonic_ns())
        if self._running is not None and self._running[0] == goal:
            self._running = None
