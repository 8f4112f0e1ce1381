"""simulated_hand: a hand in a simulator that follows the same topics as a real one.

It runs a `CommandedHand` in step with CLOCK_MONOTONIC, and publishes 100 times a second how the hand and the object
are. The object of a trial is put in reach at the trial's first event.
"""

from __future__ import annotations

import time

from rclpy.node import Node

from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.control.target_guard import TargetGuard
from grasp_decoder.hand.commanded_hand import CommandedHand
from grasp_decoder.hand.object_models import require_models
from grasp_decoder.hand.pictures.onlookers import Onlookers
from grasp_decoder.hand.rig import GraspRig
from grasp_decoder.hand.simulator import HandSimulator, open_simulator
from grasp_decoder.nodes import conversion
from grasp_decoder.nodes.guard_report import GuardReport
from grasp_decoder.nodes.life import run_node
from grasp_decoder.nodes.parameters import declare
from grasp_decoder.nodes.receiver import Receiver
from grasp_decoder.nodes.ros_simulator import RosSimulator
from grasp_decoder.nodes.spin import spin
from grasp_decoder.nodes.topics import advertise
from grasp_decoder.objects import ObjectCatalogue, load_objects
from grasp_decoder.system.interfaces import HAND_COMMAND, HAND_STATE, JOINT_STATES, JOINT_TARGETS, TRIAL_EVENTS
from grasp_decoder.system.node_settings import SimulatedHandSettings
from grasp_decoder.types.time import NS_PER_S

PERIOD_NS = 10_000_000
MAX_STEP_S = 0.1


class SimulatedHandNode(Node):
    """Wires a `CommandedHand` to topics."""

    def __init__(self):
        super().__init__('simulated_hand')
        self._settings = settings = declare(self, SimulatedHandSettings)
        objects = load_objects(settings.objects)
        self._simulator = self._open_simulator(objects)
        guard = TargetGuard(load_grip_table(objects=objects), settings.target_timeout_s)
        self._report = GuardReport(self, guard)
        self._hand = CommandedHand(GraspRig(self._simulator, objects), self._simulator.joint_names, guard)
        warn = self.get_logger().warning
        self._onlookers = Onlookers(settings.picture, settings.viewer, settings.objects, warn)
        # Depth 1: an old target is of no use to a hand, and it must not work off a backlog.
        self._joint_targets = Receiver(self, JOINT_TARGETS, depth=1)
        self._commands = Receiver(self, HAND_COMMAND, depth=1)
        self._trial_events = Receiver(self, TRIAL_EVENTS)
        self._hand_states = advertise(self, HAND_STATE)
        self._joint_states = advertise(self, JOINT_STATES)
        self._stamp_ns = 0

    def _open_simulator(self, objects: ObjectCatalogue) -> HandSimulator:
        if self._settings.simulator == 'ros':
            return RosSimulator(self)
        require_models(objects)
        return open_simulator(self._settings.simulator, self._settings.speed)

    def run(self) -> None:
        """Simulate until ROS shuts down."""
        self._before_ns = time.monotonic_ns()
        self._due_ns = self._before_ns + PERIOD_NS
        try:
            spin(self, self._work)
        finally:
            self._simulator.close()
            self._onlookers.close()

    def _work(self) -> bool:
        for message in self._joint_targets.receive(max(0, self._due_ns - time.monotonic_ns())):
            stamp_ns = conversion.stamp_ns(message.header.stamp)
            self._hand.joint_targets(message.name, message.position, stamp_ns, time.monotonic_ns())
        for message in self._commands.receive(0):
            self._hand.command(conversion.hand_command_from(message))
        for message in self._trial_events.receive(0):
            self._hand.trial_event(conversion.trial_event_from(message))
        now_ns = time.monotonic_ns()
        if now_ns >= self._due_ns:
            self._due_ns = max(self._due_ns + PERIOD_NS, now_ns)
            self._hand.stood_still(max(0, now_ns - self._before_ns - 2 * PERIOD_NS))
            self._advance(min((now_ns - self._before_ns) / NS_PER_S * self._settings.speed, MAX_STEP_S))
            self._before_ns = now_ns
        return True

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
