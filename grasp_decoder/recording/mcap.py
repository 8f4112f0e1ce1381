# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""MCAP files: writing every topic of a run, and reading one back as a session.

The files are those of rosbag2 (profile ros2, CDR messages, ros2msg definitions): Foxglove and ``ros2 bag`` open them.
Format: https://mcap.dev/spec.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from grasp_decoder.child_process import call_in_child
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording.mcap_messages import RecordedMessage, is_whole, recorded_messages
from grasp_decoder.recording.message_definitions import message_definition
from grasp_decoder.recording.session import Session, Trial, Unit
from grasp_decoder.types.from_message import trial_event_from
from grasp_decoder.types.time import NS_PER_S
from grasp_decoder.types.trial_event import TrialEvent, TrialResult

_CHUNK_BYTES = 16 << 10  # a second of a running system is more than that
_LONGEST_S = 3600.0
_log = logging.getLogger(__name__)
SPIKES = 'grasp_decoder/msg/SpikeBatch'
TRIAL_EVENTS = 'grasp_decoder/msg/TrialEvent'


class Recorder:
    """Writes serialized messages to an MCAP file, in small chunks, so that a crash loses the last second at most.

    When the file cannot grow any more, it stops: what was written stays, and messages that come later are counted.

    Args:
        path: of the file.
        overwrite: whether to replace a file that exists.
        offered: what the publishers of each topic offer, from `offered_qos`; others get rosbag2's default in playback.

    Attributes:
        path: as given.
        fault: why nothing is written any more, in one line; None while all is well.
        kept, lost: messages that were written, and that came after the fault.

    Raises:
        GraspDecoderError: the file cannot be written, or exists.
    """

    def __init__(self, path: str | Path, overwrite: bool = False, offered: Mapping[str, str] | None = None):
        from mcap.writer import Writer  # slow to import, and no reader needs it

        self.path = Path(path)
        self._offered = offered or {}
        self.fault: str | None = None
        self.kept = self.lost = self._latest_ns = 0
        fresh = not overwrite and not (self.path.exists() and not self.path.is_file())
        try:
            self._file = open(self.path, 'xb' if fresh else 'wb')  # noqa: SIM115  (`close` closes it)
        except FileExistsError:
            raise GraspDecoderError(
                f'{path}: the run cannot be recorded: the file exists; name another, or allow to replace it (overwrite)'
            ) from None
        except OSError as error:
            raise GraspDecoderError(f'{path}: the run cannot be recorded: {error.strerror}') from None
        self._writer = Writer(self._file, chunk_size=_CHUNK_BYTES)
        self._schemas: dict[str, int] = {}
        self._channels: dict[str, int] = {}
        self._try(lambda: self._writer.start(profile='ros2', library='grasp_decoder'))

    def write(self, topic: str, type_name: str, data: bytes, log_ns: int) -> None:
        """Keep one message as it came off the wire.

        Args:
            type_name: such as ``grasp_decoder/msg/SpikeBatch``.
            data: CDR, with its header.
            log_ns: when it was received, ns since 1970. A clock that was set back is not followed: by the times of
                messages, readers put them in order.
        """
        log_ns = self._latest_ns = max(log_ns, self._latest_ns)
        if self._try(lambda: self._add(topic, type_name, data, log_ns)):
            self.kept += 1
        else:
            self.lost += 1

    def sync(self) -> None:
        """Have all that was written on the disk. It may take as long as the disk does, and run in another thread."""
        self._try(lambda: os.fsync(self._file.fileno()))

    def close(self) -> None:
        """Write the index, by which others find their way in the file, and close it."""
        if self._try(self._writer.finish):
            self.sync()
        with contextlib.suppress(OSError):  # it would try again to write what did not fit
            self._file.close()

    def _add(self, topic: str, type_name: str, data: bytes, log_ns: int) -> None:
        if topic not in self._channels:
            self._channels[topic] = self._register(topic, type_name)
        self._writer.add_message(self._channels[topic], log_ns, data, publish_time=log_ns)
        self._file.flush()

    def _try(self, action: Callable[[], Any]) -> bool:
        """Whether an action came to its end; after the first that did not, no other is tried."""
        if self.fault is None:
            try:
                action()
            except OSError as error:
                self.fault = f'{self.path}: the run cannot be recorded: {error.strerror}'
        return self.fault is None

    def _register(self, topic: str, type_name: str) -> int:
        if type_name not in self._schemas:
            definition = message_definition(type_name).encode()
            self._schemas[type_name] = self._writer.register_schema(type_name, 'ros2msg', definition)
        metadata = {'offered_qos_profiles': self._offered.get(topic, '')}
        return self._writer.register_channel(topic, 'cdr', self._schemas[type_name], metadata)

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def offered_qos(depth: int, reliable: bool, transient_local: bool, deadline_s: float = 0.0) -> str:
    """A publisher's quality of service as rosbag2 of Jazzy keeps it, so that playback offers the same.

    A latched topic is latched then, and whoever asks for a deadline hears a topic that has one. ``deadline_s`` 0: none.
    """
    forever = {'sec': 9223372036, 'nsec': 854775807}  # RMW_DURATION_INFINITE
    deadline = dict(zip(('sec', 'nsec'), divmod(round(deadline_s * NS_PER_S), NS_PER_S))) if deadline_s else forever
    profile = {
        'history': 'keep_last',
        'depth': depth,
        'reliability': 'reliable' if reliable else 'best_effort',
        'durability': 'transient_local' if transient_local else 'volatile',
        'deadline': deadline,
        'lifespan': forever,
        'liveliness': 'automatic',
        'liveliness_lease_duration': forever,
        'avoid_ros_namespace_conventions': False,
    }
    return json.dumps([profile])  # YAML, which is what rosbag2 reads, too


def read_mcap(path: Path, sha256: str = '') -> Session:
    """The session of `read_mcap_here`, read in a child process: a file made to harm can ask for all memory.

    Raises:
        GraspDecoderError: as there, or reading it takes hours.
    """
    try:
        session: Session = call_in_child(read_mcap_here, path, sha256, seconds=_LONGEST_S)
        if not is_whole(path):
            _log.warning('%s: the recording was cut off: what came last is missing, its last trial is left out', path)
        return session
    except GraspDecoderError:
        raise
    except Exception as error:  # it crashed, or the messages have other fields than those of this package
        raise GraspDecoderError(f'{path}: cannot be read as a recorded run: {error}') from None


def read_mcap_here(path: Path, sha256: str = '') -> Session:
    """The session that was sent in a recorded run: each segment of its spikes is a trial, or several of a live source.

    Trial events give a trial its events and object, and its result where they say it. Nothing is known of electrodes. A
    trial is excluded when batches next to it or within it are missing, and the last one of a file that was cut off.
    Messages of such a file that cannot be read are left out, as if they were missing.

    Raises:
        GraspDecoderError: the file is damaged, holds no spikes, or more than one source.
    """
    batches: dict[int, list] = defaultdict(list)
    events: dict[int, list] = defaultdict(list)
    broken: set[int] = set()
    last, whole, unread = None, is_whole(path), False
    for each in recorded_messages(path, lambda _, type_name: type_name in (SPIKES, TRIAL_EVENTS)):
        try:
            message = _content(path, each)
        except GraspDecoderError:
            if whole:
                raise
            unread = True
            broken |= {last.segment} if last else set()
            continue
        if each.type == TRIAL_EVENTS:
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
        if unread:
            broken.add(message.segment)
        last, unread = message, False
        if message.window_end > message.window_start:
            before = batches[message.segment]
            if before and message.window_start < before[-1].window_end:
                raise GraspDecoderError(f'{path}: batch {message.sequence} begins before the one before it ends')
            before.append(message)
    if last is not None and not whole:
        broken.add(last.segment)
    unit_counts = {message.unit_count for segment in batches.values() for message in segment}
    if not unit_counts:
        raise GraspDecoderError(f'{path}: the recording holds no spikes: no {SPIKES} that covers any time')
    if len(unit_counts) > 1:
        raise GraspDecoderError(
            f'{path}: the recording holds several sources, of {sorted(unit_counts)} units: keep one of them'
        )
    parts = (_trials(batches[segment], events[segment], segment in broken) for segment in batches)
    trials = tuple(replace(trial, id=number) for number, trial in enumerate(chain.from_iterable(parts)))
    [unit_count] = unit_counts
    # Recordings of version 0.2 have the name in the frame.
    name = getattr(last, 'session', last.header.frame_id)
    return Session(name, tuple(map(Unit, range(unit_count))), trials, sha256)


def _content(path: Path, recorded: RecordedMessage) -> Any:
    message = recorded.content()
    if recorded.type == SPIKES:
        _check_spikes(path, message)
    return message


def _check_spikes(path: Path, message: Any) -> None:
    """Refuse spikes that no source sends: outside of their window, or of units that are not there."""
    window_ns = message.window_end - message.window_start
    right = len(message.unit) == len(message.offset_ns) and message.unit_count <= np.iinfo(np.uint16).max
    if not right or any(unit >= message.unit_count for unit in message.unit):
        raise GraspDecoderError(f'{path}: batch {message.sequence} has spikes of units that are not there')
    if any(offset >= window_ns for offset in message.offset_ns):
        raise GraspDecoderError(f'{path}: batch {message.sequence} has spikes outside of its window')


def _trials(batches: list, messages: list, broken: bool) -> list[Trial]:
    """The trials of a segment: all of it, or the stretches from each trial's first event to that of the next one.

    A segment of a replayed session is one trial, that of a live source lasts for as long as nothing is lost.
    """
    events: dict[int, list[TrialEvent]] = defaultdict(list)
    for event in sorted(map(trial_event_from, messages), key=lambda each: each.stamp_ns):
        events[event.trial].append(event)
    begin_ns, end_ns = batches[0].window_start, batches[-1].window_end
    if len(events) < 2:
        return [_trial(batches, next(iter(events.values()), []), begin_ns, end_ns, broken)]
    parts = []
    for of_trial, after in pairwise([*events.values(), None]):
        start_ns, stop_ns = max(of_trial[0].stamp_ns, begin_ns), min(after[0].stamp_ns if after else end_ns, end_ns)
        inside = [each for each in batches if each.window_start < stop_ns and each.window_end > start_ns]
        if inside and start_ns < stop_ns:
            whole = all(earlier.window_end == later.window_start for earlier, later in pairwise(inside))
            parts.append(_trial(inside, of_trial, start_ns, stop_ns, not whole or (broken and after is None)))
    return parts


def _trial(batches: list, events: list[TrialEvent], start_ns: int, stop_ns: int, broken: bool) -> Trial:
    units = np.concatenate([np.asarray(batch.unit, dtype=np.uint16) for batch in batches])
    times = np.concatenate([batch.window_start + np.asarray(batch.offset_ns, dtype=np.int64) for batch in batches])
    within = (times >= start_ns) & (times < stop_ns)
    found: dict[str, int] = {}
    object_id, result = -1, TrialResult.UNKNOWN
    for event in events:
        found.setdefault(event.label, event.stamp_ns)
        object_id = event.object_id if event.object_id >= 0 else object_id
        result = event.result or result
    return Trial(0, start_ns, stop_ns, found, object_id, result.correct, times[within], units[within], excluded=broken)
