"""recorder: writes every topic of a run to an MCAP file, as it comes off the wire.

It subscribes to bytes and interprets nothing, so that it costs little beside a decoder. The file is complete once the
node has ended (Ctrl-C).
"""

from __future__ import annotations

import time

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool

from grasp_decoder import msg
from grasp_decoder.nodes import topics
from grasp_decoder.nodes.parameters import declare
from grasp_decoder.nodes.spin import run_node
from grasp_decoder.recording.mcap import Recorder as McapRecorder
from grasp_decoder.system.node_settings import RecorderSettings

RECORDED = (
    (topics.SPIKES, msg.SpikeBatch),
    (topics.TRIAL_EVENTS, msg.TrialEvent),
    (topics.DECODER_INFO, msg.DecoderInfo),
    (topics.DECODED_GRASP, msg.DecodedGrasp),
    (topics.HAND_COMMAND, msg.HandCommand),
    (topics.JOINT_TARGETS, JointState),
    (topics.HAND_STATE, msg.HandState),
    (topics.JOINT_STATES, JointState),
    (topics.E_STOP, Bool),
    (topics.DIAGNOSTICS, DiagnosticArray),
)


class Recorder(Node):
    """Hands every message to an `McapRecorder`."""

    def __init__(self):
        super().__init__('recorder')
        self._recorder = McapRecorder(declare(self, RecorderSettings).file)
        for (topic, qos), kind in RECORDED:
            self._record(topic, qos, kind)

    def _record(self, topic, qos, kind) -> None:
        type_name = f'{kind.__module__.split(".")[0]}/msg/{kind.__name__}'
        self.create_subscription(
            kind, topic, lambda data: self._recorder.write(topic, type_name, data, time.time_ns()), qos, raw=True
        )

    def run(self) -> None:
        executor = SingleThreadedExecutor(context=self.context)
        executor.add_node(self)
        try:
            executor.spin()
        finally:
            self._recorder.close()


def main(args=None) -> int:
    return run_node(Recorder, args)
