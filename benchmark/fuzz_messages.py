# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Messages of every type off the wire, into whoever takes them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.fuzz_target import Target
from benchmark.material import trained
from benchmark.mutation import mutated_bytes
from grasp_decoder.bundle.bundle import load_bundle
from grasp_decoder.bundle.engines.bundle_engines import BundleEngines, EngineOptions
from grasp_decoder.control.fault_policies import load_fault_policies
from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.decoding.info import decoder_info
from grasp_decoder.decoding.streaming import StreamingDecoder
from grasp_decoder.objects import load_objects
from grasp_decoder.page import words
from grasp_decoder.page.seen_run import SeenRun
from grasp_decoder.page.unit_rates import rate_picture
from grasp_decoder.recording.batches import batches
from grasp_decoder.recording.reading import read_session
from grasp_decoder.system.interfaces import (
    DECODED_GRASP,
    DECODER_INFO,
    DIAGNOSTICS,
    HAND_COMMAND,
    HAND_STATE,
    JOINT_STATES,
    SPIKES,
    TRIAL_EVENTS,
)
from grasp_decoder.system.recorded_run import RecordedRun
from grasp_decoder.types.from_message import (
    decoded_grasp_from,
    decoder_info_from,
    hand_command_from,
    hand_state_from,
    spike_batch_from,
    trial_event_from,
)


class Messages(Target):
    """Messages of every type, off the wire, into whoever takes them."""

    name = 'messages'

    def prepare(self) -> None:
        from rclpy.serialization import serialize_message

        from grasp_decoder.nodes import conversion
        from grasp_decoder.types.hand_command import HandCommand, HandMode
        from grasp_decoder.types.hand_state import HandState
        from grasp_decoder.types.trial_event import TrialEvent

        super().prepare()
        session, bundle = trained(24)
        self._decoder = StreamingDecoder(BundleEngines(load_bundle(bundle), EngineOptions(backend='cpu')))
        self._batches = [batch for batch, _ in zip(batches(read_session(session), 40_000_000), range(40))]
        decodes = [decode for batch in self._batches for decode in self._decoder.push(batch)]
        info = decoder_info(self._decoder, 0)
        self._decoder.reset()
        self._seeds = [
            (spike_batch_from, conversion.spike_batch_message(self._batches[5], 'x')),
            (decoded_grasp_from, conversion.decoded_grasp_message(decodes[5], 'x')),
            (decoder_info_from, conversion.decoder_info_message(info)),
            (
                hand_command_from,
                conversion.hand_command_message(HandCommand(1, 2, HandMode.SAFE, 'power', 0.0, 'x')),
            ),
            (
                hand_state_from,
                conversion.hand_state_message(HandState(1, 2, 0.1, True, 3, ('thumb',), (0.1,)), 4),
            ),
            (trial_event_from, conversion.trial_event_message(TrialEvent(1, 2, 3, 'Hold', 21), 'x')),
        ]
        self._wires = [serialize_message(message) for _, message in self._seeds]

    def make(self, rng: np.random.Generator, folder: Path) -> None:
        self._chosen = int(rng.integers(len(self._seeds)))
        wire = bytearray(self._wires[self._chosen])
        if rng.random() < 0.6:  # values only: what a bad sender sends, and DDS lets through
            for _ in range(rng.integers(1, 6)):
                at = int(rng.integers(4, len(wire)))
                wire[at] = rng.choice((0, 1, 127, 128, 255, rng.integers(256)))
            self._wire = bytes(wire)
        else:
            self._wire = bytes(wire[:4]) + mutated_bytes(rng, bytes(wire[4:]))

    def read(self, folder: Path) -> None:
        from rclpy.serialization import deserialize_message

        convert, good = self._seeds[self._chosen]
        try:
            message = deserialize_message(self._wire, type(good))
        except Exception as error:  # ROS drops what is no message before a node sees it
            if 'deserialize' in str(error) or isinstance(error, UnicodeDecodeError):
                return
            raise
        _take(convert(message), self._decoder, self._batches)


class ShownRun(Messages):
    """Recorded runs, without chunks and checksums, at every moment at which a page may show them."""

    name = 'shown_run'

    def prepare(self) -> None:
        from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
        from mcap.writer import Writer
        from rclpy.serialization import serialize_message
        from sensor_msgs.msg import JointState

        from grasp_decoder.nodes import conversion
        from grasp_decoder.recording.message_definitions import message_definition

        super().prepare()
        shown = (SPIKES, DECODED_GRASP, DECODER_INFO, HAND_COMMAND, HAND_STATE, TRIAL_EVENTS)
        topics = (*shown, DIAGNOSTICS, JOINT_STATES)
        path = self.material / 'run.mcap'
        with open(path, 'wb') as file:
            writer = Writer(file, use_chunking=False, enable_crcs=False)
            writer.start(profile='ros2')
            channels = []
            for topic in topics:
                schema = writer.register_schema(topic.type, 'ros2msg', message_definition(topic.type).encode())
                channels.append(writer.register_channel(f'/{topic.name}', 'cdr', schema))
            status = DiagnosticStatus(name='decoder: input', values=[KeyValue(key='dead units', value='2: 3 14')])
            joints = JointState(name=['thumb'], position=[0.1])
            more = [serialize_message(DiagnosticArray(status=[status])), serialize_message(joints)]
            for step, batch in enumerate(self._batches):
                spikes = serialize_message(conversion.spike_batch_message(batch, 'x'))
                for channel, wire in zip(channels, [spikes, *self._wires[1:], *more], strict=True):
                    writer.add_message(channel, step * 40_000_000, wire, step * 40_000_000)
            writer.finish()
        self._file = path.read_bytes()

    def make(self, rng: np.random.Generator, folder: Path) -> None:
        (folder / 'run.mcap').write_bytes(mutated_bytes(rng, self._file))

    def read(self, folder: Path) -> None:
        run = RecordedRun(folder / 'run.mcap', load_grip_table())
        for moment_s in (*np.linspace(0, min(run.duration_s, 3600), 20), 0.0, run.duration_s):
            _show(run.at(float(moment_s)))


def _show(run: SeenRun) -> None:
    objects = load_objects()
    for part in (words.state, words.belief, words.health, words.units):
        part(run)
    words.outcomes(run, objects)
    run.belief.phase_history()
    rate_picture(run.rates.hz, {unit for units in run.left_out_units().values() for unit in units})


def _take(taken: Any, decoder: StreamingDecoder, good: list) -> None:
    """Give what came to those who take it, between good things."""
    from grasp_decoder.control.hand_commander import HandCommander
    from grasp_decoder.control.hand_watch import FeedbackSettings
    from grasp_decoder.control.settings import ControlSettings
    from grasp_decoder.types.decoded_grasp import DecodedGrasp
    from grasp_decoder.types.decoder_info import DecoderInfo
    from grasp_decoder.types.hand_state import HandState
    from grasp_decoder.types.spike_batch import SpikeBatch

    now_ns = time.monotonic_ns()
    hand = HandCommander(ControlSettings(), FeedbackSettings(), load_grip_table(), load_fault_policies())
    info = taken if isinstance(taken, DecoderInfo) else decoder_info(decoder, 0)
    hand.new_decoder(info)
    for step, batch in enumerate(good):
        if step == 20 and isinstance(taken, SpikeBatch):
            decoder.push(taken)
        for decoded in decoder.push(batch):
            _check_order(hand.decoded(decoded, now_ns + step * 40_000_000))
        if step == 20 and isinstance(taken, DecodedGrasp):
            _check_order(hand.decoded(taken, now_ns + step * 40_000_000))
        if step == 20 and isinstance(taken, HandState):
            hand.measured(taken.joint_name, taken.joint_position, now_ns + step * 40_000_000)
        _check_order(hand.tick(now_ns + step * 40_000_000 + 20_000_000))


def _check_order(order: Any) -> None:
    assert 0 <= order.aperture <= 1 and np.isfinite(order.angles).all() and order.command.reason
