"""A warning when another node publishes the same topic: subscribers cannot tell the two apart."""

from __future__ import annotations

from rclpy.node import Node

from grasp_decoder.system.interfaces import Topic

PERIOD_S = 0.5


class SolePublisher:
    """Watches a topic that only this node should publish. Warns each time that another node starts to publish it."""

    def __init__(self, node: Node, topic: Topic):
        self._node = node
        self._topic = topic
        self.others = 0
        self._timer = node.create_timer(PERIOD_S, self._look)

    def destroy(self) -> None:
        self._node.destroy_timer(self._timer)

    def _look(self) -> None:
        others = self._node.count_publishers(self._topic.name) - 1
        if others > self.others:
            self._node.get_logger().warning(
                f'{others} other node(s) publish {self._topic.name} too, and subscribers '
                'cannot tell them apart: stop all but one'
            )
        self.others = others
