# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Makes messages of the plain types of the package, as fast as rclpy allows.

`X_message` makes a message of a type of `grasp_decoder.types`; `X_from` of `grasp_decoder.types.from_message` is the
way back. Fields have the same names on both sides, except that ``stamp_ns`` is ``header.stamp``, ``start_ns`` and
``end_ns`` of a `SpikeBatch` are ``window_start`` and ``window_end`` (the stamp is ``end_ns``), and ``dof`` of a
`DecodedGrasp` is not sent. The stamp of a `HandState` is ROS time, as tools expect, and its ``stamp_ns`` is
``acquisition_ns``. ``frame_id`` is empty: nothing that is sent is in a frame of tf.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from sensor_msgs.msg import JointState

from grasp_decoder import msg
from grasp_decoder.nodes.stamps import stamp
from grasp_decoder.types.decoded_grasp import DecodedGrasp
from grasp_decoder.types.decoder_info import DecoderInfo
from grasp_decoder.types.hand_command import HandCommand
from grasp_decoder.types.hand_state import HandState
from grasp_decoder.types.spike_batch import SpikeBatch
from grasp_decoder.types.trial_event import TrialEvent

MOST_UINT32 = 2**32 - 1


def spike_batch_message(batch: SpikeBatch, session_name: str) -> msg.SpikeBatch:
    message = msg.SpikeBatch()
    message.header.stamp = stamp(batch.end_ns)
    message.session = session_name
    message.sequence = batch.sequence
    message.segment = batch.segment
    message.window_start = batch.start_ns
    message.window_end = batch.end_ns
    message.due_ns = batch.due_ns
    message.unit_count = batch.unit_count
    message.source = batch.source
    # From array.array a field is filled ten times faster than from a numpy array.
    message.unit = array('H', batch.unit.tobytes())
    message.offset_ns = array('I', batch.offset_ns.tobytes())
    return message


def trial_event_message(event: TrialEvent, session_name: str) -> msg.TrialEvent:
    message = msg.TrialEvent(
        trial=event.trial,
        segment=event.segment,
        label=event.label,
        object_id=event.object_id,
        result=event.result,
    )
    message.header.stamp = stamp(event.stamp_ns)
    message.session = session_name
    return message


def decoder_info_message(info: DecoderInfo) -> msg.DecoderInfo:
    message = msg.DecoderInfo(
        bundle_id=info.bundle_id,
        bundle_sha256=info.bundle_sha256,
        bin_s=info.bin_s,
        look_back=info.look_back,
        unit_count=info.unit_count,
        backend=info.backend,
        object_id=array('i', info.object_id),
        object_label=list(info.object_label),
        tasks=list(info.tasks),
        object_prior=array('d', info.object_prior),
        object_gain=info.object_gain,
        object_memory_s=info.object_memory_s,
        object_dead_band=info.object_dead_band,
        prepared_ns=info.prepared_ns,
        took_over_ns=info.took_over_ns,
    )
    message.header.stamp = stamp(info.stamp_ns)
    return message


def decoded_grasp_message(decode: DecodedGrasp, session_name: str) -> msg.DecodedGrasp:
    message = msg.DecodedGrasp()
    message.header.stamp = stamp(decode.stamp_ns)
    message.session = session_name
    message.due_ns = decode.due_ns
    message.segment = decode.segment
    message.bin = decode.bin
    message.phase = decode.phase
    message.phase_probability = decode.phase_probability
    message.object_id = decode.object_id
    message.object_probability = array('f', decode.object_probability.tobytes())
    message.confidence = decode.confidence
    message.aperture = decode.aperture
    message.lost_batches = min(decode.lost_batches, MOST_UINT32)
    message.late_spikes = min(decode.late_spikes, MOST_UINT32)
    message.receive_duration = decode.receive_duration
    message.binning_duration = decode.binning_duration
    message.inference_duration = decode.inference_duration
    message.received_ns = decode.received_ns
    message.novelty = decode.novelty
    message.validity = decode.validity
    message.invalid_reason = decode.invalid_reason
    message.drift = decode.drift
    message.bundle = decode.bundle
    message.source = decode.source
    message.decoder = decode.decoder
    return message


def hand_command_message(command: HandCommand) -> msg.HandCommand:
    message = msg.HandCommand(
        due_ns=command.due_ns,
        published_ns=command.published_ns,
        state=int(command.state),
        grip=command.grip,
        aperture=command.aperture,
        reason=command.reason,
        still=command.still,
    )
    message.header.stamp = stamp(command.stamp_ns)
    return message


def joint_state_message(names: Sequence[str], position: Sequence[float], time_ns: int) -> JointState:
    """Joint positions (n_joints,) in rad, or m for a sliding joint.

    The time of measured positions is ROS time, that of targets is the stamp of their `HandCommand`; with a simulated
    clock it is the moment that they answer.
    """
    message = JointState(name=names, position=array('d', position))
    message.header.stamp = stamp(time_ns)
    return message


def hand_state_message(state: HandState, ros_ns: int) -> msg.HandState:
    message = msg.HandState(
        acquisition_ns=state.stamp_ns,
        monotonic_ns=state.monotonic_ns,
        command_due_ns=state.command_due_ns,
        joint_name=state.joint_name,
        joint_position=array('d', state.joint_position),
        object_id=state.object_id,
        contact=state.contact,
        lift=state.lift,
    )
    message.header.stamp = stamp(ros_ns)
    return message
