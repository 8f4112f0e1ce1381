# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""recorder: writes every topic of a run to an MCAP file, as it comes off the wire.

It subscribes to bytes and interprets nothing, so that it costs little beside a decoder. The file gets its index when
the node ends (Ctrl-C). Without the index, what was recorded up to the last second can still be read. When the disk is
full the recording stops, the node says so, and the rest of the system goes on.
"""

from __future__ import annotations

import threading
import time

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.nodes.diagnostics import Diagnostics, status
from grasp_decoder.nodes.life import run_node
from grasp_decoder.nodes.parameters import declare
from grasp_decoder.nodes.spin import spin_alone
from grasp_decoder.nodes.topics import DEEP, full_name, subscribe
from grasp_decoder.recording.mcap import Recorder as McapRecorder
from grasp_decoder.recording.mcap import offered_qos
from grasp_decoder.system.interfaces import NODES, Topic
from grasp_decoder.system.node_settings import RecorderSettings

SYNC_EVERY_S = 1.0


class Recorder(Node):
    """Hands every message to an `McapRecorder`."""

    def __init__(self):
        super().__init__('recorder')
        self._settings = declare(self, RecorderSettings)
        self._recorder: McapRecorder
        self._missed = 0
        self._told = False
        self._ended = threading.Event()
        for topic in NODES['recorder'].subscribes:
            self._record(topic)
        self._diagnostics = Diagnostics(self, self._statuses)

    def _record(self, topic: Topic) -> None:
        name = full_name(self, topic)

        def write(data: bytes) -> None:
            self._recorder.write(name, topic.type, data, time.time_ns())

        def count(lost) -> None:
            self._missed += lost.total_count_change

        events = SubscriptionEventCallbacks(message_lost=count)
        subscribe(self, topic, write, DEEP, raw=True, event_callbacks=events)

    def _statuses(self) -> list[DiagnosticStatus]:
        recorder = self._recorder
        values = {
            'file': recorder.path,
            'messages recorded': recorder.kept,
            'messages not recorded': recorder.lost,
            'messages lost on the way': self._missed,
        }
        level, summary = DiagnosticStatus.OK, 'recording'
        if self._missed:
            level, summary = DiagnosticStatus.WARN, f'{self._missed} messages were lost on the way'
        if recorder.fault:
            level, summary = DiagnosticStatus.ERROR, recorder.fault
            if not self._told:
                self.get_logger().error(f'{recorder.fault}; the run goes on without a recording')
                self._told = True
        return [status('recorder: file', level, summary, values)]

    def run(self) -> None:
        """Record until ROS shuts down.

        Raises:
            GraspDecoderError: the file cannot be written, or not all of the run was recorded.
        """
        self._recorder = self._open()
        # A disk may take seconds: messages must not wait for it.
        beside = threading.Thread(target=self._sync, name='sync', daemon=True)
        beside.start()
        try:
            spin_alone(self)
        finally:
            self._ended.set()
            self._recorder.close()
            if self._recorder.fault:
                raise GraspDecoderError(f'{self._recorder.fault}; {self._recorder.lost} messages are missing')

    def _open(self) -> McapRecorder:
        offered = {
            full_name(self, each): offered_qos(each.depth, each.reliable, each.transient_local, each.deadline_s)
            for each in NODES['recorder'].subscribes
        }
        return McapRecorder(self._settings.file, self._settings.overwrite, offered)

    def _sync(self) -> None:
        while not self._ended.wait(SYNC_EVERY_S):
            self._recorder.sync()


def main(args=None) -> int:
    return run_node(Recorder, args)
