"""Between the messages of ROS and the plain dataclasses of the package, as fast as rclpy allows."""

from __future__ import annotations

from array import array

import numpy as np
from builtin_interfaces.msg import Time

from grasp_decoder import msg
from grasp_decoder.types.decoded_grasp import DecodedGrasp
from grasp_decoder.types.spike_batch import SpikeBatch
from grasp_decoder.types.time import NS_PER_S
from grasp_decoder.types.trial_event import TrialEvent


def stamp(time_ns: int) -> Time:
    seconds, nanoseconds = divmod(time_ns, NS_PER_S)
    return Time(sec=seconds, nanosec=nanoseconds)


def stamp_ns(time: Time) -> int:
    return time.sec * NS_PER_S + time.nanosec


def spike_batch_message(batch: SpikeBatch, session_name: str) -> msg.SpikeBatch:
    message = msg.SpikeBatch()
    message.header.stamp = stamp(batch.end_ns)
    message.header.frame_id = session_name
    message.sequence = batch.sequence
    message.segment = batch.segment
    message.window_start = batch.start_ns
    message.window_end = batch.end_ns
    message.due_ns = batch.due_ns
    message.unit_count = batch.unit_count
    # From array.array a field is filled ten times faster than from a numpy array.
    message.unit = array('H', batch.unit.tobytes())
    message.offset_ns = array('I', batch.offset_ns.tobytes())
    return message


def spike_batch_from(message: msg.SpikeBatch) -> SpikeBatch:
    return SpikeBatch(
        message.sequence,
        message.segment,
        message.window_start,
        message.window_end,
        message.unit_count,
        np.frombuffer(message.unit, np.uint16),
        np.frombuffer(message.offset_ns, np.uint32),
        message.due_ns,
    )


def trial_event_message(event: TrialEvent, session_name: str) -> msg.TrialEvent:
    message = msg.TrialEvent(trial=event.trial, segment=event.segment, label=event.label, object_id=event.object_id)
    message.header.stamp = stamp(event.stamp_ns)
    message.header.frame_id = session_name
    return message


def trial_event_from(message: msg.TrialEvent) -> TrialEvent:
    return TrialEvent(stamp_ns(message.header.stamp), message.trial, message.segment, message.label, message.object_id)


def decoded_grasp_message(decode: DecodedGrasp, session_name: str) -> msg.DecodedGrasp:
    message = msg.DecodedGrasp()
    message.header.stamp = stamp(decode.stamp_ns)
    message.header.frame_id = session_name
    message.due_ns = decode.due_ns
    message.segment = decode.segment
    message.bin = decode.bin
    message.phase = decode.phase
    message.phase_probability = decode.phase_probability
    message.object_id = decode.object_id
    message.object_probability = array('f', decode.object_probability.tobytes())
    message.confidence = decode.confidence
    message.aperture = decode.aperture
    message.lost_batches = decode.lost_batches
    message.late_spikes = decode.late_spikes
    message.receive_duration = decode.receive_duration
    message.binning_duration = decode.binning_duration
    message.inference_duration = decode.inference_duration
    message.received_ns = decode.received_ns
    return message


def decoded_grasp_from(message: msg.DecodedGrasp) -> DecodedGrasp:
    return DecodedGrasp(
        stamp_ns=stamp_ns(message.header.stamp),
        due_ns=message.due_ns,
        segment=message.segment,
        bin=message.bin,
        phase=message.phase,
        phase_probability=message.phase_probability,
        object_id=message.object_id,
        object_probability=np.frombuffer(message.object_probability, np.float32),
        confidence=message.confidence,
        aperture=message.aperture,
        lost_batches=message.lost_batches,
        late_spikes=message.late_spikes,
        receive_duration=message.receive_duration,
        binning_duration=message.binning_duration,
        inference_duration=message.inference_duration,
        received_ns=message.received_ns,
    )
