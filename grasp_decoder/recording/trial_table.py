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

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording.recorded_block import RecordedBlock, RecordedTrial
from grasp_decoder.safe_file import MIB, read_plain

TIME = '_time'
"""A column whose name ends so holds the time of an event; the name is its label."""

_START, _STOP = ('start_time', 'start'), ('stop_time', 'stop', 'end_time', 'end')
_MOST_BYTES = 64 * MIB


@dataclass(frozen=True)
class TrialRow:
    """One trial of a table.

    Attributes:
        start_s, stop_s: on the clock of the recording.
        events: (label, seconds); the label is the name of its column.
        annotations: all other columns, without empty cells.
    """

    start_s: float
    stop_s: float
    events: tuple[tuple[str, float], ...] = ()
    annotations: dict[str, Any] = field(default_factory=dict)


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
            except (TypeError, ValueError):
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
        table = list(lines)
    except csv.Error as error:
        raise GraspDecoderError(f'{path}, line {lines.line_num}: {error}') from None
    for line, cells in enumerate(table, start=2):
        if None in cells or None in cells.values():
            raise GraspDecoderError(f'{path}, line {line}: it has another number of cells than the first line')
        try:
            rows.append(trial_row({name.strip(): _number_or_text(cell) for name, cell in cells.items()}))
        except ValueError as error:
            raise GraspDecoderError(f'{path}, line {line}: {error}') from None
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
        GraspDecoderError: a trial lies in no segment. The message begins with the trial.
    """
    rows = sorted(rows, key=lambda row: row.start_s)
    trials: list[RecordedTrial | None] = [None] * len(rows)
    for segment in block.trials:
        inside = [
            place
            for place, row in enumerate(rows)
            if trials[place] is None and row.start_s < segment.stop_s and row.stop_s > segment.start_s
        ]
        for place, trial in zip(inside, _cut_segment(segment, [rows[place] for place in inside])):
            trials[place] = trial
    for place, (trial, row) in enumerate(zip(trials, rows)):
        if trial is None:
            spans = ', '.join(f'{each.start_s:g} to {each.stop_s:g} s' for each in block.trials[:5])
            raise GraspDecoderError(
                f'trial {place} of the table ({row.start_s:g} to {row.stop_s:g} s) is not in the recording ({spans});'
                ' are the times of the table seconds of its clock?'
            )
    return RecordedBlock(block.name, [trial for trial in trials if trial is not None])


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
