# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The graph replayer -> decoder -> hand command as three processes that talk through Redis streams.

The same plain Python as in the nodes does the work; only what carries the messages differs. Entries hold raw bytes
(a packed header and the arrays as they lie in memory), the server keeps nothing on disk and listens on a
Unix socket, and each process blocks on its stream: the fastest way that Redis offers.
"""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import shutil
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import redis

from benchmark.graph import GraphRun, summarize
from grasp_decoder.bundle.bundle import load_bundle
from grasp_decoder.bundle.engines.bundle_engines import BundleEngines, EngineOptions
from grasp_decoder.control.grasp_controller import GraspController
from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.control.joint_targets import JointTargets
from grasp_decoder.control.settings import ControlSettings
from grasp_decoder.decoding.streaming import StreamingDecoder
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.nodes.spin import COLLECT_EVERY_S
from grasp_decoder.recording.playback import Pace, Playback
from grasp_decoder.recording.reading import read_session
from grasp_decoder.types.decoded_grasp import DecodedGrasp
from grasp_decoder.types.spike_batch import SpikeBatch
from grasp_decoder.types.time import NS_PER_MS

SPIKES, TRIAL_EVENTS, DECODED, COMMANDS, JOINT_TARGETS = (
    'spikes',
    'trial_events',
    'decoded_grasp',
    'hand_command',
    'joint_targets',
)
READY = 'ready'
KEPT_BATCHES = 10_000
POLL_S = 0.1
PATIENCE_S = 60.0

_BATCH = struct.Struct('<QIqqHQQ')
_DECODE = struct.Struct('<qQIQBfiffIIfffQfffQQ')
_TEXTS = 'invalid_reason', 'bundle'
_COMMAND = struct.Struct('<QQ')


def pack_batch(batch: SpikeBatch) -> dict:
    numbers = batch.sequence, batch.segment, batch.start_ns, batch.end_ns, batch.unit_count, batch.due_ns, batch.source
    header = _BATCH.pack(*numbers)
    return {'header': header, 'unit': batch.unit.tobytes(), 'offset_ns': batch.offset_ns.tobytes()}


def unpack_batch(entry: dict) -> SpikeBatch:
    sequence, segment, start_ns, end_ns, unit_count, due_ns, source = _BATCH.unpack(entry[b'header'])
    return SpikeBatch(
        sequence,
        segment,
        start_ns,
        end_ns,
        unit_count,
        np.frombuffer(entry[b'unit'], np.uint16),
        np.frombuffer(entry[b'offset_ns'], np.uint32),
        due_ns,
        source,
    )


def pack_decode(decode: DecodedGrasp) -> dict:
    values = dict(vars(decode))
    probability = values.pop('object_probability')
    del values['dof']  # not in the ROS message either
    texts = {name: values.pop(name).encode() for name in _TEXTS}
    return {'header': _DECODE.pack(*values.values()), 'object_probability': probability.tobytes(), **texts}


def unpack_decode(entry: dict) -> DecodedGrasp:
    *values, novelty, validity, drift, source, decoder = _DECODE.unpack(entry[b'header'])
    values.insert(7, np.frombuffer(entry[b'object_probability'], np.float32))
    texts = {name: entry[name.encode()].decode() for name in _TEXTS}
    named = {'novelty': novelty, 'validity': validity, 'drift': drift, 'source': source, 'decoder': decoder}
    return DecodedGrasp(*values, **named, **texts)


def run_redis_graph(session: Path, bundle: Path, *, bins: int, batch_ms: float) -> GraphRun:
    """Replay ``session`` in a loop until so many bins have led to a command."""
    manifest = load_bundle(bundle).manifest
    with _server() as socket, contextlib.ExitStack() as stack:
        server = redis.Redis(unix_socket_path=socket)
        processes = multiprocessing.get_context('spawn')
        for work, arguments in ((_decoder, (bundle,)), (_bridge, (bundle,)), (_replayer, (session, batch_ms))):
            process = processes.Process(target=work, args=(socket, *arguments), daemon=True)
            process.start()
            stack.callback(process.join, PATIENCE_S)
            stack.callback(process.terminate)
        quiet_since, seen = time.monotonic(), 0
        while seen < bins:
            time.sleep(POLL_S)
            if (found := server.xlen(COMMANDS)) > seen:
                quiet_since, seen = time.monotonic(), found
            elif time.monotonic() - quiet_since > PATIENCE_S:
                raise GraspDecoderError('the Redis graph fell silent: see the messages above')
        heard = SimpleNamespace(
            decodes=[unpack_decode(entry) for _, entry in server.xrange(DECODED)],
            commands=[
                SimpleNamespace(**dict(zip(('due_ns', 'published_ns'), _COMMAND.unpack(entry[b'header']))))
                for _, entry in server.xrange(COMMANDS)
            ],
            infos=[SimpleNamespace(bin_s=manifest.bin_s, bundle_sha256='')],
        )
    return summarize(heard, read_session(session).trials)


@contextlib.contextmanager
def _server() -> Iterator[str]:
    """A Redis server of our own; gives its socket."""
    executable = shutil.which('redis-server')
    if executable is None:
        raise GraspDecoderError('no redis-server here: install it (on Debian and Ubuntu: apt-get install redis-server)')
    with tempfile.TemporaryDirectory(prefix='grasp_decoder_redis_') as folder:
        socket = str(Path(folder, 'redis.sock'))
        server = subprocess.Popen(
            [executable, '--port', '0', '--unixsocket', socket, '--save', '', '--appendonly', 'no', '--dir', folder],
            stdout=subprocess.DEVNULL,
        )
        try:
            deadline = time.monotonic() + PATIENCE_S
            while not Path(socket).exists():
                if server.poll() is not None or time.monotonic() > deadline:
                    raise GraspDecoderError('redis-server did not start')
                time.sleep(POLL_S)
            yield socket
        finally:
            server.terminate()
            server.wait(PATIENCE_S)


def _replayer(socket: str, session: Path, batch_ms: float) -> None:
    server = redis.Redis(unix_socket_path=socket)
    session = read_session(session)
    playback = Playback(session, session.trials, round(batch_ms * NS_PER_MS), loop=True)
    for _ in range(2):
        server.blpop([READY], PATIENCE_S)
    pace = Pace(1.0)
    for sequence, step in enumerate(_without_collections(playback)):
        due_ns = pace.due_ns(step.due_ns)
        entry = pack_batch(replace(step.batch, sequence=sequence, due_ns=due_ns))
        time.sleep(max(0, due_ns - time.monotonic_ns()) / 1e9)
        server.xadd(SPIKES, entry, maxlen=KEPT_BATCHES)
        for event in step.events:
            server.xadd(TRIAL_EVENTS, vars(event))


def _decoder(socket: str, bundle: Path) -> None:
    server = redis.Redis(unix_socket_path=socket)
    decoder = StreamingDecoder(BundleEngines(load_bundle(bundle), EngineOptions(backend='cpu')))
    server.rpush(READY, 'decoder')
    for _, entry in _without_collections(_entries(server, SPIKES)):
        received_ns = time.monotonic_ns()
        for decode in decoder.push(unpack_batch(entry), received_ns):
            server.xadd(DECODED, pack_decode(decode))


def _bridge(socket: str, bundle: Path) -> None:
    server = redis.Redis(unix_socket_path=socket)
    manifest = load_bundle(bundle).manifest
    grips = load_grip_table()
    controller, joints = GraspController(ControlSettings(), grips), JointTargets(grips)
    controller.configure(manifest.classes, manifest.bin_s, manifest.look_back, evidence=manifest.evidence)
    server.rpush(READY, 'bridge')
    for stream, entry in _without_collections(_entries(server, DECODED, SPIKES)):
        now_ns = time.monotonic_ns()
        if stream == SPIKES:
            continue  # hand_bridge listens as well, to tell a source that pauses from one that has stopped
        command = controller.step(unpack_decode(entry), now_ns)
        server.xadd(
            COMMANDS,
            {
                'header': _COMMAND.pack(command.due_ns, time.monotonic_ns()),
                'state': int(command.state),
                'grip': command.grip,
                'aperture': command.aperture,
                'reason': command.reason,
            },
        )
        server.xadd(JOINT_TARGETS, {'position': np.asarray(joints.step(command, now_ns)).tobytes()})


def _entries(server: redis.Redis, *streams: str) -> Iterator[tuple[str, dict]]:
    """Name of the stream and entry, as they come."""
    last = dict.fromkeys(streams, '0')
    while True:
        for name, entries in server.xread(last, block=1000) or ():
            for number, entry in entries:
                last[name.decode()] = number
                yield name.decode(), entry


def _without_collections(steps: Iterator) -> Iterator:
    """As the nodes do: garbage is collected now and then between two messages, never within one."""
    gc.collect()
    gc.freeze()
    gc.disable()
    collected = time.monotonic()
    for step in steps:
        yield step
        if time.monotonic() - collected > COLLECT_EVERY_S:
            gc.collect()
            collected = time.monotonic()
