# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""A warning when another node publishes the same topic: subscribers cannot tell the two apart."""

from __future__ import annotations

from rclpy.node import Node

from grasp_decoder.nodes.topics import count_publishers, full_name
from grasp_decoder.system.interfaces import Topic

PERIOD_S = 0.5


class SolePublisher:
    """Watches a topic that only this node should publish. Warns each time that another node starts to publish it."""

    def __init__(self, node: Node, topic: Topic):
        self._node = node
        self._topic = topic
        self.topic_name = full_name(node, topic)
        self.others = 0
        self._timer = node.create_timer(PERIOD_S, self._look)

    def _look(self) -> None:
        others = count_publishers(self._node, self._topic) - 1
        if others > self.others:
            self._node.get_logger().warning(
                f'{others} other node(s) publish {self.topic_name} too, and subscribers '
                'cannot tell them apart: stop all but one'
            )
        self.others = others
