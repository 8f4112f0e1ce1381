# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Plays source and decoder for a running hand_bridge."""

import time
from dataclasses import dataclass, field, replace

import numpy as np

from grasp_decoder.nodes.conversion import decoded_grasp_message, decoder_info_message, spike_batch_message
from grasp_decoder.nodes.topics import DEEP, advertise, client, subscribe
from grasp_decoder.recording.playback import heartbeat_at
from grasp_decoder.system.interfaces import (
    DECODED_GRASP,
    DECODER_INFO,
    E_STOP,
    HAND_COMMAND,
    JOINT_TARGETS,
    RESET,
    SPIKES,
)
from grasp_decoder.types.decoded_grasp import DecodedGrasp
from grasp_decoder.types.from_message import hand_command_from

from helpers.healthy_decodes import INFO

BIN_NS = 40_000_000
OBJECTS = (21, 31, 44, 61)
SAFE, OPEN, PRESHAPE, CLOSE, HOLD = range(5)
# a busy machine is no fault where faults are not the question
PATIENT = ('-p', 'decode_timeout_s:=0.5', '-p', 'max_latency_s:=5.0', '-p', 'target_timeout_s:=5.0')


@dataclass
class Feeder:
    """Plays source and decoder on the test's node: spikes every 10 ms, a decode every bin."""

    node: object
    spin_until: object
    decoder_runs: bool = True
    source_runs: bool = True
    paused: bool = False
    grasp: float = 0.01
    change: dict = field(default_factory=dict)
    commands: list = field(default_factory=list)
    targets: list = field(default_factory=list)

    def __post_init__(self):
        self.stamp_ns = 1_000 * 10**9
        self.bin = -1
        self.decoded_ns = self.source_ns = time.monotonic_ns()
        node = self.node
        self.decodes = advertise(node, DECODED_GRASP)
        self.spikes = advertise(node, SPIKES)
        self.e_stop = advertise(node, E_STOP)
        self.reset = client(node, RESET)
        info = advertise(node, DECODER_INFO)
        info.publish(decoder_info_message(replace(INFO, bundle_sha256='a')))
        subscribe(node, HAND_COMMAND, lambda message: self.commands.append(hand_command_from(message)), DEEP)
        subscribe(node, JOINT_TARGETS, self.targets.append)
        node.create_timer(0.01, self.tick)

    def tick(self):
        now_ns = time.monotonic_ns()
        # a machine that stalls gets its bins late, not lost
        while now_ns - self.source_ns >= BIN_NS // 4:
            self.source_ns += BIN_NS // 4
            if not self.paused:
                self.stamp_ns += BIN_NS // 4
            if self.source_runs:
                self.spikes.publish(spike_batch_message(heartbeat_at(self.stamp_ns, 96), ''))
            if self.decoder_runs and not self.paused and self.stamp_ns % BIN_NS == 0:
                self.decode()

    def decode(self):
        self.bin += 1
        probability = np.array([0.02, 0.02, 0.94, 0.02], np.float32)
        self.decoded_ns = time.monotonic_ns()
        decode = DecodedGrasp(
            stamp_ns=self.stamp_ns + self.change.get('offset_ns', 0),
            due_ns=self.decoded_ns,
            segment=0,
            bin=self.bin,
            phase=int(self.grasp > 0.5),
            phase_probability=self.change.get('phase_probability', self.grasp),
            object_id=self.change.get('object_id', 44),
            object_probability=self.change.get('object_probability', probability),
            confidence=self.change.get('confidence', 0.94),
            aperture=float('nan'),
        )
        self.decodes.publish(decoded_grasp_message(decode, ''))

    @property
    def state(self):
        return self.commands[-1].state if self.commands else None

    def reach(self, state):
        assert self.spin_until(lambda: self.state == state), f'{state} was not reached: {self.commands[-1:]}'

    def hold(self):
        """Open, recognise the object, close on it."""
        self.grasp = 0.01
        self.reach(PRESHAPE)
        self.grasp = 0.99
        self.reach(HOLD)
