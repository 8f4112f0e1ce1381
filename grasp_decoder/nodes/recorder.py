"""recorder: writes every topic of a run to an MCAP file.

It writes the bytes of a message as they are and interprets nothing, so that it takes little time from a decoder. The
file is complete once the node has ended (Ctrl-C). When the disk is full, it logs an error and goes on running: a
recorder must not end a run.
"""

from __future__ import annotations

import time

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.nodes.diagnostics import Diagnostics, status
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
        self._problem: GraspDecoderError | None = None
        self._messages = 0
        for topic in NODES['recorder'].subscribes:
            self._record(topic)
        self._diagnostics = Diagnostics(self, self._statuses)

    def _record(self, topic: Topic) -> None:
        def write(data: bytes) -> None:
            if self._problem is not None:
                return
            try:
                self._recorder.write(topic.name, topic.type, data, time.time_ns())
                self._messages += 1
            except GraspDecoderError as error:
                self._problem = error
                self.get_logger().error(f'{error}; the run goes on without a recording')

        subscribe(self, topic, write, raw=True)

    def run(self) -> None:
        """Record until ROS shuts down.

        Raises:
            GraspDecoderError: the recording is not complete.
        """
        executor = SingleThreadedExecutor(context=self.context)
        executor.add_node(self)
        try:
            executor.spin()
        finally:
            if self._problem is not None:
                raise self._problem
            self._recorder.close()

    def _statuses(self) -> list[DiagnosticStatus]:
        level, summary = DiagnosticStatus.OK, 'recording'
        if self._problem is not None:
            level, summary = DiagnosticStatus.ERROR, str(self._problem)
        return [status('recorder: file', level, summary, {'messages': self._messages})]


def main(args=None) -> int:
    return run_node(Recorder, args)
