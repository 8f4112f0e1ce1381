# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""read_session: any recording in, one `Session` out, checked and cached.

1. The source's hash and that of how it is read (mapping, names of objects) are looked up in the cache (`cache.py`).
2. An .mcap file is a run that was recorded (`mcap.py`), a .mat file with X and Y binned spikes beside movement
   (`binned_kinematics.py`). Any other .mat file goes through the fast reader (`neo_mat.py`); all else, and what that
   one does not know, through Neo (`neo_reader.py`).
3. Names are mapped, objects get their ids, times become int64 ns, spikes of a trial are merged in time order, and
   what cannot be decoded from is refused with the reason.
"""

from __future__ import annotations

import hashlib
import itertools
import logging
import operator
from dataclasses import replace
from pathlib import Path

import numpy as np

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.objects import ObjectCatalogue, load_objects
from grasp_decoder.recording import cache, mat5
from grasp_decoder.recording.annotations import plain, truth, whole_number
from grasp_decoder.recording.binned_kinematics import is_binned_kinematics, kinematics_session
from grasp_decoder.recording.mapping import Mapping, default_mapping, load_mapping
from grasp_decoder.recording.neo_mat import read_neo_mat
from grasp_decoder.recording.neo_reader import read_with_neo
from grasp_decoder.recording.recorded_block import RecordedBlock, RecordedTrial
from grasp_decoder.recording.session import Session, Trial, Unit
from grasp_decoder.types.time import to_ns

_log = logging.getLogger(__name__)
_LATEST_S = 9e9  # beyond, times do not fit into int64 ns
_TOLERANCE_NS = 1_000_000  # clocks stored as float32 seconds step by up to this much


def read_session(path, mapping=None, objects: ObjectCatalogue | None = None) -> Session:
    """The session in a file or folder.

    Args:
        path: anything that Neo reads, .mat files of NeoMatlabIO the fast way; or an .mcap file of a recorded run.
        mapping: `Mapping`, or the path of a mapping YAML; the .neo.mat schema by default.
        objects: the catalogue that knows the objects' names; the package's own by default.

    Raises:
        GraspDecoderError: the file is missing, is no recording, or cannot be decoded from.
    """
    if not str(path):
        raise GraspDecoderError('no recording is given')
    path = Path(path)
    if not isinstance(mapping, Mapping):
        mapping = default_mapping() if mapping is None else load_mapping(mapping)
    objects = load_objects() if objects is None else objects
    sha256, how = cache.source_sha256(path), _how_it_is_read(mapping, objects)
    session = cache.load(sha256, how)
    if session is None:
        if path.suffix == '.mcap':
            try:
                from grasp_decoder.recording.mcap import read_mcap  # not needed otherwise
            except ModuleNotFoundError as missing:
                raise GraspDecoderError(
                    f'{path}: MCAP files need the Python packages mcap and mcap-ros2-support ({missing})'
                ) from None
            session = read_mcap(path, sha256)
        elif path.suffix == '.mat' and is_binned_kinematics(path):
            session = kinematics_session(path, sha256)
        else:
            session = session_from_block(path, read_block(path), mapping, objects, sha256)
        session = cache.keep(session, how)
    return session if session.name else replace(session, name=_stem(path))


def _how_it_is_read(mapping: Mapping, objects: ObjectCatalogue) -> str:
    """Hash of all that decides what a recording becomes."""
    ids = [each.object_id for each in objects.objects], sorted(objects.copies), sorted(objects.names.items())
    return hashlib.sha256(repr((mapping.sha256, ids)).encode()).hexdigest()


def read_block(path: Path) -> RecordedBlock:
    """The block in a file, with names and times as the file has them."""
    if path.suffix.lower() != '.mat':
        return read_with_neo(path)
    try:
        block = read_neo_mat(path)
    except mat5.DamagedFile as damage:
        raise GraspDecoderError(f'{path}: the file is damaged: {damage}; copy it again') from None
    except Exception as reason:  # another layout can fail anywhere; Neo has the last word
        _log.info('%s: read by Neo (%s)', path, reason)
        return read_with_neo(path)
    if block is None:
        raise GraspDecoderError(
            f'{path}: a .mat file without a Neo block: expected the variable "block" that Neo\'s NeoMatlabIO writes'
        )
    return block


def session_from_block(
    path: Path, block: RecordedBlock, mapping: Mapping, objects: ObjectCatalogue, sha256: str = ''
) -> Session:
    """Map, merge and check; errors name ``path``. A block without a name gives a session without one."""
    recorded = block.trials
    if not recorded:
        raise GraspDecoderError(f'{path}: the recording has no trials (no segments in its block)')
    unit_count = len(recorded[0].spike_counts)
    if unit_count == 0:
        raise GraspDecoderError(f'{path}: the recording has no spike trains; was it spike-sorted?')
    if unit_count > np.iinfo(np.uint16).max:
        raise GraspDecoderError(f'{path}: {unit_count} units; at most {np.iinfo(np.uint16).max} can be decoded')
    units = _units(recorded[0], mapping)
    object_ids = _object_ids(path, recorded, mapping, objects)
    trials = []
    for index, trial in enumerate(recorded):
        if len(trial.spike_counts) != unit_count:
            raise GraspDecoderError(
                f'{path}: trial {index} has {len(trial.spike_counts)} spike trains, trial 0 has {unit_count};'
                ' every trial must list every unit, in the same order'
            )
        # Most trials share the very tables of the first one; values in them may be arrays, which do not compare.
        same = all(map(operator.is_, trial.unit_annotations, recorded[0].unit_annotations))
        if not same and _units(trial, mapping) != units:
            raise GraspDecoderError(f'{path}: the spike trains of trial {index} are not the units of trial 0, in order')
        trials.append(_trial(path, index, trial, object_ids[index], mapping, objects))
    _check(path, trials, mapping)
    return Session(block.name or '', units, tuple(trials), sha256)


def _stem(path: Path) -> str:
    return path.name.removesuffix('.mat').removesuffix('.neo') if path.suffix == '.mat' else path.stem


def _units(trial: RecordedTrial, mapping: Mapping) -> tuple[Unit, ...]:
    return tuple(
        Unit(
            index,
            whole_number(described.get(mapping.electrode)),
            whole_number(described.get(mapping.sort_code)),
            None if described.get(mapping.area) is None else str(plain(described[mapping.area])).strip(),
        )
        for index, described in enumerate(trial.unit_annotations)
    )


def _object_ids(path: Path, recorded: list[RecordedTrial], mapping: Mapping, objects: ObjectCatalogue) -> list[int]:
    """The object of each trial: -1 where its annotation is missing, 0 where the mapping names none."""
    if mapping.object is None:
        return [0] * len(recorded)
    called = [plain(trial.annotations.get(mapping.object)) for trial in recorded]
    for index, value in enumerate(called):
        if value is not None and not isinstance(value, str):
            called[index] = whole_number(value)
            if called[index] is None:
                raise GraspDecoderError(
                    f'{path}: trial {index}: annotation "{mapping.object}" is {value!r}, not a whole number or a name'
                )
    object_ids = {value: -1 if value is None else objects.object_id_of(value) for value in called}
    unknown = [repr(value) for value, object_id in object_ids.items() if object_id is None]
    if unknown:
        raise GraspDecoderError(
            f'{path}: annotation "{mapping.object}" says {", ".join(unknown)}, but {objects.source} lists'
            f' {", ".join(objects.names) or "numbers"}; give a catalogue that lists it (--objects, docs/sources.md)'
        )
    return [object_ids[value] for value in called]


def _trial(
    path: Path, index: int, recorded: RecordedTrial, object_id: int, mapping: Mapping, objects: ObjectCatalogue
) -> Trial:
    spans = [recorded.start_s, recorded.stop_s, *(seconds for _, seconds in recorded.events)]
    signals = (seconds for seconds, _ in recorded.signals.values())
    if not all(np.all(np.abs(seconds) < _LATEST_S) for seconds in (np.array(spans), recorded.spikes_s, *signals)):
        raise GraspDecoderError(f'{path}: trial {index} has times that are not numbers')
    times = to_ns(recorded.spikes_s)
    order = np.argsort(times, kind='stable')  # unit after unit before, so ties ascend by unit
    units = np.repeat(np.arange(len(recorded.spike_counts), dtype=np.uint16), recorded.spike_counts)[order]
    times = times[order]
    events: dict[str, int] = {}
    for label, seconds in sorted(recorded.events, key=lambda event: event[1]):
        events.setdefault(mapping.event_label(label), int(to_ns(seconds)))
    start, stop = int(to_ns(recorded.start_s)), int(to_ns(recorded.stop_s))
    if times.size:  # a spike may lie on the very end, or a rounding error outside
        start, stop = min(start, int(times[0])), max(stop, int(times[-1]) + 1)
    correct = None
    if (value := recorded.annotations.get(mapping.correct)) is not None:
        try:
            correct = truth(value)
        except ValueError as error:
            raise GraspDecoderError(f'{path}: trial {index}: annotation "{mapping.correct}" {error}') from error
    return Trial(
        index,
        start,
        stop,
        events,
        object_id,
        correct,
        times,
        units,
        {name: (to_ns(seconds), values) for name, (seconds, values) in recorded.signals.items()},
        excluded=mapping.first_excluded_object is not None
        and object_id >= mapping.first_excluded_object
        and not objects.lists(object_id),
    )


def _check(path: Path, trials: list[Trial], mapping: Mapping) -> None:
    """Refuse what cannot be decoded from, with the reason and the way out."""
    if not any(trial.times_ns.size for trial in trials):
        raise GraspDecoderError(f'{path}: no trial has a single spike')
    if mapping.object is not None and all(trial.object_id == -1 for trial in trials):
        raise GraspDecoderError(
            f'{path}: no trial has the annotation "{mapping.object}" that names its object;'
            ' say in a mapping (--map) which annotation does'
        )
    if not any('Hold' in trial.events for trial in trials):
        found = sorted({label for trial in trials for label in trial.events})
        raise GraspDecoderError(
            f'{path}: no trial has the event "Hold" (found: {", ".join(found) or "none"});'
            ' say in a mapping (--map) which event it is'
        )
    for before, after in itertools.pairwise(trials):
        if after.start_ns < before.start_ns:
            raise GraspDecoderError(
                f'{path}: trials are out of order: trial {after.id} starts before trial {before.id}; sort them by time'
            )
        if after.start_ns < before.stop_ns - _TOLERANCE_NS:
            raise GraspDecoderError(
                f'{path}: trials overlap: trial {after.id} starts before trial {before.id} ends;'
                ' are their times absolute?'
            )
    if mapping.incomplete_trials == 'refuse':
        for trial in trials:
            if trial.correct is not False and not trial.times_ns.size:
                raise GraspDecoderError(
                    f'{path}: trial {trial.id} has no spikes; was it exported whole?'
                    ' A mapping with "incomplete_trials: leave_out" goes on without it'
                )
            if trial.correct is not False and mapping.object is not None and trial.object_id == -1:
                raise GraspDecoderError(
                    f'{path}: trial {trial.id} has no annotation "{mapping.object}";'
                    ' a mapping with "incomplete_trials: leave_out" goes on without it'
                )
