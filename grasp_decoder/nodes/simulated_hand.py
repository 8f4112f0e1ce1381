# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""simulated_hand: a hand in a simulator that follows the same topics as a real one.

It runs a `CommandedHand` in step with CLOCK_MONOTONIC, and publishes 100 times a second how the hand and the object
are. The object of a trial is put in reach at the trial's first event. A lifecycle node: configure opens the simulator,
deactivate opens the hand and lets time stand still. With ``autostart`` the node configures and activates itself. With
``clock:=simulated`` it publishes /clock, and simulates the next moment once hand_bridge has answered for the last one.
"""

from __future__ import annotations

import time
from contextlib import nullcontext

from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.control.target_guard import TargetGuard
from grasp_decoder.hand.commanded_hand import CommandedHand
from grasp_decoder.hand.object_models import require_models
from grasp_decoder.hand.pictures.onlookers import Onlookers
from grasp_decoder.hand.rig import GraspRig
from grasp_decoder.hand.simulator import HandSimulator, open_simulator
from grasp_decoder.nodes.guard_report import GuardReport
from grasp_decoder.nodes.hand_topics import HandTopics
from grasp_decoder.nodes.life import give_up, goes_on, run_node
from grasp_decoder.nodes.managed_node import ManagedNode
from grasp_decoder.nodes.receiver import Receiver
from grasp_decoder.nodes.ros_simulator import RosSimulator
from grasp_decoder.nodes.signals import not_cut_short
from grasp_decoder.nodes.stepped_clock import STEP_NS, SteppedClock
from grasp_decoder.nodes.topics import DEEP
from grasp_decoder.objects import ObjectCatalogue, load_objects
from grasp_decoder.system.interfaces import JOINT_TARGETS
from grasp_decoder.system.node_settings import SimulatedHandSettings
from grasp_decoder.system.replay_options import SIMULATED
from grasp_decoder.types.from_message import stamp_ns
from grasp_decoder.types.time import NS_PER_S

PERIOD_NS = 10_000_000
MAX_STEP_S = 0.1
OPENS_WITHIN_NS = NS_PER_S


class SimulatedHandNode(ManagedNode):
    """Wires a `CommandedHand` to topics."""

    def __init__(self):
        super().__init__('simulated_hand', SimulatedHandSettings)

    def configure(self) -> None:
        settings = self.settings_of(SimulatedHandSettings)
        objects = load_objects(settings.objects)
        guard = TargetGuard(load_grip_table(objects=objects), settings.target_timeout_s)
        warn = self.get_logger().warning
        self._onlookers = Onlookers(settings.picture, settings.viewer, settings.objects, warn)
        self._simulator = self._open_simulator(settings, objects)
        # It outlives a deactivation: targets that would close the hand again do not pass.
        self._guard = guard
        self._hand = CommandedHand(GraspRig(self._simulator, objects), self._simulator.joint_names, guard)
        self._speed = settings.speed

    def _open_simulator(self, settings: SimulatedHandSettings, objects: ObjectCatalogue) -> HandSimulator:
        if settings.simulator == 'ros':
            return RosSimulator(self)
        require_models(objects)
        # MuJoCo loads GLFW, which asks children for versions.
        with not_cut_short() if settings.simulator == 'mujoco' else nullcontext():
            return open_simulator(settings.simulator, settings.speed)

    def activate(self) -> None:
        self._report = GuardReport(self, self._guard)
        settings = self.settings_of(SimulatedHandSettings)
        self._world = SteppedClock(self, settings.speed, self._publish) if settings.clock == SIMULATED else None
        # Depth 1: an old target is of no use to a hand, and it must not work off a backlog. With a simulated clock each
        # moment has its own.
        self._joint_targets = Receiver(self, JOINT_TARGETS, depth=DEEP if self._world else 1)
        self._topics = HandTopics(self, self._hand)
        self._simulated = self._simulator.state()
        self._before_ns = time.monotonic_ns()
        self._due_ns = self._before_ns + PERIOD_NS

    def deactivate(self) -> None:
        """Open the hand, unless it ends with its process."""
        self._hand.let_go('the hand is deactivated')
        until_ns = time.monotonic_ns() + OPENS_WITHIN_NS
        while goes_on(self) and not self._hand.is_open(self._simulator.state()) and time.monotonic_ns() < until_ns:
            time.sleep(PERIOD_NS / NS_PER_S)
            self._go_on()

    def clean_up(self) -> None:
        self._simulator.close()
        self._onlookers.close()

    def work(self) -> None:
        if self._world is None:
            self._work_in_real_time()
        elif self._hear_answer(self._world):
            self._topics.take()
            self._go_on()
            self._world.tell()

    def _hear_answer(self, world: SteppedClock) -> bool:
        """Wait for a while for the answer to the present moment; end when there will be none."""
        answered = False
        for message in self._joint_targets.receive(PERIOD_NS):
            answered_ns = stamp_ns(message.header.stamp)
            if world.is_answered_by(answered_ns):
                answered = True
                self._topics.take_targets(message, answered_ns, answered_ns)
        if not answered and (trouble := world.wait()):
            give_up(trouble)
        return answered

    def _work_in_real_time(self) -> None:
        for message in self._joint_targets.receive(max(0, self._due_ns - time.monotonic_ns())):
            self._topics.take_targets(message, stamp_ns(message.header.stamp), time.monotonic_ns())
        self._topics.take()
        self._go_on()

    def _go_on(self) -> None:
        if self._world is not None:
            self._world.step()
            self._advance(STEP_NS / NS_PER_S, self._world.time_ns)
            return
        now_ns = time.monotonic_ns()
        if now_ns >= self._due_ns:
            self._due_ns = max(self._due_ns + PERIOD_NS, now_ns)
            self._hand.stood_still(max(0, now_ns - self._before_ns - 2 * PERIOD_NS))
            dt_s = min((now_ns - self._before_ns) / NS_PER_S * self._speed, MAX_STEP_S)
            self._advance(dt_s, time.monotonic_ns())
            self._publish()
            self._before_ns = now_ns

    def _advance(self, dt_s: float, now_ns: int) -> None:
        self._simulated = self._hand.advance(dt_s, now_ns)
        self._report.look()
        self._onlookers.show(self._simulated, dt_s)

    def _publish(self) -> None:
        if self._world is None:
            self._topics.publish(self._simulated, time.monotonic_ns(), self.get_clock().now().nanoseconds)
        else:
            self._topics.publish(self._simulated, self._world.time_ns, self._world.time_ns)


def main(args=None) -> int:
    return run_node(SimulatedHandNode, args)
