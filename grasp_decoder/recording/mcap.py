"""MCAP files: writing every topic of a run, and reading one back as a session.

The files are those of rosbag2 (profile ros2, CDR messages, ros2msg definitions): Foxglove and ``ros2 bag`` open them.
Format: https://mcap.dev/spec.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from mcap.reader import make_reader
from mcap.writer import Writer
from mcap_ros2.decoder import DecoderFactory

from grasp_decoder.child_process import call_in_child
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording.message_definitions import message_definition
from grasp_decoder.recording.session import Session, Trial, Unit
from grasp_decoder.types.time import NS_PER_S

_LONGEST_S = 3600.0
SPIKES = 'grasp_decoder/msg/SpikeBatch'
TRIAL_EVENTS = 'grasp_decoder/msg/TrialEvent'


CHUNK_BYTES = 1 << 17
"""Messages are written in pieces of this size: about a second of a run is lost when the recorder is killed."""


class Recorder:
    """Writes serialized messages to an MCAP file. Close it, or the file lacks its index.

    Raises:
        GraspDecoderError: from any call, when the file cannot be written.
    """

    def __init__(self, path):
        self.path = Path(path)
        with self._writing():
            self._file = open(self.path, 'wb')  # noqa: SIM115  (`close` closes it)
        self._writer = Writer(self._file, chunk_size=CHUNK_BYTES)
        with self._writing():
            self._writer.start(profile='ros2', library='grasp_decoder')
        self._schemas: dict[str, int] = {}
        self._channels: dict[str, int] = {}

    def write(self, topic: str, type_name: str, data: bytes, log_ns: int) -> None:
        """Keep one message as it came off the wire.

        Args:
            type_name: such as ``grasp_decoder/msg/SpikeBatch``.
            data: CDR, with its header.
            log_ns: when it was received, ns since 1970.
        """
        if topic not in self._channels:
            self._channels[topic] = self._register(topic, type_name)
        with self._writing():
            self._writer.add_message(self._channels[topic], log_ns, data, publish_time=log_ns)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise GraspDecoderError(f'{self.path}: the run cannot be recorded: {error.strerror}') from None

    def _register(self, topic: str, type_name: str) -> int:
        if type_name not in self._schemas:
            definition = message_definition(type_name).encode()
            self._schemas[type_name] = self._writer.register_schema(type_name, 'ros2msg', definition)
        return self._writer.register_channel(topic, 'cdr', self._schemas[type_name], {'offered_qos_profiles': ''})

    def close(self) -> None:
        with self._writing():
            self._writer.finish()
            self._file.close()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *exception) -> None:
        self.close()


def read_mcap(path: Path, sha256: str = '') -> Session:
    """The session of `read_mcap_here`, read in a child process: a file made to harm can ask for all memory.

    Raises:
        GraspDecoderError: as there, or reading it takes hours.
    """
    try:
        session: Session = call_in_child(read_mcap_here, path, sha256, seconds=_LONGEST_S)
        return session
    except GraspDecoderError:
        raise
    except Exception as error:  # it crashed, or the messages have other fields than those of this package
        raise GraspDecoderError(f'{path}: cannot be read as a recorded run: {error}') from None


def read_mcap_here(path: Path, sha256: str = '') -> Session:
    """The session that was sent in a recorded run: each segment of its spikes is a trial.

    Trial events give a trial its events and object. Nothing is known of electrodes, and of whether a trial was
    correct. A trial is excluded when batches next to it or within it are missing.

    Raises:
        GraspDecoderError: the file is damaged, holds no spikes, or more than one source.
    """
    batches: dict[int, list] = defaultdict(list)
    events: dict[int, list] = defaultdict(list)
    broken: set[int] = set()
    last = None
    for type_name, message in _decoded(path):
        if type_name == TRIAL_EVENTS:
            events[message.segment].append(message)
            continue
        if last is not None and message.sequence != last.sequence + 1:
            if message.sequence == last.sequence:
                continue
            if message.sequence < last.sequence:
                raise GraspDecoderError(
                    f'{path}: the source was restarted within the recording: record each run in a file of its own'
                )
            broken |= {last.segment, message.segment}
        last = message
        _check_spikes(path, message)
        if message.window_end > message.window_start:
            before = batches[message.segment]
            if before and message.window_start < before[-1].window_end:
                raise GraspDecoderError(f'{path}: batch {message.sequence} begins before the one before it ends')
            before.append(message)
    unit_counts = {message.unit_count for segment in batches.values() for message in segment}
    if not unit_counts:
        raise GraspDecoderError(f'{path}: the recording holds no spikes: no {SPIKES} that covers any time')
    if len(unit_counts) > 1:
        raise GraspDecoderError(
            f'{path}: the recording holds several sources, of {sorted(unit_counts)} units: keep one of them'
        )
    trials = tuple(
        _trial(index, batches[segment], events[segment], segment in broken) for index, segment in enumerate(batches)
    )
    [unit_count] = unit_counts
    return Session(last.header.frame_id, tuple(map(Unit, range(unit_count))), trials, sha256)


def _decoded(path: Path) -> Iterator[tuple[str, Any]]:
    """Type and content of the messages that make a session, in the order in which they were received."""
    factory = DecoderFactory()
    try:
        with open(path, 'rb') as file:
            for schema, channel, message in make_reader(file).iter_messages():
                if schema is not None and schema.name in (SPIKES, TRIAL_EVENTS):
                    yield schema.name, factory.decoder_for(channel.message_encoding, schema)(message.data)
    except Exception as error:  # a damaged file fails in as many ways as it has bytes
        raise GraspDecoderError(
            f'{path}: not a whole MCAP file ({error}); was the recording cut off? "mcap recover" saves what is there'
        ) from None


def _check_spikes(path: Path, message: Any) -> None:
    """Refuse spikes that no source sends: outside of their window, or of units that are not there."""
    window_ns = message.window_end - message.window_start
    right = len(message.unit) == len(message.offset_ns) and message.unit_count <= np.iinfo(np.uint16).max
    if not right or any(unit >= message.unit_count for unit in message.unit):
        raise GraspDecoderError(f'{path}: batch {message.sequence} has spikes of units that are not there')
    if any(offset >= window_ns for offset in message.offset_ns):
        raise GraspDecoderError(f'{path}: batch {message.sequence} has spikes outside of its window')


def _trial(index: int, batches: list, events: list, broken: bool) -> Trial:
    units = [np.asarray(batch.unit, dtype=np.uint16) for batch in batches]
    times = [batch.window_start + np.asarray(batch.offset_ns, dtype=np.int64) for batch in batches]
    found: dict[str, int] = {}
    for event in sorted(events, key=_stamp_ns):
        found.setdefault(event.label, _stamp_ns(event))
    return Trial(
        index,
        batches[0].window_start,
        batches[-1].window_end,
        found,
        events[0].object_id if events else -1,
        None,
        np.concatenate(times),
        np.concatenate(units),
        excluded=broken,
    )


def _stamp_ns(message) -> int:
    return message.header.stamp.sec * NS_PER_S + message.header.stamp.nanosec
