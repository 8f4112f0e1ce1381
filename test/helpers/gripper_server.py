# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""A gripper's action server as a process of its own: ``gripper_server.py TYPE ANSWER...``.

Each goal is answered by the next of the answers ``reach``, ``reject``, ``abort`` and ``never`` (taken, and never
ended); when they are used up, every goal is reached. Each goal is printed as a line ``ANSWER POSITION``.
"""

import sys

import rclpy
from control_msgs import action
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from sensor_msgs.msg import JointState


class Gripper:
    """Does with each goal what the answers say."""

    def __init__(self, node, action_type, answers):
        self._type, self._answers, self._now = action_type, answers, 'reach'
        self._server = ActionServer(
            node,
            action_type,
            '/gripper_controller/gripper_cmd',
            self._execute,
            goal_callback=self._take,
            handle_accepted_callback=self._begin,
            cancel_callback=lambda handle: CancelResponse.ACCEPT,
        )

    def _take(self, goal):
        self._now = self._answers.pop(0) if self._answers else 'reach'
        position = goal.command.position
        print(self._now, round(position[0] if isinstance(goal.command, JointState) else position, 3), flush=True)
        return GoalResponse.REJECT if self._now == 'reject' else GoalResponse.ACCEPT

    def _begin(self, handle):
        if self._now != 'never':
            handle.execute()

    def _execute(self, handle):
        handle.abort() if self._now == 'abort' else handle.succeed()
        return self._type.Result()


def main():
    rclpy.init()
    node = rclpy.create_node('gripper')
    gripper = Gripper(node, getattr(action, sys.argv[1]), sys.argv[2:])
    rclpy.spin(node)
    del gripper


if __name__ == '__main__':
    main()
