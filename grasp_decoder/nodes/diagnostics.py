# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What nodes say about themselves on /diagnostics, once a second (REP 107)."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

from grasp_decoder.decoding.stage_times import StageTimes
from grasp_decoder.nodes.connections import Connections
from grasp_decoder.nodes.topics import advertise
from grasp_decoder.system.interfaces import DIAGNOSTICS, Topic

PERIOD_S = 1.0


class Diagnostics:
    """Publishes what ``statuses()`` gives, and how the node is connected."""

    def __init__(self, node: Node, statuses: Callable[[], list[DiagnosticStatus]], needs: Collection[Topic] = ()):
        """``needs``: topics without which the node has nothing to do."""
        self._node = node
        self._statuses = statuses
        self._connections = Connections(node, needs)
        self._unfit: list[str] = []
        self._publisher = advertise(node, DIAGNOSTICS)
        self._timer = node.create_timer(PERIOD_S, self._publish)

    def _publish(self) -> None:
        message = DiagnosticArray(status=[*self._statuses(), self._connection_status()])
        if namespace := self._node.get_namespace().strip('/'):  # all nodes of a system share /diagnostics
            for each in message.status:
                each.name = f'{namespace}/{each.name}'
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(message)

    def _connection_status(self) -> DiagnosticStatus:
        missing, unfit = self._connections.missing(), list(self._connections.unfit())
        for line in unfit:
            if line not in self._unfit:
                self._node.get_logger().error(line)
        self._unfit = unfit
        level = DiagnosticStatus.ERROR if unfit else DiagnosticStatus.WARN if missing else DiagnosticStatus.OK
        summary = '; '.join([*unfit, *missing]) or 'all there'
        return status(f'{self._node.get_name()}: connections', level, summary, {})


def status(name: str, level: bytes, summary: str, values: dict) -> DiagnosticStatus:
    return DiagnosticStatus(
        name=name,
        level=level,
        message=summary,
        hardware_id='grasp_decoder',
        values=[KeyValue(key=key, value=str(value)) for key, value in values.items()],
    )


def stage_values(times: StageTimes) -> dict[str, str]:
    """Overruns, and the percentiles of each stage."""
    values = {'overruns': str(times.overruns)}
    for stage, (p50, p99) in times.percentiles().items():
        values[f'{stage} p50 (ms)'] = _milliseconds(p50)
        values[f'{stage} p99 (ms)'] = _milliseconds(p99)
    return values


def _milliseconds(seconds: float) -> str:
    return 'unknown' if math.isnan(seconds) else f'{seconds * 1e3:.3f}'
