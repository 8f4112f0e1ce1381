"""hand_bridge: /decoded_grasp in, /hand/command and /hand/joint_targets out; SAFE whenever something is wrong.

It also listens to /spikes, as bytes, to tell a source that pauses from one that has stopped.
"""

from __future__ import annotations

import threading
import time

from rclpy.node import Node
from rclpy.serialization import deserialize_message
from std_msgs.msg import Bool
from std_srvs.srv import Trigger

from grasp_decoder import msg
from grasp_decoder.control.faults import SourceClock
from grasp_decoder.control.grasp_controller import GraspController
from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.control.joint_targets import JointTargets
from grasp_decoder.control.settings import ControlSettings
from grasp_decoder.nodes.bridge_diagnostics import BridgeDiagnostics
from grasp_decoder.nodes.conversion import (
    decoded_grasp_from,
    decoder_info_from,
    hand_command_message,
    joint_state_message,
    spike_batch_from,
)
from grasp_decoder.nodes.hand_outputs import make_output
from grasp_decoder.nodes.parameters import declare
from grasp_decoder.nodes.receiver import Receiver
from grasp_decoder.nodes.sole_publisher import SolePublisher
from grasp_decoder.nodes.spin import prefer_real_time, run_node, spin
from grasp_decoder.nodes.topics import advertise, serve, subscribe
from grasp_decoder.objects import load_objects
from grasp_decoder.system.interfaces import (
    DECODED_GRASP,
    DECODER_INFO,
    E_STOP,
    HAND_COMMAND,
    JOINT_TARGETS,
    RESET,
    SPIKES,
)
from grasp_decoder.system.node_settings import BridgeSettings, OutputSettings, RealTimeSettings
from grasp_decoder.types.hand_command import HandCommand, HandMode

WATCHDOG_NS = 20_000_000


class HandBridge(Node):
    """Wires a `GraspController` to topics.

    The main thread takes decodes, commands the hand and is the watchdog (`_work`); the e-stop and all else run in the
    thread beside it (`spin`). The lock guards the controller and the order of the commands.
    """

    def __init__(self):
        super().__init__('hand_bridge')
        settings = declare(self, BridgeSettings)
        grips = load_grip_table(settings.grips, load_objects(settings.objects))
        self._controller = GraspController(declare(self, ControlSettings), grips)
        self._joints = JointTargets(grips)
        self._output = make_output(self, declare(self, OutputSettings), self._joints.names)
        self._real_time = declare(self, RealTimeSettings)
        self._lock = threading.Lock()
        self._decoder_sha256 = ''
        self._state: HandMode | None = None
        self._last_batch: tuple[int, bytes] | None = None
        self._commands = advertise(self, HAND_COMMAND)
        self._targets = advertise(self, JOINT_TARGETS)
        self._decodes = Receiver(self, DECODED_GRASP)
        self._spikes = Receiver(self, SPIKES, depth=1)
        subscribe(self, DECODER_INFO, self._new_decoder)
        subscribe(self, E_STOP, self._e_stop)
        serve(self, RESET, self._reset)
        self._diagnostics = BridgeDiagnostics(self)
        self._sole = SolePublisher(self, HAND_COMMAND)

    def run(self) -> None:
        """Command the hand until ROS shuts down."""
        for refused in prefer_real_time(self._real_time.priority, self._real_time.cpu):
            self.get_logger().warning(refused)
        spin(self, self._work)

    # --- main thread

    def _work(self) -> bool:
        for message in self._decodes.receive(WATCHDOG_NS):
            now_ns = time.monotonic_ns()
            with self._lock:
                self._publish(self._controller.step(decoded_grasp_from(message), now_ns), now_ns)
        self._note_spikes()
        now_ns = time.monotonic_ns()
        with self._lock:
            command = self._controller.watchdog(now_ns, self._source_clock)
            if command is not None:
                self._publish(command, now_ns)
        return True

    def _note_spikes(self) -> None:
        """Take the latest batch, as bytes: it is read only when the source's clock is asked for.

        Not in the thread beside, which would want a CPU at the moment at which the decoder needs it most.
        """
        batch = self._spikes.take_bytes()
        if batch is not None:
            self._last_batch = time.monotonic_ns(), batch

    def _source_clock(self) -> SourceClock | None:
        if self._last_batch is None:
            return None
        received_ns, serialized = self._last_batch
        batch = spike_batch_from(deserialize_message(serialized, msg.SpikeBatch))
        return SourceClock(received_ns, batch.segment, batch.end_ns)

    def _publish(self, command: HandCommand, now_ns: int) -> None:
        message = hand_command_message(command)
        message.published_ns = time.monotonic_ns()
        self._commands.publish(message)
        angles = self._joints.step(command, now_ns)
        self._targets.publish(joint_state_message(self._joints.names, angles, command.stamp_ns))
        self._output.send(angles, self._controller.target_aperture(), safe=command.state == HandMode.SAFE)
        if command.state != self._state:
            self._state = command.state
            self.get_logger().info(f'{command.state.name}: {command.reason}')
        self._diagnostics.commanded(command, now_ns, message.published_ns)

    # --- thread beside it

    def _new_decoder(self, message: msg.DecoderInfo) -> None:
        info = decoder_info_from(message)
        if info.bundle_sha256 == self._decoder_sha256:
            return  # published again, as when its back end changes
        self._decoder_sha256 = info.bundle_sha256
        object_ids = info.object_id if 'object' in info.tasks else ()
        with self._lock:
            self._controller.configure(object_ids, info.bin_s, info.look_back)
            self._diagnostics.bin_s = info.bin_s

    def _e_stop(self, message: Bool) -> None:
        if message.data:
            now_ns = time.monotonic_ns()
            with self._lock:
                self._publish(self._controller.e_stop(now_ns), now_ns)

    def _reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        with self._lock:
            self._controller.reset()
        response.success = True
        response.message = 'e-stop released: the hand opens after healthy decodes at rest'
        return response


def main(args=None) -> int:
    return run_node(HandBridge, args)


if __name__ == '__main__':
    raise SystemExit(main())
