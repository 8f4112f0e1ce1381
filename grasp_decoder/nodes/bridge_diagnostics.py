# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What hand_bridge says about itself on /diagnostics."""

from __future__ import annotations

from collections.abc import Sequence

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.node import Node
from rclpy.publisher import Publisher

from grasp_decoder.control.grasp_log import GraspLog
from grasp_decoder.decoding.stage_times import StageTimes
from grasp_decoder.nodes.audit import Audit
from grasp_decoder.nodes.diagnostics import Diagnostics, stage_values, status
from grasp_decoder.nodes.topics import count_publishers, full_name
from grasp_decoder.system.interfaces import DECODED_GRASP, DECODER_INFO, SPIKES, Topic
from grasp_decoder.types.hand_command import HandCommand, HandMode
from grasp_decoder.types.time import NS_PER_S


class BridgeDiagnostics:
    """What the hand is told and why, its grasps, its listeners, the latency, the audit log, the connections."""

    def __init__(self, node: Node, grasps: GraspLog, feedback: Sequence[Topic], targets: Publisher, audit: Audit):
        """``feedback``: the topic that the hand answers on, if it does; ``targets``: publishes its joint targets."""
        self._node = node
        self._targets = targets
        self._audit = audit
        self._feedback = feedback
        self._listeners = self._most_listeners = self._answering = 0
        self._grasps = grasps
        self.bin_s = float('inf')
        self._times = StageTimes(('decode', 'command'))
        self._command: HandCommand | None = None
        self._safe_times = 0
        self._diagnostics = Diagnostics(node, self._statuses, needs=(DECODER_INFO, DECODED_GRASP, SPIKES, *feedback))

    def commanded(self, command: HandCommand, received_ns: int, published_ns: int) -> None:
        """A command was published. Its cause, a decode or the watchdog, came at ``received_ns``."""
        last, self._command = self._command, command
        entered = last is None or last.state != command.state
        is_safe = command.state == HandMode.SAFE
        self._safe_times += entered and is_safe
        if entered or (is_safe and last.reason != command.reason):
            self._node.get_logger().info(f'{command.state.name}: {command.reason}')
        if command.due_ns:
            self._times.add(
                self.bin_s, (received_ns - command.due_ns) / NS_PER_S, (published_ns - received_ns) / NS_PER_S
            )

    def _statuses(self) -> list[DiagnosticStatus]:
        return [
            self._state(),
            status(
                'hand_bridge: grasps',
                DiagnosticStatus.OK,
                f'the latest: {self._grasps.last}',
                {
                    'tried': self._grasps.tried,
                    'closed': self._grasps.closed,
                    'held': 'not known' if self._grasps.held is None else self._grasps.held,
                },
            ),
            self._hearing(),
            *([self._answers()] if self._feedback else []),
            status('hand_bridge: latency', DiagnosticStatus.OK, 'bin edge to hand command', stage_values(self._times)),
            self._audit.status(),
        ]

    def _hearing(self) -> DiagnosticStatus:
        """Whether all who ever listened to joint targets still do: a hand may be the one who does not."""
        before, self._listeners = self._listeners, self._targets.get_subscription_count()
        self._most_listeners = max(self._most_listeners, self._listeners)
        gone = self._most_listeners - self._listeners
        level = DiagnosticStatus.WARN if gone else DiagnosticStatus.OK
        summary = f'{self._listeners} listen to {self._targets.topic_name}' + (f', {gone} are gone' if gone else '')
        if self._listeners < before:
            self._node.get_logger().warning(summary)
        return status('hand_bridge: listeners', level, summary, {'listeners': self._listeners, 'gone': gone})

    def _answers(self) -> DiagnosticStatus:
        """Whether more than one answers for the hand: what one of them does not do, the other may hide."""
        before = self._answering
        [topic] = self._feedback
        self._answering = count_publishers(self._node, topic)
        summary = f'{self._answering} publish {full_name(self._node, topic)}'
        level = DiagnosticStatus.OK
        if self._answering > 1:
            level = DiagnosticStatus.WARN
            summary += ': of two hands one hides what the other does; leave only one that says where these joints are'
            if self._answering > before:
                self._node.get_logger().warning(summary)
        return status('hand_bridge: answers', level, summary, {'publishers': self._answering})

    def _state(self) -> DiagnosticStatus:
        command = self._command
        if command is None:
            return status('hand_bridge: hand', DiagnosticStatus.STALE, 'no command yet', {})
        level = DiagnosticStatus.WARN if command.state == HandMode.SAFE else DiagnosticStatus.OK
        return status(
            'hand_bridge: hand',
            level,
            f'{command.state.name}: {command.reason}',
            {
                'state': command.state.name,
                'grip': command.grip,
                'aperture': f'{command.aperture:.2f}',
                'times in SAFE': self._safe_times,
            },
        )
