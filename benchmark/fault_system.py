# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The running system of a fault campaign: real nodes in processes of their own, a relay at the spikes, ears everywhere.

Everything happens in one thread: `System.turn` passes batches on and listens, and whoever waits for something calls it.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from numpy.typing import NDArray
from rclpy.executors import SingleThreadedExecutor

from benchmark.fault_relay import Relay
from benchmark.fault_verdict import Motion
from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.control.joint_targets import JointTargets
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.nodes.conversion import spike_batch_message
from grasp_decoder.nodes.receiver import Receiver
from grasp_decoder.nodes.topics import advertise, client
from grasp_decoder.system.interfaces import (
    DECODED_GRASP,
    DECODER_INFO,
    DIAGNOSTICS,
    HAND_COMMAND,
    HAND_STATE,
    JOINT_TARGETS,
    SPIKES,
    Service,
    Topic,
)
from grasp_decoder.system.processes import NodeProcess, end_processes
from grasp_decoder.types.decoded_grasp import DecodedGrasp
from grasp_decoder.types.from_message import decoded_grasp_from, hand_command_from, hand_state_from, spike_batch_from
from grasp_decoder.types.hand_command import HandCommand, HandMode
from grasp_decoder.types.hand_state import HandState

OF_THE_SOURCE = Topic('/faults/spikes', SPIKES.type, SPIKES.depth, 'spikes before the relay')
CHAIN = ('simulated_hand', 'hand_bridge', 'decoder', 'spike_replayer')
"""The nodes that a hand needs, listeners first."""
WAIT_NS = 2_000_000
START_S = 60.0
LIFTED_M = 0.03


@dataclass
class Heard:
    """What was heard since a moment, oldest first.

    Attributes:
        bundles: CLOCK_MONOTONIC at which a decoder said what it decodes.
        targets: CLOCK_MONOTONIC at which joint targets came, and the targets, (n_joints,) in rad.
        sources: of the batches that reached the decoder.
        statuses: texts of /diagnostics that are not OK, and names of counters that have gone up.
    """

    states: list[HandState] = field(default_factory=list)
    commands: list[HandCommand] = field(default_factory=list)
    decodes: list[DecodedGrasp] = field(default_factory=list)
    bundles: list[int] = field(default_factory=list)
    targets: list[tuple[int, NDArray[np.float64]]] = field(default_factory=list)
    sources: set[int] = field(default_factory=set)
    statuses: list[str] = field(default_factory=list)


class System:
    """Starts the chain on a looped ``session`` and keeps what is heard of it in ``heard``.

    Attributes:
        relay: what passes the batches on.
        heard: since `forget`.
        bundle: the folder that the decoder is started with.
        folder: for logs and what nodes write.
    """

    def __init__(self, session: Path, bundle: Path, folder: Path):
        self.relay = Relay()
        self.heard = Heard()
        self.bundle = bundle
        self.folder = folder
        self._session = session
        self._processes: dict[str, NodeProcess] = {}
        self._started = 0
        self._read: dict[Path, int] = {}
        self._counters: dict[str, int] = {}
        self._context = rclpy.Context()
        rclpy.init(context=self._context)
        self.node = rclpy.create_node('fault_campaign', context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._spikes_out = advertise(self.node, SPIKES)
        self._spikes_in = Receiver(self.node, OF_THE_SOURCE)
        self._ears = [
            (Receiver(self.node, topic), take)
            for topic, take in (
                (HAND_STATE, lambda message: self.heard.states.append(hand_state_from(message))),
                (HAND_COMMAND, lambda message: self.heard.commands.append(hand_command_from(message))),
                (DECODED_GRASP, lambda message: self.heard.decodes.append(decoded_grasp_from(message))),
                (DECODER_INFO, lambda message: self.heard.bundles.append(time.monotonic_ns())),
                (JOINT_TARGETS, self._take_targets),
                (SPIKES, lambda message: self.heard.sources.add(message.source)),
                (DIAGNOSTICS, self._take_statuses),
            )
        ]
        grips = load_grip_table()
        joints = JointTargets(grips)
        opened = joints.step(HandCommand(0, 0, HandMode.OPEN, grips.default_grip, 0.0, ''), 0)
        # The joints that close the hand are straight when it is open; the thumb's opposition swings between grips.
        self._joint_index = np.flatnonzero(opened == 0.0)
        self._joints = [joints.names[index] for index in self._joint_index]

    def close(self) -> None:
        """End every node that is left."""
        end_processes(list(self._processes.values()))
        self.node.destroy_node()
        rclpy.shutdown(context=self._context)

    # --- processes

    def start(self, name: str, as_name: str = '') -> None:
        """Start a node; a second one of its kind gets a name of its own."""
        arguments = ['--ros-args', *self._arguments(name, second=bool(as_name))]
        if as_name:
            arguments += ['-r', f'__node:={as_name}']
        self._started += 1
        log = self.folder / f'{self._started:04}_{as_name or name}.log'
        # Its e-stop is remembered in a folder of this campaign.
        self._processes[as_name or name] = NodeProcess(name, arguments, log, {'XDG_STATE_HOME': str(self.folder)})

    def _arguments(self, name: str, second: bool) -> list[str]:
        parameters: dict[str, Any] = {
            'spike_replayer': {'session': self._session, 'loop': 'true', 'subscribers': 1},
            'decoder': {'bundle': self.bundle, 'backend': 'cpu'},
            'hand_bridge': {'feedback': 'true'},
            'recorder': {'file': self.folder / f'{self._started:04}.mcap'},
            'run_monitor': {
                'session': self._session,
                'bundle': self.bundle,
                'hand': 'mujoco',
                'result': self.folder / 'result.json',
            },
        }.get(name, {})
        arguments = [word for key, value in parameters.items() for word in ('-p', f'{key}:={value}')]
        # The second source of spikes speaks right to the decoder.
        return (
            arguments
            if name != 'spike_replayer' or second
            else [*arguments, '-r', f'{SPIKES.name}:={OF_THE_SOURCE.name}']
        )

    def signal(self, name: str, number: int) -> None:
        """Send a signal to a node."""
        os.kill(self._processes[name].pid, number)

    def pid(self, name: str) -> int:
        """The process id of a node."""
        return self._processes[name].pid

    def end(self, name: str, timeout_s: float = 10.0) -> None:
        """Wait until a node that was told to end has ended, and kill it if it does not."""
        process = self._processes[name]
        if not self.until(lambda: process.poll() is not None, timeout_s):
            process.kill()
            process.wait(timeout_s)
        del self._processes[name]

    def endpoints(self, topic: Topic) -> set[bytes]:
        """Who publishes or subscribes to a topic; who was killed is among them until DDS gives it up."""
        node = self.node
        found = *node.get_publishers_info_by_topic(topic.name), *node.get_subscriptions_info_by_topic(topic.name)
        return {bytes(each.endpoint_gid) for each in found}

    def has_ended(self, name: str) -> bool:
        """Whether a node is not there any more."""
        return name not in self._processes or self._processes[name].poll() is not None

    def missing(self) -> list[str]:
        """The nodes of the chain that have ended."""
        return [name for name in CHAIN if self.has_ended(name)]

    def mend(self) -> None:
        """Start what the chain lacks."""
        for name in CHAIN:
            if self.has_ended(name):
                self.start(name)

    # --- time

    def turn(self) -> None:
        """Pass batches on, and listen, for some 2 ms."""
        for message in self._spikes_in.receive(WAIT_NS):
            self.relay.take(spike_batch_from(message), time.monotonic_ns())
        for batch in self.relay.due(time.monotonic_ns()):
            self._spikes_out.publish(spike_batch_message(batch, 'faults'))
        for receiver, take in self._ears:
            for message in receiver.receive(0):
                take(message)

    def until(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """Go on until a condition holds; false when it does not in time."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                return False
            self.turn()
        return True

    def go_on(self, duration_s: float) -> None:
        """Let time pass."""
        self.until(lambda: False, duration_s)

    def call(self, service: Service, timeout_s: float = 20.0, **fields: Any) -> Any:
        """The answer of a service; None when there is none in time."""
        caller = client(self.node, service)
        try:
            if not self.until(caller.service_is_ready, timeout_s):
                return None
            future = caller.call_async(caller.srv_type.Request(**fields))

            def answered() -> bool:
                self._executor.spin_once(0.0)
                return future.done()

            return future.result() if self.until(answered, timeout_s) else None
        finally:
            self.node.destroy_client(caller)

    # --- what is heard

    def forget(self) -> None:
        """Keep only the latest of what was heard."""
        heard = self.heard
        self.heard = Heard(heard.states[-1:], heard.commands[-1:], heard.decodes[-1:], heard.bundles[-1:])
        self._read = {log: log.stat().st_size for log in self.folder.glob('*.log')}

    def told(self, pattern: str) -> str:
        """The first words since `forget` that match: of a command's reason, of /diagnostics, or of a log."""
        logs = (log.read_bytes()[self._read.get(log, 0) :].decode(errors='replace') for log in self._logs_written())
        lines = [line for text in logs for line in text.split('\n')]
        reasons = [command.reason for command in self.heard.commands[1:]]
        return next((line for line in (*reasons, *self.heard.statuses, *lines) if re.search(pattern, line)), '')

    def _logs_written(self) -> list[Path]:
        return [log for log in sorted(self.folder.glob('*.log')) if log.stat().st_size > self._read.get(log, 0)]

    def _take_statuses(self, message: Any) -> None:
        for status in message.status:
            if status.level != b'\x00':
                self.heard.statuses.append(f'{status.name}: {status.message}')
            for value in status.values:
                key = f'{status.name}: {value.key}'
                if value.value.isdigit():
                    if int(value.value) > self._counters.get(key, 2**63):
                        self.heard.statuses.append(key)
                    self._counters[key] = int(value.value)

    @property
    def mode(self) -> HandMode:
        """What the hand was told last; SAFE before it was told anything."""
        return self.heard.commands[-1].state if self.heard.commands else HandMode.SAFE

    @property
    def holds(self) -> bool:
        """Whether the hand has lifted an object and is told to hold it."""
        state = self.heard.states[-1] if self.heard.states else None
        return self.mode == HandMode.HOLD and state is not None and state.contact and state.lift > LIFTED_M

    def follows_since(self, time_ns: int) -> bool:
        """Whether the hand was last told, by a decode after CLOCK_MONOTONIC ``time_ns``, something else than SAFE."""
        last = self.heard.commands[-1] if self.heard.commands else None
        return last is not None and last.state != HandMode.SAFE and last.due_ns > 0 and last.published_ns > time_ns

    def motion(self) -> Motion:
        """How far the joints that close the hand were from the open posture."""
        states = [state for state in self.heard.states if set(self._joints) <= set(state.joint_name)]
        measured = [
            [dict(zip(state.joint_name, state.joint_position))[name] for name in self._joints] for state in states
        ]
        times = np.array([state.monotonic_ns for state in states], np.int64)
        return Motion(times, np.array(measured).reshape(-1, len(self._joints)))

    def told_motion(self) -> Motion:
        """How far the joints that close the hand were told to be from the open posture."""
        times = np.array([at_ns for at_ns, _ in self.heard.targets], np.int64)
        told = [angles[self._joint_index] for _, angles in self.heard.targets]
        return Motion(times, np.array(told).reshape(-1, len(self._joints)))

    def _take_targets(self, message: Any) -> None:
        self.heard.targets.append((time.monotonic_ns(), np.array(message.position)))

    def count(self, key: str) -> int:
        """A counter on /diagnostics, such as ``decoder: spikes: reordered batches``."""
        return self._counters.get(key, 0)

    def lost_batches(self) -> int:
        """Batches that the decoder has counted as lost."""
        return self.heard.decodes[-1].lost_batches if self.heard.decodes else 0

    def wait_until_up(self) -> None:
        """Wait until the hand is told something else than SAFE.

        Raises:
            GraspDecoderError: it is not, or a node has ended.
        """
        if not self.until(lambda: self.mode != HandMode.SAFE or bool(self.missing()), START_S) or self.missing():
            words = {name: process.last_words() for name, process in self._processes.items()}
            raise GraspDecoderError(f'the system did not come up in {START_S:g} s; last words: {json.dumps(words)}')
