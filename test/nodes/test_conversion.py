# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Types and messages: the same fields on both sides, and nothing changes on the way there and back."""

from array import array
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from grasp_decoder.types.decoded_grasp import DecodedGrasp
from grasp_decoder.types.decoder_info import DecoderInfo
from grasp_decoder.types.hand_command import HandCommand, HandMode
from grasp_decoder.types.hand_state import HandState
from grasp_decoder.types.spike_batch import SpikeBatch
from grasp_decoder.types.trial_event import TrialEvent, TrialResult

pytest.importorskip('rclpy', reason='no ROS 2 in this environment')
pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')

from rclpy.serialization import deserialize_message, serialize_message

from grasp_decoder import msg
from grasp_decoder.nodes import conversion
from grasp_decoder.nodes.stamps import stamp
from grasp_decoder.nodes.topics import advertise, subscribe
from grasp_decoder.system.interfaces import SPIKES
from grasp_decoder.types.from_message import (
    decoded_grasp_from,
    decoder_info_from,
    hand_command_from,
    hand_state_from,
    spike_batch_from,
    stamp_ns,
    trial_event_from,
)

from helpers.healthy_decodes import Decoder

NAME = 'a session'
ROS_NS = 3_000_000_004
TO_MESSAGE = {
    DecodedGrasp: lambda each: conversion.decoded_grasp_message(each, NAME),
    DecoderInfo: conversion.decoder_info_message,
    HandCommand: conversion.hand_command_message,
    HandState: lambda each: conversion.hand_state_message(each, ROS_NS),
    SpikeBatch: lambda each: conversion.spike_batch_message(each, NAME),
    TrialEvent: lambda each: conversion.trial_event_message(each, NAME),
}
FROM_MESSAGE = {
    DecodedGrasp: decoded_grasp_from,
    DecoderInfo: decoder_info_from,
    HandCommand: hand_command_from,
    HandState: hand_state_from,
    SpikeBatch: spike_batch_from,
    TrialEvent: trial_event_from,
}
RENAMED = {'start_ns': 'window_start', 'end_ns': 'window_end', 'stamp_ns': 'header'}
RENAMED_IN = {HandState: {**RENAMED, 'stamp_ns': 'acquisition_ns'}}
NOT_SENT = {'dof'}
NAMED_AFTER_THE_SESSION = {SpikeBatch, DecodedGrasp, TrialEvent}


def unsigned(bits):
    return st.integers(0, 2**bits - 1)


# A stamp holds seconds as int32; a file's times start at 0.
times_ns = st.integers(0, 2**31 * 10**9 - 1)
int32 = st.integers(-(2**31), 2**31 - 1)
int64 = st.integers(-(2**63), 2**63 - 1)
float32 = st.floats(width=32)
texts = st.text(st.characters(exclude_characters='\0', exclude_categories=['Cs']), max_size=20)


@st.composite
def spike_batches(draw):
    count = draw(st.integers(0, 20))
    return SpikeBatch(
        sequence=draw(unsigned(64)),
        segment=draw(unsigned(32)),
        start_ns=draw(int64),
        end_ns=draw(times_ns),
        unit_count=draw(unsigned(16)),
        unit=draw(arrays(np.uint16, count)),
        offset_ns=draw(arrays(np.uint32, count)),
        due_ns=draw(unsigned(64)),
        source=draw(unsigned(64)),
    )


TYPES = {
    DecodedGrasp: st.builds(
        DecodedGrasp,
        stamp_ns=times_ns,
        due_ns=unsigned(64),
        segment=unsigned(32),
        bin=unsigned(64),
        phase=unsigned(8),
        phase_probability=float32,
        object_id=int32,
        object_probability=arrays(np.float32, st.integers(0, 20)),
        confidence=float32,
        aperture=float32,
        lost_batches=unsigned(32),
        late_spikes=unsigned(32),
        receive_duration=float32,
        binning_duration=float32,
        inference_duration=float32,
        received_ns=unsigned(64),
        novelty=float32,
        validity=float32,
        invalid_reason=texts,
        drift=float32,
        bundle=texts,
        source=unsigned(64),
    ),
    DecoderInfo: st.builds(
        DecoderInfo,
        stamp_ns=times_ns,
        bundle_id=texts,
        bundle_sha256=texts,
        bin_s=st.floats(),
        look_back=unsigned(32),
        unit_count=unsigned(16),
        backend=texts,
        object_id=st.lists(int32).map(tuple),
        object_label=st.lists(texts).map(tuple),
        tasks=st.lists(texts).map(tuple),
        object_prior=st.lists(st.floats()).map(tuple),
        object_gain=st.floats(),
        object_memory_s=st.floats(),
        object_dead_band=st.floats(),
    ),
    HandCommand: st.builds(
        HandCommand,
        stamp_ns=times_ns,
        due_ns=unsigned(64),
        state=st.sampled_from(HandMode),
        grip=texts,
        aperture=float32,
        reason=texts,
        published_ns=unsigned(64),
        still=st.booleans(),
    ),
    HandState: st.builds(
        HandState,
        stamp_ns=times_ns,
        monotonic_ns=unsigned(64),
        lift=st.floats(),
        contact=st.booleans(),
        command_due_ns=unsigned(64),
        joint_name=st.lists(texts).map(tuple),
        joint_position=st.lists(st.floats()).map(tuple),
        object_id=int32,
    ),
    SpikeBatch: spike_batches(),
    TrialEvent: st.builds(
        TrialEvent,
        stamp_ns=times_ns,
        trial=unsigned(32),
        segment=unsigned(32),
        label=texts,
        object_id=int32,
        result=st.sampled_from(TrialResult),
    ),
}


def test_every_message_has_a_type():
    files = (Path(__file__).resolve().parents[2] / 'msg').glob('*.msg')
    assert {file.stem for file in files} == {each.__name__ for each in TYPES}


@pytest.mark.parametrize('kind', TYPES, ids=lambda kind: kind.__name__)
def test_type_and_message_have_the_same_fields(kind):
    renamed = RENAMED_IN.get(kind, RENAMED)
    of_type = {renamed.get(field.name, field.name) for field in fields(kind)} - NOT_SENT
    if kind in NAMED_AFTER_THE_SESSION:
        of_type.add('session')
    of_message = set(getattr(msg, kind.__name__).get_fields_and_field_types())
    # The stamp of a batch is the end of its window.
    assert of_type | {'header'} == of_message


@pytest.mark.parametrize('kind', TYPES, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_nothing_changes_on_the_way_there_and_back(kind, data):
    sent = data.draw(TYPES[kind])
    message = TO_MESSAGE[kind](sent)
    received = FROM_MESSAGE[kind](deserialize_message(serialize_message(message), type(message)))
    for field in fields(kind):
        before, after = getattr(sent, field.name), getattr(received, field.name)
        assert type(before) is type(after), field.name
        np.testing.assert_array_equal(before, after, field.name)


def test_spikes_and_events_carry_the_name_of_the_session_and_a_stamp():
    batch = SpikeBatch(0, 0, 5, 1_000_000_007, 3, np.empty(0, np.uint16), np.empty(0, np.uint32))
    message = TO_MESSAGE[SpikeBatch](batch)
    assert (message.session, message.header.stamp.sec, message.header.stamp.nanosec) == (NAME, 1, 7)
    assert message.header.frame_id == '', 'the name of a session is no frame'
    assert TO_MESSAGE[TrialEvent](TrialEvent(0, 1, 2, 'Go', 3)).session == NAME


def test_a_result_that_nobody_knows_is_no_success():
    message = TO_MESSAGE[TrialEvent](TrialEvent(0, 1, 2, 'Go', 3, TrialResult.CORRECT))
    message.result = 9
    assert trial_event_from(message).result is TrialResult.ERROR


def test_the_state_of_a_hand_is_stamped_with_ros_time():
    message = TO_MESSAGE[HandState](HandState(7, 8, 0.0, False))
    assert (stamp_ns(message.header.stamp), message.acquisition_ns) == (ROS_NS, 7)


def test_joint_positions_become_a_joint_state():
    message = conversion.joint_state_message(('a', 'b'), np.array([0.5, -1.0]), 2_000_000_001)
    assert (list(message.name), message.position) == (['a', 'b'], array('d', [0.5, -1.0]))
    assert stamp_ns(message.header.stamp) == 2_000_000_001


@pytest.mark.parametrize('time_ns', [2**63 - 1, 2**31 * 10**9, -(2**63), -(2**31) * 10**9 - 1])
def test_a_time_that_no_stamp_can_say_becomes_the_nearest_that_it_can(time_ns):
    assert abs(stamp_ns(stamp(time_ns))) in (2**31 * 10**9, 2**31 * 10**9 - 1)


def test_a_state_that_nobody_knows_is_safe():
    assert hand_command_from(msg.HandCommand(state=9)).state == HandMode.SAFE


def test_a_batch_number_that_jumps_ends_no_decoder():
    decode = DecodedGrasp(0, 0, 0, 0, 0, 0.0, -1, np.empty(0, np.float32), 0.0, 0.0, lost_batches=2**40)
    assert conversion.decoded_grasp_message(decode, '').lost_batches == 2**32 - 1


def test_a_decode_with_the_last_of_all_stamps_ends_no_bridge():
    decode = msg.DecodedGrasp()
    decode.header.stamp.sec, decode.header.stamp.nanosec = 2**31 - 1, 2**32 - 1
    hand = Decoder()
    command = hand.controller.step(decoded_grasp_from(decode), hand.now_ns)
    assert command.state == HandMode.SAFE
    assert conversion.hand_command_message(command).header.stamp.sec == 2**31 - 1


def test_a_batch_arrives_as_it_was_sent(node, spin_until):
    received = []
    subscribe(node, SPIKES, received.append)
    publisher = advertise(node, SPIKES)
    sent = SpikeBatch(7, 2, -5, 40_000_000, 3, np.array([0, 2, 65535], np.uint16), np.array([1, 2, 4], np.uint32))
    assert spin_until(lambda: publisher.get_subscription_count() > 0)
    publisher.publish(TO_MESSAGE[SpikeBatch](sent))
    assert spin_until(lambda: received)
    assert received == [TO_MESSAGE[SpikeBatch](sent)]
