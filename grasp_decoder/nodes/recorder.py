"""recorder: writes every topic of a run to an MCAP file, as it comes off the wire.

It subscribes to bytes and interprets nothing, so that it costs little beside a decoder. The file is complete once the
node has ended (Ctrl-C).
"""

from __future__ import annotations

import time

from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from grasp_decoder.nodes.parameters import declare
from grasp_decoder.nodes.spin import run_node
from grasp_decoder.nodes.topics import subscribe
from grasp_decoder.recording.mcap import Recorder as McapRecorder
from grasp_decoder.system.interfaces import NODES, Topic
from grasp_decoder.system.node_settings import RecorderSettings


class Recorder(Node):
    """Hands every message to an `McapRecorder`."""

    def __init__(self):
        super().__init__('recorder')
        self._recorder = McapRecorder(declare(self, RecorderSettings).file)
        for topic in NODES['recorder'].subscribes:
            self._record(topic)

    def _record(self, topic: Topic) -> None:
        def write(data: bytes) -> None:
            self._recorder.write(topic.name, topic.type, data, time.time_ns())

        subscribe(self, topic, write, raw=True)

    def run(self) -> None:
        executor = SingleThreadedExecutor(context=self.context)
        executor.add_node(self)
        try:
            executor.spin()
        finally:
            self._recorder.close()


def main(args=None) -> int:
    return run_node(Recorder, args)
