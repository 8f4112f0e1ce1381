# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What of each topic is shown on the page: the same for a run that goes on and for a recorded one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from grasp_decoder.page.seen_run import LEVELS, SeenRun, Status
from grasp_decoder.system import interfaces
from grasp_decoder.types.from_message import (
    decoded_grasp_from,
    decoder_info_from,
    hand_command_from,
    hand_state_from,
    spike_batch_from,
    trial_event_from,
)


def _take_diagnostics(run: SeenRun, message: Any) -> None:
    for each in message.status:
        level = each.level[0] if isinstance(each.level, bytes) else each.level  # ROS gives a byte as bytes
        level = min(level, len(LEVELS) - 1)  # /diagnostics is open to nodes of others
        values = {value.key: value.value for value in each.values}
        run.take_status(Status(each.name, LEVELS[level], each.message, values))


TAKERS: dict[interfaces.Topic, Callable[[SeenRun, Any], None]] = {
    interfaces.SPIKES: lambda run, message: run.take_spikes(spike_batch_from(message)),
    interfaces.DECODER_INFO: lambda run, message: run.take_info(decoder_info_from(message)),
    interfaces.DECODED_GRASP: lambda run, message: run.take_decode(decoded_grasp_from(message)),
    interfaces.HAND_STATE: lambda run, message: run.take_hand(hand_state_from(message)),
    interfaces.HAND_COMMAND: lambda run, message: run.take_command(hand_command_from(message)),
    interfaces.JOINT_STATES: lambda run, message: run.take_joints(message.name, message.position),
    interfaces.JOINT_TARGETS: lambda run, message: run.take_targets(message.name, message.position),
    interfaces.TRIAL_EVENTS: lambda run, message: run.take_event(trial_event_from(message)),
    interfaces.DIAGNOSTICS: _take_diagnostics,
}
"""What a `SeenRun` does with a message of each topic that it shows."""
