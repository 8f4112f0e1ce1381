"""hand_bridge: /decoded_grasp in, /hand/command and /hand/joint_targets out; SAFE whenever something is wrong.

It also listens to /spikes, to tell a source that pauses from one that has stopped, and to /hand/command, to notice
another hand_bridge.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.serialization import deserialize_message

from grasp_decoder import msg
from grasp_decoder.control.fault_policies import Fault, FaultKind, load_fault_policies
from grasp_decoder.control.faults import SourceClock
from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.control.hand_commander import HandCommander, Order
from grasp_decoder.control.hand_watch import FeedbackSettings
from grasp_decoder.control.settings import ControlSettings
from grasp_decoder.nodes import conversion
from grasp_decoder.nodes.audit import Audit
from grasp_decoder.nodes.bridge_diagnostics import BridgeDiagnostics
from grasp_decoder.nodes.e_stop import EStop
from grasp_decoder.nodes.hand_feedback import HandFeedback
from grasp_decoder.nodes.hand_outputs import make_output
from grasp_decoder.nodes.life import run_node
from grasp_decoder.nodes.parameters import declare
from grasp_decoder.nodes.real_time import RealTime
from grasp_decoder.nodes.receiver import Receiver
from grasp_decoder.nodes.spin import spin
from grasp_decoder.nodes.topics import advertise, subscribe
from grasp_decoder.objects import load_objects
from grasp_decoder.system import interfaces
from grasp_decoder.system.node_settings import BridgeSettings, OutputSettings, RealTimeSettings
from grasp_decoder.types.time import NS_PER_S

LAST_WORDS = Duration(seconds=0.5)


class HandBridge(Node):
    """Wires a `HandCommander` to topics.

    The main thread takes decodes, sends joint targets at a fixed rate and is the watchdog (`_work`); the e-stop and
    all else run in the thread beside it (`spin`). The lock guards the commander and the order of the commands.
    """

    def __init__(self):
        super().__init__('hand_bridge')
        settings, control = declare(self, BridgeSettings), declare(self, ControlSettings)
        feedback, policies = declare(self, FeedbackSettings), load_fault_policies(settings.faults)
        grips = load_grip_table(settings.grips, load_objects(settings.objects))
        heartbeat_s, timeout_s = settings.e_stop_heartbeat_s, settings.target_timeout_s
        self._commander = HandCommander(control, feedback, grips, policies, heartbeat_s, timeout_s)
        self._output = make_output(self, declare(self, OutputSettings), self._commander.joint_names)
        self._real_time = RealTime(self, declare(self, RealTimeSettings))
        self._period_ns = round(NS_PER_S / settings.target_rate_hz)
        self._tick_ns = 0
        self._lock = threading.Lock()
        self._last_batch: tuple[int, bytes] | None = None
        self._commands = advertise(self, interfaces.HAND_COMMAND)
        self._targets = advertise(self, interfaces.JOINT_TARGETS)
        self._decodes = Receiver(self, interfaces.DECODED_GRASP)
        self._spikes = Receiver(self, interfaces.SPIKES, depth=1)
        self._all_commands = Receiver(self, interfaces.HAND_COMMAND, depth=100)
        subscribe(self, interfaces.DECODER_INFO, self._guarded(self._new_decoder))
        hand = HandFeedback(self, feedback, self._commander, self._lock, self._guarded)
        audit = Audit(self)
        self._e_stop = EStop(self, self._commander, self._lock, self._publish, self._guarded, audit)
        self._diagnostics = BridgeDiagnostics(self, self._commander.grasps, hand.topics, audit)

    def run(self) -> None:
        """Command the hand until the process is to end, and leave it in its safe state."""
        self._real_time.apply()
        self._e_stop.press_if_it_was_pressed()
        spin(self, self._guarded(self._work), self._end, self._real_time.step_back)

    def _guarded(self, callback: Callable) -> Callable:
        """The callback, whose errors take the hand to its safe state and nothing down."""

        def guarded(*arguments):
            try:
                return callback(*arguments)
            except Exception as error:  # whatever it is, the hand must not be left as it is
                reason = f'an error in {callback.__name__.strip("_")}: {type(error).__name__}: {error}'
                self.get_logger().error(reason)
                with self._lock:
                    self._publish(self._commander.failed(Fault(FaultKind.INTERNAL, reason), time.monotonic_ns()))
                return True

        return guarded

    def _work(self) -> bool:
        for message in self._decodes.receive(max(0, self._tick_ns - time.monotonic_ns())):
            now_ns = time.monotonic_ns()
            with self._lock:
                self._publish(self._commander.decoded(conversion.decoded_grasp_from(message), now_ns), now_ns)
        now_ns = time.monotonic_ns()
        if now_ns >= self._tick_ns:
            self._tick_ns = max(self._tick_ns + self._period_ns, now_ns)
            # The latest batch stays bytes: it is read only when the source's clock is asked for.
            batch = self._spikes.take_bytes()
            self._last_batch = self._last_batch if batch is None else (now_ns, batch)
            published = [command.published_ns for command in self._all_commands.receive(0)]
            with self._lock:
                self._commander.commands_heard(published, now_ns)
                self._publish(self._commander.tick(now_ns, self._source_clock), now_ns)
        return True

    def _source_clock(self) -> SourceClock | None:
        if self._last_batch is None:
            return None
        received_ns, data = self._last_batch
        batch = conversion.spike_batch_from(deserialize_message(data, msg.SpikeBatch))
        return SourceClock(received_ns, batch.segment, batch.end_ns)

    def _publish(self, order: Order, received_ns: int = 0) -> None:
        command = order.command
        if order.announced:
            message = conversion.hand_command_message(command)
            message.published_ns = time.monotonic_ns()
            self._commander.published(message.published_ns)
            self._commands.publish(message)
            self._diagnostics.commanded(command, received_ns or message.published_ns, message.published_ns)
        names = self._commander.joint_names
        self._targets.publish(conversion.joint_state_message(names, order.angles.tolist(), command.stamp_ns))
        self._output.send(order)

    def _end(self) -> None:
        with self._lock:
            self._publish(self._commander.ended(time.monotonic_ns()))
        self._commands.wait_for_all_acked(LAST_WORDS)

    def _new_decoder(self, message: msg.DecoderInfo) -> None:
        info = conversion.decoder_info_from(message)
        with self._lock:
            if self._commander.new_decoder(info):
                self._diagnostics.bin_s = info.bin_s


def main(args=None) -> int:
    return run_node(HandBridge, args)
