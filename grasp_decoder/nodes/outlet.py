# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""outlet: decodes and hand commands for programs that do not speak ROS, by LSL and as JSON lines on a ZeroMQ socket.

It only listens, in a process of its own: nothing that it does delays the hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.node import Node

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.nodes.diagnostics import Diagnostics, status
from grasp_decoder.nodes.life import run_node
from grasp_decoder.nodes.parameters import declare
from grasp_decoder.nodes.spin import spin_alone
from grasp_decoder.nodes.topics import subscribe
from grasp_decoder.outlets.json_lines import JsonLines
from grasp_decoder.outlets.outlet import Outlet
from grasp_decoder.system.interfaces import DECODED_GRASP, HAND_COMMAND
from grasp_decoder.system.node_settings import OutletSettings
from grasp_decoder.types.from_message import decoded_grasp_from, hand_command_from


class OutletNode(Node):
    """Hands every decode and command to each `Outlet`."""

    def __init__(self):
        super().__init__('outlet')
        self._outlets = list(self._open(declare(self, OutletSettings)))
        self._sent = {'decodes': 0, 'commands': 0}
        subscribe(self, DECODED_GRASP, self._decode)
        subscribe(self, HAND_COMMAND, self._command)
        self._diagnostics = Diagnostics(self, self._statuses, needs=(DECODED_GRASP, HAND_COMMAND))

    def run(self) -> None:
        """Send until ROS shuts down."""
        try:
            spin_alone(self)
        finally:
            for outlet in self._outlets:
                outlet.close()

    def _open(self, settings: OutletSettings) -> Iterator[Outlet]:
        if settings.zmq:
            yield JsonLines(settings.zmq)
        if settings.lsl:
            yield _lsl_outlets()(f'grasp_decoder{self.get_namespace().rstrip("/")}')

    def _decode(self, message) -> None:
        self._sent['decodes'] += 1
        decode = decoded_grasp_from(message)
        for outlet in self._outlets:
            outlet.send_decode(decode)

    def _command(self, message) -> None:
        self._sent['commands'] += 1
        command = hand_command_from(message)
        for outlet in self._outlets:
            outlet.send_command(command)

    def _statuses(self) -> list[DiagnosticStatus]:
        return [status('outlet: messages', DiagnosticStatus.OK, 'sending', self._sent)]


def _lsl_outlets() -> Callable[[str], Outlet]:
    """The class for LSL; its library is imported only now, and may be missing."""
    try:
        from grasp_decoder.outlets.lsl import LslOutlets
    except ImportError as error:
        raise GraspDecoderError(f'outlet: no LSL: {error}') from None
    return LslOutlets


def main(args=None) -> int:
    return run_node(OutletNode, args)
