# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""RunRecord: everything that was published in a run, so that anyone can check its result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from grasp_decoder.features.binning import Bin
from grasp_decoder.safe_file import written_whole
from grasp_decoder.types.decoded_grasp import DecodedGrasp
from grasp_decoder.types.decoder_info import DecoderInfo
from grasp_decoder.types.hand_command import HandCommand
from grasp_decoder.types.hand_state import HandState
from grasp_decoder.types.time import NS_PER_MS, NS_PER_S

STAGES = ('receive', 'binning', 'inference', 'command', 'total')


def stage_durations(decodes: Sequence[DecodedGrasp], commands: Sequence[HandCommand]) -> dict[str, np.ndarray]:
    """Seconds of each stage, one entry per decode that led to a command; docs/realtime.md says what the stages are."""
    published = {command.due_ns: command.published_ns for command in commands if command.due_ns}
    rows = []
    for decode in decodes:
        if decode.due_ns in published:
            total = (published[decode.due_ns] - decode.due_ns) / NS_PER_S
            inside = decode.receive_duration, decode.binning_duration, decode.inference_duration
            rows.append((*inside, total - sum(inside), total))
    table = np.array(rows, dtype=np.float64).reshape(-1, len(STAGES))
    return {stage: table[:, index] for index, stage in enumerate(STAGES)}


@dataclass
class RunRecord:
    """What was published in a run, in the order of arrival; ``bins`` are the counts that arrived on /spikes."""

    infos: list[DecoderInfo] = field(default_factory=list)
    bins: list[Bin] = field(default_factory=list)
    decodes: list[DecodedGrasp] = field(default_factory=list)
    commands: list[HandCommand] = field(default_factory=list)
    samples: list[HandState] = field(default_factory=list)

    def latencies_ms(self) -> np.ndarray:
        """Latency of each command that answers a decode, in ms."""
        return np.array([_latency_ms(command) for command in self.commands if command.due_ns])

    def stages_ms(self) -> dict[str, np.ndarray]:
        """How long each stage took for each decode that led to a command, in ms."""
        return {stage: 1e3 * durations for stage, durations in stage_durations(self.decodes, self.commands).items()}

    def forget_before(self, stamp_ns: int) -> None:
        """Drop decodes, commands and hand states of before ``stamp_ns``."""
        columns: tuple[list[Any], ...] = (self.decodes, self.commands, self.samples)
        for items in columns:
            items[:] = [item for item in items if item.stamp_ns >= stamp_ns]

    def save(self, path: Path, trial_ids: list[int]) -> None:
        """Write an ``.npz`` with one row per decoded bin, per command and per hand state.

        ``latency_ms`` of a bin is that of the command that answers it, NaN without one. ``probabilities`` are as
        published; NaN where the decoder gave none yet.
        """
        counts = {(each.segment, each.index): each.counts for each in self.bins}
        latency = {command.stamp_ns: _latency_ms(command) for command in self.commands if command.due_ns}
        classes = max((len(decode.object_probability) for decode in self.decodes), default=0)
        units = len(self.bins[0].counts) if self.bins else 0
        unknown, missing = np.full(classes, np.nan, np.float32), np.zeros(units, np.uint16)
        columns: dict[str, Any] = {
            'trial': [trial_ids[decode.segment] for decode in self.decodes],
            'segment': [decode.segment for decode in self.decodes],
            'bin': [decode.bin for decode in self.decodes],
            'stamp_ns': [decode.stamp_ns for decode in self.decodes],
            'counts': np.array([counts.get((d.segment, d.bin), missing) for d in self.decodes], np.uint16),
            'class': [decode.object_id for decode in self.decodes],
            'probabilities': np.array(
                [d.object_probability if len(d.object_probability) else unknown for d in self.decodes], np.float32
            ),
            'phase': np.array([decode.phase for decode in self.decodes], np.uint8),
            'phase_probability': np.array([decode.phase_probability for decode in self.decodes], np.float32),
            'aperture': np.array([decode.aperture for decode in self.decodes], np.float32),
            'latency_ms': [latency.get(decode.stamp_ns, np.nan) for decode in self.decodes],
            'command_stamp_ns': [command.stamp_ns for command in self.commands],
            'command_published_ns': [command.published_ns for command in self.commands],
            'command_state': np.array([command.state for command in self.commands], np.uint8),
            'command_grip': np.array([command.grip for command in self.commands], np.str_),
            'command_aperture': [command.aperture for command in self.commands],
            'hand_stamp_ns': [sample.stamp_ns for sample in self.samples],
            'hand_monotonic_ns': [sample.monotonic_ns for sample in self.samples],
            'hand_lift': [sample.lift for sample in self.samples],
            'hand_contact': [sample.contact for sample in self.samples],
        }
        with written_whole(path) as file:
            np.savez_compressed(file, **columns)


def _latency_ms(command: HandCommand) -> float:
    """From the moment at which the end of the bin was due to the published command."""
    return (command.published_ns - command.due_ns) / NS_PER_MS
