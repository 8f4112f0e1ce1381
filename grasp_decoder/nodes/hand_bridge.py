# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""hand_bridge: /decoded_grasp in, /hand/command and /hand/joint_targets out; SAFE whenever something is wrong.

It also listens to /spikes, to tell a source that pauses from one that has stopped, and to /hand/command, to notice
another hand_bridge. A lifecycle node: deactivate takes the hand to its safe state. The e-stop is heard in every state.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from rclpy.duration import Duration

from grasp_decoder import msg
from grasp_decoder.control.fault_policies import Fault, FaultKind, load_fault_policies
from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.control.hand_commander import HandCommander, Order
from grasp_decoder.control.hand_watch import FeedbackSettings
from grasp_decoder.control.joint_targets import JointTargets
from grasp_decoder.control.settings import ControlSettings
from grasp_decoder.nodes import conversion
from grasp_decoder.nodes.audit import Audit
from grasp_decoder.nodes.bridge_diagnostics import BridgeDiagnostics
from grasp_decoder.nodes.bridge_in_real_time import BridgeInRealTime
from grasp_decoder.nodes.bridge_in_step import BridgeInStep
from grasp_decoder.nodes.e_stop import EStop
from grasp_decoder.nodes.hand_feedback import HandFeedback
from grasp_decoder.nodes.hand_outputs import make_output
from grasp_decoder.nodes.life import run_node
from grasp_decoder.nodes.managed_node import ManagedNode
from grasp_decoder.nodes.topics import DEEP, advertise, subscribe
from grasp_decoder.objects import load_objects
from grasp_decoder.system import interfaces
from grasp_decoder.system.bridge_lock import BridgeLock
from grasp_decoder.system.node_settings import BridgeSettings, OutputSettings
from grasp_decoder.system.replay_options import SIMULATED
from grasp_decoder.types.from_message import decoder_info_from
from grasp_decoder.types.time import NS_PER_S

LAST_WORDS = Duration(seconds=0.5)
OPENS_WITHIN_NS = NS_PER_S


class HandBridge(ManagedNode):
    """Wires a `HandCommander` to topics.

    The main thread takes decodes, sends joint targets at a fixed rate and is the watchdog (`BridgeInRealTime`; in a
    simulated world `BridgeInStep`); the e-stop and all else run in the thread beside it. The lock guards the commander
    and the order of the commands.
    """

    def __init__(self):
        super().__init__('hand_bridge', BridgeSettings, ControlSettings, FeedbackSettings, OutputSettings)
        self._lock = threading.Lock()
        self._commander: HandCommander | None = None
        self._audit = Audit(self)
        self._e_stop = EStop(self, self._lock, self._publish, self._guarded, self._audit)

    def configure(self) -> None:
        settings = self.settings_of(BridgeSettings)
        self._policies = load_fault_policies(settings.faults)
        self._grips = load_grip_table(settings.grips, load_objects(settings.objects))
        # It outlives a deactivation: a gripper has to hear of SAFE even if it answers late.
        self._output = make_output(self, self.settings_of(OutputSettings), JointTargets(self._grips).names)

    def activate(self) -> None:
        settings = self.settings_of(BridgeSettings)
        control, feedback = self.settings_of(ControlSettings), self.settings_of(FeedbackSettings)
        timeouts_s = settings.e_stop_heartbeat_s, settings.target_timeout_s
        commander = HandCommander(control, feedback, self._grips, self._policies, *timeouts_s)
        self._period_s = 1.0 / settings.target_rate_hz
        self._commands = advertise(self, interfaces.HAND_COMMAND)
        hand = HandFeedback(feedback, commander, self._lock)
        self._turns: BridgeInRealTime | BridgeInStep
        if settings.clock == SIMULATED:
            self._targets = advertise(self, interfaces.JOINT_TARGETS, DEEP)
            self._turns = BridgeInStep(self, commander, hand, self._lock, self._publish, control.pause_timeout_s)
        else:
            self._targets = advertise(self, interfaces.JOINT_TARGETS)
            self._turns = BridgeInRealTime(self, commander, self._lock, self._publish, self._period_s)
            hand.listen(self, self._guarded)
        self._guarded_work = self._guarded(self._turns.work)
        subscribe(self, interfaces.DECODER_INFO, self._guarded(self._new_decoder))
        self._diagnostics = BridgeDiagnostics(self, commander.grasps, hand.topics, self._targets, self._audit)
        # The last thing that can fail: a node that was not activated locks nothing.
        self._command_lock = BridgeLock(self.resolve_topic_name(interfaces.JOINT_TARGETS.name))
        self._commander = commander
        self._e_stop.begin(commander, self._turns.now_ns)

    def work(self) -> None:
        self._guarded_work()

    def deactivate(self) -> None:
        """Take the hand to its safe state. From then on, its own time-out keeps it there."""
        # A simulated clock stands still now: the commander's time goes on from there.
        ahead_ns = self._turns.now_ns() - time.monotonic_ns()
        until_ns = time.monotonic_ns() + OPENS_WITHIN_NS
        before, order = None, self._last_order(ahead_ns)
        while time.monotonic_ns() < until_ns and (before is None or (order.angles != before.angles).any()):
            time.sleep(self._period_s)
            before, order = order, self._last_order(ahead_ns)
        self._commands.wait_for_all_acked(LAST_WORDS)
        self._e_stop.end()
        self._commander = None
        self._command_lock.release()

    def _guarded(self, callback: Callable) -> Callable:
        """The callback, whose errors take the hand to its safe state and nothing down."""

        def guarded(*arguments):
            try:
                return callback(*arguments)
            except Exception as error:  # whatever it is, the hand must not be left as it is
                reason = f'an error in {callback.__name__.strip("_")}: {type(error).__name__}: {error}'
                self.get_logger().error(reason)
                with self._lock:
                    if self._commander is not None:
                        self._publish(self._commander.failed(Fault(FaultKind.INTERNAL, reason), self._turns.now_ns()))

        return guarded

    def _publish(self, order: Order, received_ns: int = 0) -> None:
        command = order.command
        if order.announced:
            message = conversion.hand_command_message(command)
            message.published_ns = time.monotonic_ns()
            self._commander.published(message.published_ns)
            self._commands.publish(message)
            self._diagnostics.commanded(command, received_ns or message.published_ns, message.published_ns)
        names = self._commander.joint_names
        stamp_ns = self._turns.targets_stamp_ns(command)
        self._targets.publish(conversion.joint_state_message(names, order.angles.tolist(), stamp_ns))
        self._output.send(order)

    def _last_order(self, ahead_ns: int) -> Order:
        with self._lock:
            order = self._commander.ended(time.monotonic_ns() + ahead_ns)
            self._publish(order)
        return order

    def _new_decoder(self, message: msg.DecoderInfo) -> None:
        info = decoder_info_from(message)
        with self._lock:
            if self._commander.new_decoder(info):
                self._diagnostics.bin_s = info.bin_s


def main(args=None) -> int:
    return run_node(HandBridge, args)
