# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""A block as a file holds it becomes a `Session`: cut, mapped, merged and checked."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.objects import ObjectCatalogue
from grasp_decoder.recording.mapping import Mapping, listed
from grasp_decoder.recording.recorded_block import RecordedBlock, RecordedTrial
from grasp_decoder.recording.recorded_labels import annotation_name, correct_flags, labels, object_ids
from grasp_decoder.recording.recorded_units import same_units, units_of
from grasp_decoder.recording.session import Session, Trial
from grasp_decoder.recording.trial_table import TrialRow, cut, rows_between_events, rows_of_epochs
from grasp_decoder.types.time import NS_PER_S, to_ns

ONCE = ('Cue', 'Go', 'Hold', 'Rew')
"""Events that a trial has once, and that lie in it: what phases and objects are learnt from."""

_LATEST_S = 9e9  # beyond, times do not fit into int64 ns
_TOLERANCE_NS = 1_000_000  # clocks stored as float32 seconds step by up to this much
_GAP_S = 1.0  # between trials that are laid one after another
_LONGEST_PHASE_S = 60.0
_PHASES = ('Hold', 'Rew'), ('Go', 'Hold'), ('Cue', 'Go')


def session_from_block(
    path: Path, block: RecordedBlock, mapping: Mapping, objects: ObjectCatalogue, sha256: str = ''
) -> Session:
    """Cut, map, merge and check. A block without a name gives a session without one.

    Raises:
        GraspDecoderError: it cannot be decoded from. The message names ``path`` and says what to do.
    """
    try:
        return _session(block, mapping, objects, sha256)
    except GraspDecoderError as error:
        raise GraspDecoderError(f'{path}: {error}') from None


def _session(block: RecordedBlock, mapping: Mapping, objects: ObjectCatalogue, sha256: str) -> Session:
    if not block.trials:
        raise GraspDecoderError('the recording has no trials (no segments in its block)')
    if mapping.time_factor != 1:
        block = replace(block, trials=[_scaled(trial, mapping.time_factor) for trial in block.trials])
    block, remarks = _cut(block, mapping)
    recorded, unit_remarks = same_units(block.trials, mapping)
    recorded = _on_one_clock(recorded, mapping)
    ids, correct = object_ids(recorded, mapping, objects), correct_flags(recorded, mapping)
    trials = []
    for index, trial in enumerate(recorded):
        events, faults = _events(trial, mapping)
        if faults and correct[index] is not False and mapping.incomplete_trials == 'refuse':
            raise GraspDecoderError(_fault(index, faults[0], trial, len(recorded)))
        excluded = (
            mapping.first_excluded_object is not None
            and ids[index] >= mapping.first_excluded_object
            and not objects.lists(ids[index])
        )
        trials.append(_trial(index, trial, events, ids[index], correct[index], excluded))
    _check(trials, recorded, mapping)
    units = units_of(recorded[0], mapping)
    return Session(block.name or '', units, tuple(trials), sha256, (*block.remarks, *remarks, *unit_remarks))


def _scaled(trial: RecordedTrial, factor: float) -> RecordedTrial:
    return replace(
        trial,
        start_s=trial.start_s * factor,
        stop_s=trial.stop_s * factor,
        events=[(label, seconds * factor) for label, seconds in trial.events],
        spikes_s=trial.spikes_s * factor,
        signals={name: (seconds * factor, values) for name, (seconds, values) in trial.signals.items()},
        epochs=[replace(each, start_s=each.start_s * factor, stop_s=each.stop_s * factor) for each in trial.epochs],
        observed_s=[each * factor for each in trial.observed_s],
    )


def _cut(block: RecordedBlock, mapping: Mapping) -> tuple[RecordedBlock, list[str]]:
    """The block cut into trials where the mapping says how, and what a person should know about it."""
    if mapping.trials is not None:
        return cut(block, mapping.trials), []
    if mapping.trial_start is not None:
        start, stop = mapping.trial_start, mapping.trial_stop
        found = [rows_between_events(segment, start, stop) for segment in block.trials]
        rows = [replace(row, segment=index) for index, (some, _) in enumerate(found) for row in some]
        _require_rows(rows, f'no trial is between the events "{start}" and "{stop or start}"', block.trials)
        left_open = sum(count for _, count in found)
        missing = f'"{stop}" before the next one' if stop else 'any time after it'
        remark = f'{left_open} x "{start}" without {missing}: these are no trials'
        return cut(block, rows), [remark] * bool(left_open)
    if mapping.trial_epochs is not None:
        rows = [
            replace(row, segment=index)
            for index, segment in enumerate(block.trials)
            for row in rows_of_epochs(segment, mapping.trial_epochs)
        ]
        called = {each.name or each.label for segment in block.trials for each in segment.epochs}
        _require_rows(rows, f'no epoch is called "{mapping.trial_epochs}" (found: {listed(called)})', block.trials)
        return cut(block, rows), []
    return block, []


def _require_rows(rows: Sequence[TrialRow], problem: str, segments: Sequence[RecordedTrial]) -> None:
    if not rows:
        found = {label for segment in segments for label in labels(segment)}
        raise GraspDecoderError(f'{problem}; its events are: {listed(found)}')


def _on_one_clock(trials: list[RecordedTrial], mapping: Mapping) -> list[RecordedTrial]:
    """Trials whose times count from one start."""
    if mapping.event_clock == 'trial' and mapping.clock == 'session':
        trials = [
            replace(trial, events=[(label, seconds + trial.start_s) for label, seconds in trial.events])
            for trial in trials
        ]
    if mapping.clock == 'session':
        return trials
    found = []
    begin = 0.0
    for trial in trials:
        shift = begin - trial.start_s
        found.append(
            replace(
                trial,
                start_s=begin,
                stop_s=trial.stop_s + shift,
                events=[(label, seconds + shift) for label, seconds in trial.events],
                spikes_s=trial.spikes_s + shift,
                signals={name: (seconds + shift, values) for name, (seconds, values) in trial.signals.items()},
            )
        )
        begin = found[-1].stop_s + _GAP_S
    return found


def _events(trial: RecordedTrial, mapping: Mapping) -> tuple[dict[str, float], list[tuple[str, str]]]:
    """When each event is, s, in time order; those in doubt are left out, and given with what is wrong."""
    times: dict[str, list[float]] = {}
    for label, seconds in sorted(trial.events, key=lambda event: event[1]):
        times.setdefault(mapping.event_label(label), []).append(seconds)
    faults = []
    margin = _TOLERANCE_NS / NS_PER_S
    for label in ONCE:
        found = times.get(label, [])
        if len(found) > 1:
            faults.append((label, f'{len(found)} x "{label}"'))
        elif found and not trial.start_s - margin <= found[0] <= trial.stop_s + margin:
            span = f'{trial.start_s:g} to {trial.stop_s:g} s'
            faults.append((label, f'"{label}" at {found[0]:g} s, outside of the trial ({span})'))
    doubtful = {label for label, _ in faults}
    return {label: found[0] for label, found in times.items() if label not in doubtful}, faults


def _fault(index: int, fault: tuple[str, str], trial: RecordedTrial, trial_count: int) -> str:
    label, problem = fault
    leave_out = '' if trial_count == 1 else '; "incomplete_trials: leave_out" goes on without it'
    if 'outside' in problem:
        return (
            f'trial {index} has {problem}. Do events count from the start of their trial? Then this line in a mapping'
            f' (--map) moves them: "event_clock: trial"{leave_out}'
        )
    count = Counter(each.strip(' \0') for each, _ in trial.events)
    often = [each.strip(' \0') for each, _ in sorted(trial.events, key=lambda event: event[1])]
    often = [each for each in often if count[each] > 1] or [label]
    return (
        f'{problem} in one segment (trial {index}). If it holds several trials, say which events begin and end one in a'
        f' mapping (--map), such as "trial_start: {often[0]}" and "trial_stop: {often[-1]}", or give a table of trials'
        f' (--trial-table FILE.csv, docs/sources.md){leave_out}'
    )


def _trial(
    index: int,
    recorded: RecordedTrial,
    events: dict[str, float],
    object_id: int,
    correct: bool | None,
    excluded: bool,
) -> Trial:
    spans = [recorded.start_s, recorded.stop_s, *(seconds for _, seconds in recorded.events)]
    signals = (seconds for seconds, _ in recorded.signals.values())
    if not all(np.all(np.abs(seconds) < _LATEST_S) for seconds in (np.array(spans), recorded.spikes_s, *signals)):
        raise GraspDecoderError(f'trial {index} has times that are not numbers')
    times = to_ns(recorded.spikes_s)
    order = np.argsort(times, kind='stable')  # unit after unit before, so ties ascend by unit
    units = np.repeat(np.arange(len(recorded.spike_counts), dtype=np.uint16), recorded.spike_counts)[order]
    times = times[order]
    start, stop = int(to_ns(recorded.start_s)), int(to_ns(recorded.stop_s))
    if times.size:  # a spike may lie on the very end, or a rounding error outside
        start, stop = min(start, int(times[0])), max(stop, int(times[-1]) + 1)
    return Trial(
        index,
        start,
        stop,
        {label: int(to_ns(seconds)) for label, seconds in events.items()},
        object_id,
        correct,
        times,
        units,
        {name: (to_ns(seconds), values) for name, (seconds, values) in recorded.signals.items()},
        excluded,
    )


def _check(trials: list[Trial], recorded: list[RecordedTrial], mapping: Mapping) -> None:
    """Refuse what cannot be decoded from, with the reason and the way out."""
    if not any(trial.times_ns.size for trial in trials):
        raise GraspDecoderError('no trial has a single spike')
    if not any(trial.events for trial in trials):
        raise GraspDecoderError(
            'the recording has no events, which say when a grasp is: give a table of trials (--trial-table FILE.csv,'
            ' docs/sources.md)'
        )
    name = annotation_name(recorded, mapping.object)
    if name and all(trial.object_id == -1 for trial in trials):
        found = sorted({each for trial in recorded for each in trial.annotations})
        raise GraspDecoderError(
            f'no trial has the annotation "{name}" that names its object (found: {listed(found)}); say in a mapping'
            f' (--map) which annotation does, such as "object: {found[0] if found else "target"}", or "object: null"'
            ' when there are no objects'
        )
    if not any('Hold' in trial.events for trial in trials):
        found = sorted({label for trial in trials for label in trial.events})
        raise GraspDecoderError(
            f'no trial has the event "Hold" (found: {listed(found)}); say in a mapping (--map) which event it is,'
            f' such as "events: {{{found[0] if found else "GraspOn"}: Hold}}"'
        )
    _check_durations(trials)
    for before, after in itertools.pairwise(trials):
        if after.start_ns < before.start_ns:
            raise GraspDecoderError(
                f'trials are out of order: trial {after.id} starts before trial {before.id}; sort them by time'
            )
        if after.start_ns < before.stop_ns - _TOLERANCE_NS:
            raise GraspDecoderError(
                f'trials overlap: trial {after.id} starts before trial {before.id} ends; are their times absolute? If'
                ' the clock starts anew in each trial, this line in a mapping (--map) lays them one after another:'
                ' "clock: trial"'
            )
    if mapping.incomplete_trials == 'refuse':
        for trial in trials:
            if trial.correct is not False and not trial.times_ns.size:
                raise GraspDecoderError(
                    f'trial {trial.id} has no spikes; was it exported whole?'
                    ' A mapping with "incomplete_trials: leave_out" goes on without it'
                )
            if trial.correct is not False and trial.object_id == -1:
                raise GraspDecoderError(
                    f'trial {trial.id} has no annotation "{name}";'
                    ' a mapping with "incomplete_trials: leave_out" goes on without it'
                )


def _check_durations(trials: list[Trial]) -> None:
    """Refuse phases of minutes: what is called seconds are milliseconds then."""
    for first, last in _PHASES:
        lengths = [
            (trial.events[last] - trial.events[first]) / NS_PER_S
            for trial in trials
            if {first, last} <= {*trial.events}
        ]
        if lengths:
            length = float(np.median(lengths))
            if length > _LONGEST_PHASE_S:
                factor = 1e-3 if length < 1e3 * _LONGEST_PHASE_S else 1e-6
                raise GraspDecoderError(
                    f'from {first} to {last} it takes {length:g} s (median of {len(lengths)} trials). Are times in'
                    f' {"ms" if factor == 1e-3 else "us"}? Then this line in a mapping (--map) makes them seconds:'
                    f' "time_factor: {f"{factor:f}".rstrip("0")}"'
                )
            return
