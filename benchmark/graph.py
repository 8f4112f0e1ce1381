# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The graph source -> decoder -> hand_bridge as three processes, and every latency in it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rclpy

from grasp_decoder.child_process import prepare_child
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.nodes.receiver import Receiver
from grasp_decoder.nodes.topics import client
from grasp_decoder.recording.reading import read_session
from grasp_decoder.system.interfaces import DECODED_GRASP, DECODER_INFO, HAND_COMMAND, RESUME, SPIKES, Service
from grasp_decoder.system.processes import NodeProcess, end_processes
from grasp_decoder.system.run_record import stage_durations
from grasp_decoder.types.decoded_grasp import DecodedGrasp
from grasp_decoder.types.from_message import decoded_grasp_from, decoder_info_from, hand_command_from

LSL_SENDER = Path(__file__).resolve().parents[1] / 'examples' / 'lsl_sender.py'
LISTEN_EVERY_S = 0.02
PATIENCE_S = 5.0
# Of the first bins, while caches and connections are cold.
WARM_UP_BINS = 25


@dataclass
class GraphRun:
    """What came out of a run of the graph, one entry per decode that led to a command.

    ``durations`` are seconds by stage: ``receive`` from the bin's edge (due time) to the batch in the decoder,
    ``binning`` to the bin closed, ``inference`` to the outputs ready, ``command`` to the hand command published,
    ``total`` from the edge to the command.
    """

    bins: int
    missed_bins: int
    lost_batches: int
    durations: dict[str, np.ndarray]
    due_ns: np.ndarray
    decodes: list[DecodedGrasp]
    bundle_sha256: list[str]


class _Ears:
    """Takes decodes and commands from their queues now and then, so that listening costs next to nothing."""

    def __init__(self, node):
        self.decodes, self.commands, self.infos = [], [], []
        self._takers = [
            (Receiver(node, topic), convert, kept)
            for topic, convert, kept in (
                (DECODED_GRASP, decoded_grasp_from, self.decodes),
                (HAND_COMMAND, hand_command_from, self.commands),
                (DECODER_INFO, decoder_info_from, self.infos),
            )
        ]

    def listen(self) -> None:
        for receiver, convert, kept in self._takers:
            kept.extend(map(convert, receiver.receive(0)))


@contextlib.contextmanager
def nodes(names_and_parameters: dict[str, dict]) -> Iterator[dict[str, NodeProcess]]:
    """Node processes that end with the block."""
    with tempfile.TemporaryDirectory(prefix='grasp_decoder_bench_') as folder:
        started = {}
        try:
            for name, parameters in names_and_parameters.items():
                arguments = [argument for key, value in parameters.items() for argument in ('-p', f'{key}:={value}')]
                started[name] = NodeProcess(name, ['--ros-args', *arguments], Path(folder, f'{name}.log'))
            yield started
        finally:
            end_processes(list(started.values()))


def run_graph(
    session: Path,
    bundle: Path,
    *,
    trials: int = 0,
    speed: float = 1.0,
    batch_ms: float = 10.0,
    loop: bool = False,
    priority: int = 0,
    lsl: bool = False,
    more: dict[str, dict] | None = None,
    until: Callable[[int], bool] | None = None,
    meanwhile: Callable[[rclpy.node.Node, dict[str, NodeProcess]], None] | None = None,
) -> GraphRun:
    """Replay ``session`` through the graph and collect what comes out.

    Args:
        lsl: a program of its own streams the session by LSL, without end and at speed 1, and the node spike_source
            takes the place of the replayer.
        more: further nodes and their parameters.
        until: given the decodes so far, whether that is enough; by default the replay ends by itself.
        meanwhile: called with a node of this process and those of the graph, some fifty times a second.

    """
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node('bench', context=context)
    ears = _Ears(node)
    stream = f'grasp_decoder benchmark {os.getpid()}'
    if lsl:
        source, parameters = 'spike_source', {'system': 'lsl', 'address': stream, 'bundle': bundle}
    else:
        source, parameters = 'spike_replayer', {'session': session, 'speed': float(speed), 'trials': trials}
        parameters |= {'loop': str(loop).lower(), 'start_paused': 'true', 'subscribers': 2}
    try:
        with (
            nodes(
                {
                    'decoder': {'bundle': bundle, 'backend': 'cpu', 'priority': priority},
                    'hand_bridge': {'priority': priority},
                    **(more or {}),
                    source: {**parameters, 'batch_ms': float(batch_ms), 'priority': priority},
                }
            ) as processes,
            contextlib.ExitStack() as stack,
        ):
            _wait(lambda: _connected(node, processes), processes, 60)
            sender = stack.enter_context(_lsl_sender(session, stream)) if lsl else None
            if sender is None:
                call(node, RESUME)
            sending = processes.pop(source)
            heard = 0
            quiet_since = None
            while quiet_since is None or time.monotonic() - quiet_since < 1.0:
                ears.listen()
                _require_alive(processes)
                if sender is not None and sender.poll() is not None:
                    raise GraspDecoderError('the sender of LSL has ended: see the messages above')
                if meanwhile:
                    meanwhile(node, {**processes, source: sending})
                if len(ears.decodes) != heard:
                    heard, quiet_since = len(ears.decodes), None
                elif quiet_since is None and sending.poll() is not None:
                    quiet_since = time.monotonic()
                if until and until(len(ears.decodes)):
                    end_processes([sending])
                time.sleep(LISTEN_EVERY_S)
            end_processes([sending])
    finally:
        node.destroy_node()
        rclpy.shutdown(context=context)
    return summarize(ears, [] if lsl else read_session(session).trials[: trials or None])


@contextlib.contextmanager
def _lsl_sender(session: Path, stream: str) -> Iterator[subprocess.Popen]:
    command = [sys.executable, LSL_SENDER, session, '--name', stream]
    sender = subprocess.Popen(command, stdout=subprocess.DEVNULL, preexec_fn=prepare_child)
    try:
        yield sender
    finally:
        sender.kill()
        sender.wait()


def _connected(node, processes) -> bool:
    return (
        node.count_subscribers(SPIKES.name) >= 2
        and node.count_subscribers(DECODED_GRASP.name) >= 2
        and node.count_publishers(HAND_COMMAND.name) >= 1
        and node.count_publishers(SPIKES.name) >= 1
    )


def _wait(condition, processes, timeout_s) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        _require_alive(processes)
        if time.monotonic() > deadline:
            raise GraspDecoderError('the nodes did not find each other: is another ROS 2 system in this domain?')
        time.sleep(0.05)


def _require_alive(processes) -> None:
    for name, process in processes.items():
        if process.poll() is not None:
            raise GraspDecoderError(f'{name} ended with status {process.poll()}: {process.last_words()}')


def call(node, service: Service, **fields):
    """Call a service and give its response."""
    caller = client(node, service)
    caller.wait_for_service(PATIENCE_S)
    future = caller.call_async(caller.srv_type.Request(**fields))
    executor = rclpy.executors.SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    executor.spin_until_future_complete(future, PATIENCE_S)
    executor.remove_node(node)
    node.destroy_client(caller)
    return future.result()


def _missed(decodes, trials, bin_ns) -> int:
    """Whole bins of the trials sent that were not decoded; of the last segment, up to its last decode.

    Without trials, each segment goes up to its last decode.
    """
    decoded = {}
    for decode in decodes:
        decoded.setdefault(decode.segment, set()).add(decode.bin)
    last = max(decoded)
    missed = 0
    for segment in range(last + 1):
        bins = decoded.get(segment, set())
        if trials and segment != last:
            trial = trials[segment % len(trials)]
            expected = (trial.stop_ns - trial.start_ns) // bin_ns
        else:
            expected = max(bins, default=-1) + 1
        missed += expected - len(bins)
    return missed


def summarize(ears, trials) -> GraphRun:
    """The run from what was heard, its ``decodes``, ``commands`` and ``infos``, while ``trials`` were replayed.

    The trials are empty where the source does not say which one a segment is.
    """
    commanded = {command.due_ns for command in ears.commands if command.due_ns}
    decodes = [decode for decode in ears.decodes[WARM_UP_BINS:] if decode.due_ns in commanded]
    return GraphRun(
        bins=len(ears.decodes),
        missed_bins=_missed(ears.decodes, trials, round(ears.infos[-1].bin_s * 1e9)),
        lost_batches=ears.decodes[-1].lost_batches,
        durations=stage_durations(decodes, ears.commands),
        due_ns=np.array([decode.due_ns for decode in decodes], np.int64),
        decodes=ears.decodes,
        bundle_sha256=[info.bundle_sha256 for info in ears.infos],
    )
