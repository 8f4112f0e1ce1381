# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What a node with a `TargetGuard` says of it, on /diagnostics and in the log."""

from __future__ import annotations

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.node import Node

from grasp_decoder.control.target_guard import TargetGuard
from grasp_decoder.nodes.diagnostics import Diagnostics, status


class GuardReport:
    """One status: whether joint targets pass. Call `look` whenever the guard may have taken over."""

    def __init__(self, node: Node, guard: TargetGuard):
        self._node = node
        self._guard = guard
        self._said = ''
        self._times = 0
        self._diagnostics = Diagnostics(node, self._statuses)

    def look(self) -> None:
        """Log it when the guard has taken over, and when targets pass again."""
        lost = self._guard.lost
        if lost == self._said:
            return
        self._times += bool(lost and not self._said)
        logger = self._node.get_logger()
        if lost:
            logger.warning(f'{lost}: the hand goes to its safe state by itself')
        else:
            logger.info('joint targets pass again')
        self._said = lost

    def _statuses(self) -> list[DiagnosticStatus]:
        if self._guard.lost:
            level, message = DiagnosticStatus.ERROR, self._guard.lost
        elif self._guard.heard:
            level, message = DiagnosticStatus.OK, 'they pass'
        else:
            level, message = DiagnosticStatus.WARN, 'none has come yet'
        name = f'{self._node.get_name()}: joint targets'
        return [status(name, level, message, {'times in the safe state': self._times})]
