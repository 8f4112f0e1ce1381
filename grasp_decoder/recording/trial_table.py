# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Tables of trials, and one long recording cut into trials by a table, by events or by epochs.

A row of a table says when a trial starts and stops, when its events are, and whatever else is known about it.
"""

from __future__ import annotations

import csv
import io
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grasp_decoder.errors import GraspDecoderError, first_of
from grasp_decoder.recording.recorded_block import RecordedBlock, RecordedTrial
from grasp_decoder.safe_file import MIB, read_plain

TIME = '_time'
"""A column whose name ends so holds the time of an event; the name is its label."""

_START, _STOP = ('start_time', 'start'), ('stop_time', 'stop', 'end_time', 'end')
_SEGMENT = 'segment'
_MOST_BYTES = 64 * MIB
_TOLERANCE_S = 1e-3  # clocks stored as float32 seconds step by up to this much


@dataclass(frozen=True)
class TrialRow:
    """One trial of a table.

    Attributes:
        start_s, stop_s: on the clock of the recording.
        events: (label, seconds); the label is the name of its column.
        annotations: all other columns, without empty cells.
        segment: the segment of the recording that it lies in, counted from 0; None where its times tell.
        line: of the file with the table.
    """

    start_s: float
    stop_s: float
    events: tuple[tuple[str, float], ...] = ()
    annotations: dict[str, Any] = field(default_factory=dict)
    segment: int | None = None
    line: int | None = None

    def __str__(self) -> str:
        line = '' if self.line is None else f'in line {self.line} of the table '
        return f'trial {line}({self.start_s:g} to {self.stop_s:g} s)'


def trial_row(cells: dict[str, Any]) -> TrialRow:
    """A row from its columns; empty text and NaN are empty cells.

    Raises:
        ValueError: it has no start or no stop, or a time is no number.
    """
    filled = {name: cell for name, cell in cells.items() if cell is not None and cell != '' and cell == cell}
    start, stop = (next((name for name in names if name in filled), None) for names in (_START, _STOP))
    if start is None or stop is None:
        raise ValueError('a trial needs a start_time and a stop_time')
    times = {}
    for name in filled:
        if name.endswith(TIME) or name in (start, stop):
            try:
                times[name] = float(filled[name])
            except (TypeError, ValueError, OverflowError):
                raise ValueError(f'{name} is {filled[name]!r}, not a number of seconds') from None
    if not times[start] < times[stop] < math.inf:
        raise ValueError(f'{stop} ({times[stop]:g} s) is not after {start} ({times[start]:g} s)')
    events = tuple((name, seconds) for name, seconds in times.items() if name not in (start, stop))
    return TrialRow(times[start], times[stop], events, {name: filled[name] for name in filled if name not in times})


def read_trial_table(path: str | Path) -> tuple[TrialRow, ...]:
    """The rows of a CSV file, whose cells stand between commas, semicolons or tabs.

    Raises:
        GraspDecoderError: it cannot be read, or a row is wrong.
    """
    try:
        text = read_plain(path, _MOST_BYTES).decode('utf-8-sig')
    except (OSError, ValueError) as error:  # no UTF-8, or no name of a file
        raise GraspDecoderError(f'{path}: cannot read the table of trials: {error}') from None
    head = text.partition('\n')[0]
    lines = csv.DictReader(io.StringIO(text), delimiter=max(',;\t', key=head.count))
    rows = []
    try:
        for cells in lines:
            if None in cells or None in cells.values():
                raise ValueError('it has another number of cells than the first line')
            named = {name.strip(): _number_or_text(cell) for name, cell in cells.items()}
            segment = named.pop(_SEGMENT, '')
            if segment != '' and (not isinstance(segment, int) or segment < 0):
                raise ValueError(f'{_SEGMENT} is {segment!r}, not the number of a segment, counted from 0')
            number = segment if isinstance(segment, int) else None
            rows.append(replace(trial_row(named), segment=number, line=lines.line_num))
    except (csv.Error, ValueError) as error:
        raise GraspDecoderError(f'{path}, line {lines.line_num}: {error}') from None
    if not rows:
        raise GraspDecoderError(f'{path}: the table of trials has no rows')
    return tuple(rows)


def rows_between_events(trial: RecordedTrial, start: str, stop: str | None) -> tuple[list[TrialRow], int]:
    """Trials from each event ``start`` to the next event ``stop``, or to the next start where ``stop`` is None.

    Returns:
        The rows, and how many starts have no stop before the next start.
    """
    marks = sorted((seconds, label.strip(' \0')) for label, seconds in trial.events)
    starts = [seconds for seconds, label in marks if label == start]
    stops = np.array([seconds for seconds, label in marks if label == stop])
    rows, open_ones = [], 0
    for begin, following in itertools.pairwise([*starts, math.inf]):
        if stop is None:
            end = min(following, trial.stop_s)
        else:
            later = stops[np.searchsorted(stops, begin, side='right') :]
            end = float(later[0]) if later.size else math.inf
        if begin < end <= following and end < math.inf:
            rows.append(TrialRow(begin, end))
        else:
            open_ones += 1
    return rows, open_ones


def rows_of_epochs(trial: RecordedTrial, called: str) -> list[TrialRow]:
    """One trial for each epoch of a name or label; its label is the annotation ``label``."""
    return [
        TrialRow(epoch.start_s, epoch.stop_s, (), {'label': epoch.label} if epoch.label else {})
        for epoch in trial.epochs
        if called in (epoch.name.strip(), epoch.label.strip())
    ]


def cut(block: RecordedBlock, rows: Sequence[TrialRow]) -> RecordedBlock:
    """The trials of a table out of long segments.

    Raises:
        GraspDecoderError: a trial lies in no segment, or in several whose clocks start anew; or a time is no number.
    """
    for segment in block.trials:
        times = np.concatenate([segment.spikes_s, [seconds for _, seconds in segment.events]])
        if strange := int(np.sum(~np.isfinite(times))):
            raise GraspDecoderError(f'{strange} times of spikes and events are not numbers: export it without them')
    places = [_segment_of(row, block.trials) for row in rows]
    anew = _overlapping(block.trials)
    order = sorted(range(len(rows)), key=lambda place: (places[place] if anew else 0, rows[place].start_s))
    trials: dict[int, RecordedTrial] = {}
    remarks = list(block.remarks)
    for index, segment in enumerate(block.trials):
        inside = [place for place in order if places[place] == index]
        those = [rows[place] for place in inside]
        trials |= zip(inside, _cut_segment(segment, those))
        remarks += _unobserved(segment, those)
    return RecordedBlock(block.name, [trials[place] for place in order], tuple(remarks))


def _segment_of(row: TrialRow, segments: Sequence[RecordedTrial]) -> int:
    """The segment that a trial lies in."""
    found = [
        index
        for index, segment in enumerate(segments)
        if row.segment in (None, index) and row.start_s < segment.stop_s and row.stop_s > segment.start_s
    ]
    if not found:
        where = 'the recording' if row.segment is None else f'segment {row.segment} of the recording'
        spans = first_of([f'{each.start_s:g} to {each.stop_s:g} s' for each in segments])
        raise GraspDecoderError(
            f"the {row} is not in {where} ({spans}); are its times seconds of the recording's clock?"
        )
    if _overlapping([segments[index] for index in found]):
        raise GraspDecoderError(
            f'the {row} may be in {len(found)} segments of the recording, whose clocks start anew: say which in a'
            f' column "{_SEGMENT}" of the table, counted from 0'
        )
    return found[0]


def _overlapping(segments: Sequence[RecordedTrial]) -> bool:
    spans = sorted((segment.start_s, segment.stop_s) for segment in segments)
    return any(later[0] < earlier[1] for earlier, later in itertools.pairwise(spans))


def _unobserved(segment: RecordedTrial, rows: Sequence[TrialRow]) -> list[str]:
    """A remark where units were not observed throughout all trials."""
    starts, stops = np.array([row.start_s for row in rows]), np.array([row.stop_s for row in rows])
    counted: dict[bytes, int] = {}  # most often all units have the same
    found = {}
    for unit, observed in enumerate(segment.observed_s):
        key = observed.tobytes()
        if key not in counted:
            counted[key] = int(np.sum(~_covered(observed, starts, stops)))
        if counted[key]:
            found[unit] = counted[key]
    if not found:
        return []
    most = max(found, key=lambda unit: found[unit])
    return [
        f'units that were not observed in all trials (obs_intervals), where their silence says nothing: {len(found)}'
        f' (unit {most} in {found[most]} of {len(rows)} trials)'
    ]


def _covered(observed: NDArray[np.float64], starts: NDArray, stops: NDArray) -> NDArray[np.bool_]:
    """Whether one unbroken stretch holds each trial."""
    observed = observed[np.argsort(observed[:, 0], kind='stable')]
    ends = np.maximum.accumulate(observed[:, 1])
    first = np.flatnonzero(np.concatenate([[True], observed[1:, 0] > ends[:-1] + _TOLERANCE_S])[: len(observed)])
    if not first.size:
        return np.zeros(len(starts), dtype=bool)
    until = ends[np.append(first[1:], len(ends)) - 1]
    place = np.searchsorted(observed[first, 0], starts + _TOLERANCE_S, side='right') - 1
    return (place >= 0) & (stops <= until[place] + _TOLERANCE_S)


def _cut_segment(segment: RecordedTrial, rows: Sequence[TrialRow]) -> list[RecordedTrial]:
    """The trials of rows that are in the order of their starts."""
    if not rows:
        return []
    starts, stops = np.array([row.start_s for row in rows]), np.array([row.stop_s for row in rows])
    units = np.repeat(np.arange(len(segment.spike_counts)), segment.spike_counts)
    spikes_of = _places(_row_of(segment.spikes_s, starts, stops), len(rows))  # in their order, so unit after unit
    samples_of = {
        name: _places(_row_of(seconds, starts, stops), len(rows)) for name, (seconds, _) in segment.signals.items()
    }
    event_rows = _row_of(np.array([seconds for _, seconds in segment.events]), starts, stops)
    trials = []
    for place, row in enumerate(rows):
        spikes = spikes_of[place]
        events = [segment.events[index] for index in np.flatnonzero(event_rows == place)]
        signals = {}
        for name, (seconds, values) in segment.signals.items():
            samples = samples_of[name][place]
            if samples.size:
                signals[name] = seconds[samples], values[samples]
        trials.append(
            replace(
                segment,
                annotations=segment.annotations | row.annotations,
                start_s=row.start_s,
                stop_s=row.stop_s,
                events=[*row.events, *events],
                spikes_s=segment.spikes_s[spikes],
                spike_counts=np.bincount(units[spikes], minlength=len(segment.spike_counts)),
                signals=signals,
                epochs=[],
                observed_s=[],
            )
        )
    return trials


def _row_of(seconds: NDArray, starts: NDArray, stops: NDArray) -> NDArray[np.int64]:
    """The row that each time is in, both ends included; -1 for none. Where rows touch, the later one."""
    row = np.searchsorted(starts, seconds, side='right') - 1
    return np.where((row >= 0) & (seconds <= stops[row]), row, -1)


def _places(rows: NDArray[np.int64], count: int) -> list[NDArray[np.int64]]:
    """Where each of ``count`` rows is in an array, ascending."""
    order = np.argsort(rows, kind='stable')
    bounds = np.searchsorted(rows[order], np.arange(count + 1))
    return [order[first:last] for first, last in itertools.pairwise(bounds)]


def _number_or_text(cell: str) -> int | float | str:
    text = cell.strip()
    for kind in (int, float) if '_' not in text else ():  # Python takes 1_2 for 12
        try:
            return kind(text)
        except ValueError:
            pass
    return text
