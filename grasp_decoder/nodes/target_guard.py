# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""target_guard: joint targets in, the same out; when they stop, the hand's safe posture.

For drivers and controllers without a time-out of their own. It runs beside them, on the hand's computer.
"""

from __future__ import annotations

import time

import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import JointState

from grasp_decoder.control.fault_policies import Policy
from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.control.target_guard import TargetGuard as Guard
from grasp_decoder.nodes.conversion import joint_state_message
from grasp_decoder.nodes.guard_report import GuardReport
from grasp_decoder.nodes.hand_outputs import make_controller_output
from grasp_decoder.nodes.life import run_node
from grasp_decoder.nodes.parameters import declare
from grasp_decoder.nodes.real_time import RealTime
from grasp_decoder.nodes.receiver import Receiver
from grasp_decoder.nodes.spin import spin
from grasp_decoder.nodes.topics import advertise
from grasp_decoder.system.interfaces import GUARDED_TARGETS, JOINT_TARGETS
from grasp_decoder.system.node_settings import ControllerSettings, GuardSettings, RealTimeSettings
from grasp_decoder.types.from_message import stamp_ns
from grasp_decoder.types.time import NS_PER_S


class TargetGuard(Node):
    """Wires a `Guard` to topics: targets pass as they come, and a timer notices that they do not."""

    def __init__(self):
        super().__init__('target_guard')
        settings = declare(self, GuardSettings)
        self._guard = guard = Guard(
            load_grip_table(settings.grips), settings.target_timeout_s, Policy(settings.on_loss)
        )
        self._period_ns = round(NS_PER_S / settings.rate_hz)
        self._tick_ns = time.monotonic_ns()
        self._stamp_ns = 0
        self._real_time = RealTime(self, declare(self, RealTimeSettings))
        self._controller = make_controller_output(self, declare(self, ControllerSettings), guard.names)
        self._guarded = advertise(self, GUARDED_TARGETS)
        # Depth 1: an old target is of no use to a hand.
        self._targets = Receiver(self, JOINT_TARGETS, depth=1)
        self._report = GuardReport(self, guard)

    def run(self) -> None:
        """Guard until ROS shuts down."""
        self._real_time.apply()
        spin(self, self._work)

    def _work(self) -> bool:
        came = False
        for message in self._targets.receive(max(0, self._tick_ns - time.monotonic_ns())):
            came = self._take(message) or came
        now_ns = time.monotonic_ns()
        if came or now_ns >= self._tick_ns:
            self._guard.stood_still(max(0, now_ns - self._tick_ns - self._period_ns))
            self._tick_ns = now_ns + self._period_ns
            self._send(now_ns, came)
        return True

    def _take(self, message: JointState) -> bool:
        angles = dict(zip(message.name, message.position))
        targets = np.array([angles.get(name, np.nan) for name in self._guard.names])
        if not self._guard.take(targets, time.monotonic_ns()):
            return False
        self._stamp_ns = stamp_ns(message.header.stamp)
        return True

    def _send(self, now_ns: int, came: bool) -> None:
        """Targets that came pass at once; what the guard itself wants is sent at a fixed rate."""
        targets = self._guard.targets(now_ns)
        self._report.look()
        if targets is not None and (came or self._guard.lost):
            self._guarded.publish(joint_state_message(self._guard.names, targets.tolist(), self._stamp_ns))
            if self._controller is not None:
                self._controller.command(targets)


def main(args=None) -> int:
    return run_node(TargetGuard, args)
