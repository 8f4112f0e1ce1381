# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The audit log of a node: what was asked of it, by whom as far as DDS tells, and what came of it."""

from __future__ import annotations

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.node import Node, NodeNameNonExistentError

from grasp_decoder.nodes.diagnostics import status
from grasp_decoder.nodes.topics import full_name, node_name
from grasp_decoder.system.audit_log import AuditLog
from grasp_decoder.system.interfaces import Service, Topic


class Audit:
    """Writes lines for ``node``.

    DDS does not say who sent a request. A line names all nodes that could have: those with a client of the service, or
    a publisher of the topic.
    """

    def __init__(self, node: Node):
        self._node = node
        self._log = AuditLog(node.get_fully_qualified_name())
        self._problem = ''

    def requested(self, what: str, service: Service, result: str, **details: str) -> None:
        """A service was called."""
        self._add(what, self._clients(self._node.resolve_service_name(service.name)), result, details)

    def heard(self, what: str, topic: Topic, result: str) -> None:
        """A message came."""
        publishers = self._node.get_publishers_info_by_topic(full_name(self._node, topic))
        self._add(what, [node_name(each.node_namespace, each.node_name) for each in publishers], result, {})

    def status(self) -> DiagnosticStatus:
        """Whether the log can be written, for /diagnostics."""
        level = DiagnosticStatus.WARN if self._log.problem else DiagnosticStatus.OK
        name = f'{self._node.get_name()}: audit log'
        return status(name, level, self._log.problem or f'in {self._log.path}', {})

    def _add(self, what: str, asked_by: list[str], result: str, details: dict[str, str]) -> None:
        self._log.add(what, sorted(set(asked_by)), result, **details)
        if self._log.problem and self._log.problem != self._problem:
            self._node.get_logger().error(f'audit log: {self._log.problem}')
        self._problem = self._log.problem

    def _clients(self, service: str) -> list[str]:
        found = []
        for name, namespace in self._node.get_node_names_and_namespaces():
            try:
                clients = self._node.get_client_names_and_types_by_node(name, namespace)
            except NodeNameNonExistentError:  # it has just ended
                continue
            if any(client == service for client, _ in clients):
                found.append(node_name(namespace, name))
        return found
