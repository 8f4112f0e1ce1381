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
deactivate opens the hand and lets time stand still. With ``autostart`` the node configures and activates itself.
"""

from __future__ import annotations

import time

from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.control.target_guard import TargetGuard
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.hand.commanded_hand import CommandedHand
from grasp_decoder.hand.object_models import require_models
from grasp_decoder.hand.pictures.onlookers import Onlookers
from grasp_decoder.hand.rig import GraspRig
from grasp_decoder.hand.simulator import HandSimulator, open_simulator
from grasp_decoder.nodes import conversion
from grasp_decoder.nodes.guard_report import GuardReport
from grasp_decoder.nodes.life import goes_on, run_node
from grasp_decoder.nodes.managed_node import ManagedNode
from grasp_decoder.nodes.receiver import Receiver
from grasp_decoder.nodes.ros_simulator import RosSimulator
from grasp_decoder.nodes.topics import advertise
from grasp_decoder.objects import ObjectCatalogue, load_objects
from grasp_decoder.system.interfaces import HAND_COMMAND, HAND_STATE, JOINT_STATES, JOINT_TARGETS, TRIAL_EVENTS
from grasp_decoder.system.node_settings import SimulatedHandSettings
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
        return open_simulator(settings.simulator, settings.speed)

    def activate(self) -> None:
        self._report = GuardReport(self, self._guard)
        # Depth 1: an old target is of no use to a hand, and it must not work off a backlog.
        self._joint_targets = Receiver(self, JOINT_TARGETS, depth=1)
        self._commands = Receiver(self, HAND_COMMAND, depth=1)
        self._trial_events = Receiver(self, TRIAL_EVENTS)
        self._hand_states = advertise(self, HAND_STATE)
        self._joint_states = advertise(self, JOINT_STATES)
        self._stamp_ns = 0
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
        for message in self._joint_targets.receive(max(0, self._due_ns - time.monotonic_ns())):
            stamp_ns = conversion.stamp_ns(message.header.stamp)
            try:
                self._hand.joint_targets(message.name, message.position, stamp_ns, time.monotonic_ns())
            except GraspDecoderError as error:
                self.get_logger().error(f'joint targets are ignored: {error}', throttle_duration_sec=1.0)
        for message in self._commands.receive(0):
            self._hand.command(conversion.hand_command_from(message))
        for message in self._trial_events.receive(0):
            self._hand.trial_event(conversion.trial_event_from(message))
        self._go_on()

    def _go_on(self) -> None:
        now_ns = time.monotonic_ns()
        if now_ns >= self._due_ns:
            self._due_ns = max(self._due_ns + PERIOD_NS, now_ns)
            self._hand.stood_still(max(0, now_ns - self._before_ns - 2 * PERIOD_NS))
            self._advance(min((now_ns - self._before_ns) / NS_PER_S * self._speed, MAX_STEP_S))
            self._before_ns = now_ns

    def _advance(self, dt_s: float) -> None:
        simulated = self._hand.advance(dt_s, time.monotonic_ns())
        self._report.look()
        self._onlookers.show(simulated, dt_s)
        state = self._hand.state(simulated, time.monotonic_ns())
        # Under use_sim_time the clock may stand still. Two states with one stamp would be one to tf.
        self._stamp_ns = max(self.get_clock().now().nanoseconds, self._stamp_ns + 1)
        self._hand_states.publish(conversion.hand_state_message(state, self._stamp_ns))
        self._joint_states.publish(
            conversion.joint_state_message(state.joint_name, state.joint_position, self._stamp_ns)
        )


def main(args=None) -> int:
    return run_node(SimulatedHandNode, args)
