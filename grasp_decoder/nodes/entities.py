# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What a node has, so that a transition can destroy what the one before it has made."""

from __future__ import annotations

from rclpy.node import Node

# What a node can have, and the method of `Node` that destroys it.
KINDS = (
    ('publishers', 'destroy_publisher'),
    ('subscriptions', 'destroy_subscription'),
    ('clients', 'destroy_client'),
    ('services', 'destroy_service'),
    ('timers', 'destroy_timer'),
    ('guards', 'destroy_guard_condition'),
)


class Entities:
    """The topics, services, clients, timers and actions that ``node`` has now."""

    def __init__(self, node: Node):
        self._node = node
        self._now = {each for kind, _ in KINDS for each in getattr(node, kind)} | {*node.waitables}

    def destroy_later_ones(self) -> None:
        """Destroy what was made on the node since."""
        for kind, destroy in KINDS:
            for each in [each for each in getattr(self._node, kind) if each not in self._now]:
                getattr(self._node, destroy)(each)
        for client in [each for each in self._node.waitables if each not in self._now]:  # of actions
            client.destroy()
