"""simulated_hand: a hand in a simulator that follows the same topics as a real one.

It runs a `GraspRig` in step with CLOCK_MONOTONIC and says 100 times a second how hand and object are. The object of a
trial is put in reach at the trial's first event.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import numpy as np
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import JointState

from grasp_decoder import msg
from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.control.target_guard import TargetGuard
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.hand.object_models import require_models
from grasp_decoder.hand.pictures.first_grasp import FirstGrasp
from grasp_decoder.hand.pictures.viewer import Viewer
from grasp_decoder.hand.rig import GraspRig
from grasp_decoder.hand.simulator import open_simulator
from grasp_decoder.hand.state import SimulatorState
from grasp_decoder.nodes.conversion import (
    hand_command_from,
    hand_state_message,
    joint_state_message,
    stamp_ns,
    trial_event_from,
)
from grasp_decoder.nodes.parameters import declare
from grasp_decoder.nodes.ros_simulator import RosSimulator
from grasp_decoder.nodes.spin import run_node
from grasp_decoder.nodes.topics import advertise, subscribe
from grasp_decoder.objects import load_objects
from grasp_decoder.system.interfaces import HAND_COMMAND, HAND_STATE, JOINT_STATES, JOINT_TARGETS, TRIAL_EVENTS
from grasp_decoder.system.node_settings import SimulatedHandSettings
from grasp_decoder.types.hand_command import HandCommand, HandMode
from grasp_decoder.types.hand_state import HandState
from grasp_decoder.types.time import NS_PER_S

PERIOD_NS = 10_000_000
MAX_STEP_S = 0.1


class SimulatedHandNode(Node):
    """Wires a `GraspRig` to topics."""

    def __init__(self):
        super().__init__('simulated_hand')
        self._settings = declare(self, SimulatedHandSettings)
        objects = load_objects(self._settings.objects)
        name = self._settings.simulator
        if name == 'ros':
            self._simulator = RosSimulator(self)
        else:
            require_models(objects)
            self._simulator = open_simulator(name, self._settings.speed)
        self._rig = GraspRig(self._simulator, objects)
        self._guard = TargetGuard(load_grip_table(objects=objects), self._settings.target_timeout_s)
        self._pictures = FirstGrasp(Path(self._settings.picture)) if self._settings.picture else None
        self._viewer = self._open_viewer() if self._settings.viewer else None
        self._drawing: subprocess.Popen | None = None
        self._trial: tuple[int, int] | None = None
        self._command = HandCommand(0, 0, HandMode.SAFE, '', 0.0, '')
        self._targets: dict[str, float] = {}
        self._changed_stamp_ns = -1
        self._command_due_ns = 0
        subscribe(self, JOINT_TARGETS, self._on_joint_targets)
        subscribe(self, HAND_COMMAND, self._on_command)
        subscribe(self, TRIAL_EVENTS, self._on_trial_event)
        self._hand_states = advertise(self, HAND_STATE)
        self._joint_states = advertise(self, JOINT_STATES)

    def run(self) -> None:
        """Simulate until ROS shuts down."""
        executor = SingleThreadedExecutor(context=self.context)
        executor.add_node(self)
        before_ns = time.monotonic_ns()
        due_ns = before_ns + PERIOD_NS
        try:
            while self.context.ok():
                # Listens also when it is late: a busy machine must not make the hand deaf.
                executor.spin_once(timeout_sec=max(0, due_ns - time.monotonic_ns()) / NS_PER_S)
                now_ns = time.monotonic_ns()
                if now_ns < due_ns:
                    continue
                due_ns = max(due_ns + PERIOD_NS, now_ns)
                self._guard.stood_still(max(0, now_ns - before_ns - 2 * PERIOD_NS))
                self._advance(min((now_ns - before_ns) / NS_PER_S * self._settings.speed, MAX_STEP_S))
                before_ns = now_ns
        finally:
            self._simulator.close()
            if self._viewer:
                self._viewer.close()
            if self._drawing:
                self._drawing.wait()

    def _on_trial_event(self, message: msg.TrialEvent) -> None:
        event = trial_event_from(message)
        if (event.trial, event.segment) != self._trial:
            self._trial = event.trial, event.segment
            self._rig.place(event.object_id)

    def _on_command(self, message: msg.HandCommand) -> None:
        self._command = hand_command_from(message)
        self._rig.set_mode(self._command.state)
        self._note_change()

    def _on_joint_targets(self, message: JointState) -> None:
        targets = dict(zip(message.name, message.position))
        if targets != self._targets:
            self._targets = targets
            self._changed_stamp_ns = stamp_ns(message.header.stamp)
            self._rig.command(targets)
            self._note_change()
        if all(name in targets for name in self._guard.names):
            self._guard.take(np.array([targets[name] for name in self._guard.names]), time.monotonic_ns())

    def _note_change(self) -> None:
        """Joint targets and their command share a stamp and come in either order."""
        if self._command.stamp_ns == self._changed_stamp_ns:
            self._command_due_ns = self._command.due_ns

    def _advance(self, dt_s: float) -> None:
        guarded = self._guard.targets(time.monotonic_ns())
        if self._guard.lost:
            self._rig.set_mode(HandMode.SAFE)
            self._rig.command(dict(zip(self._guard.names, guarded.tolist())))
        hand = self._rig.advance(dt_s)
        if self._pictures:
            self._watch(hand, dt_s)
        if self._viewer:
            self._show(hand, dt_s)
        names = self._simulator.joint_names
        state = HandState(
            stamp_ns=self._command.stamp_ns,
            monotonic_ns=time.monotonic_ns(),
            lift=hand.lift_m,
            contact=hand.contact,
            command_due_ns=self._command_due_ns,
            joint_name=names,
            joint_position=hand.joint_position,
            object_id=hand.object_id,
        )
        self._hand_states.publish(hand_state_message(state))
        self._joint_states.publish(joint_state_message(names, hand.joint_position, state.stamp_ns))

    def _open_viewer(self) -> Viewer | None:
        try:
            return Viewer(self._settings.objects)
        except GraspDecoderError as error:
            self.get_logger().warning(str(error))
            return None

    def _show(self, hand: SimulatorState, dt_s: float) -> None:
        try:
            self._viewer.show(hand, dt_s)
        except GraspDecoderError as error:
            self._viewer.close()
            self._viewer = None
            self.get_logger().warning(str(error))

    def _watch(self, hand: SimulatorState, dt_s: float) -> None:
        try:
            self._drawing = self._pictures.watch(hand, dt_s) or self._drawing
        except (GraspDecoderError, OSError) as error:
            self._pictures = None
            self.get_logger().warning(str(error))


def main(args=None) -> int:
    """Entry point of the executable."""
    return run_node(SimulatedHandNode, args)
