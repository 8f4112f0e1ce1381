"""A warning when another node publishes the same topic: two sources cannot be told apart by those who listen."""

from __future__ import annotations

from rclpy.node import Node

from grasp_decoder.system.interfaces import Topic

PERIOD_S = 0.5


class SolePublisher:
    """Watches a topic that only this node should publish, and warns each time that another one joins in."""

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
                f'{others} other node(s) publish {self._topic.name} too, and whoever listens '
                'cannot tell them apart: stop all but one'
            )
        self.others = others
