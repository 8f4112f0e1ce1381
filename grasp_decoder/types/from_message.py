# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What a message says, as the plain type of this package: `X_from` makes it of a message of ROS, or of an MCAP file.

The fields have the same names on both sides; `grasp_decoder.nodes.conversion`, which makes messages, names those that
differ.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from grasp_decoder.types.decoded_grasp import DecodedGrasp
from grasp_decoder.types.decoder_info import DecoderInfo
from grasp_decoder.types.hand_command import HandCommand, HandMode
from grasp_decoder.types.hand_state import HandState
from grasp_decoder.types.spike_batch import SpikeBatch
from grasp_decoder.types.time import NS_PER_S
from grasp_decoder.types.trial_event import TrialEvent, TrialResult


def stamp_ns(time: Any) -> int:
    """A ``builtin_interfaces/Time`` as ns."""
    return int(time.sec) * NS_PER_S + int(time.nanosec)


def spike_batch_from(message: Any) -> SpikeBatch:
    return SpikeBatch(
        message.sequence,
        message.segment,
        message.window_start,
        message.window_end,
        message.unit_count,
        np.asarray(message.unit, np.uint16),
        np.asarray(message.offset_ns, np.uint32),
        message.due_ns,
        message.source,
    )


def trial_event_from(message: Any) -> TrialEvent:
    result = getattr(message, 'result', TrialResult.UNKNOWN)  # recordings of version 0.1 have none
    return TrialEvent(
        stamp_ns(message.header.stamp),
        message.trial,
        message.segment,
        message.label,
        message.object_id,
        TrialResult(result) if result in set(TrialResult) else TrialResult.ERROR,
    )


def decoder_info_from(message: Any) -> DecoderInfo:
    return DecoderInfo(
        stamp_ns=stamp_ns(message.header.stamp),
        bundle_id=message.bundle_id,
        bundle_sha256=message.bundle_sha256,
        bin_s=message.bin_s,
        look_back=message.look_back,
        unit_count=message.unit_count,
        backend=message.backend,
        object_id=tuple(message.object_id),
        object_label=tuple(message.object_label),
        tasks=tuple(message.tasks),
        object_prior=tuple(message.object_prior),
        object_gain=message.object_gain,
        object_memory_s=message.object_memory_s,
        object_dead_band=message.object_dead_band,
        prepared_ns=message.prepared_ns,
        took_over_ns=message.took_over_ns,
    )


def decoded_grasp_from(message: Any) -> DecodedGrasp:
    return DecodedGrasp(
        stamp_ns=stamp_ns(message.header.stamp),
        due_ns=message.due_ns,
        segment=message.segment,
        bin=message.bin,
        phase=message.phase,
        phase_probability=message.phase_probability,
        object_id=message.object_id,
        object_probability=np.asarray(message.object_probability, np.float32),
        confidence=message.confidence,
        aperture=message.aperture,
        lost_batches=message.lost_batches,
        late_spikes=message.late_spikes,
        receive_duration=message.receive_duration,
        binning_duration=message.binning_duration,
        inference_duration=message.inference_duration,
        received_ns=message.received_ns,
        novelty=message.novelty,
        validity=message.validity,
        invalid_reason=message.invalid_reason,
        drift=message.drift,
        bundle=message.bundle,
        source=message.source,
        decoder=message.decoder,
    )


def hand_command_from(message: Any) -> HandCommand:
    """The command; one with a state that is not known is SAFE, and says so."""
    known = message.state in list(HandMode)
    return HandCommand(
        stamp_ns(message.header.stamp),
        message.due_ns,
        HandMode(message.state) if known else HandMode.SAFE,
        message.grip,
        message.aperture,
        message.reason if known else f'unknown state {message.state}: {message.reason}',
        message.published_ns,
        message.still,
    )


def hand_state_from(message: Any) -> HandState:
    return HandState(
        stamp_ns=message.acquisition_ns,
        monotonic_ns=message.monotonic_ns,
        lift=message.lift,
        contact=message.contact,
        command_due_ns=message.command_due_ns,
        joint_name=tuple(message.joint_name),
        joint_position=tuple(message.joint_position),
        object_id=message.object_id,
    )
