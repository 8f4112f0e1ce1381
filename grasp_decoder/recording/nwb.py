# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""NWB 2 files (Neurodata Without Borders), read and written with pynwb.

https://nwb-schema.readthedocs.io. Units are the rows of the units table, with their electrodes. Trials are the rows of
the trials table: a column whose name ends in ``_time`` is an event, any other an annotation. Plain time series and
positions are signals; raw recordings have types of their own. Without trials the whole is one long segment.
"""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grasp_decoder.child_process import ChildDied, call_in_child
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.objects import ObjectCatalogue
from grasp_decoder.recording.annotations import plain
from grasp_decoder.recording.recorded_block import RecordedBlock, RecordedEpoch, RecordedTrial, add_signal
from grasp_decoder.recording.session import Session
from grasp_decoder.recording.trial_table import TIME, TrialRow, cut, trial_row
from grasp_decoder.safe_file import written_whole
from grasp_decoder.types.time import NS_PER_S

SUFFIX = '.nwb'

_LONGEST_S = 3600.0
_MOST_VALUES = 100_000_000
_MOST_INTERVALS = 2_000_000
_UNKNOWN_DATE = datetime(1980, 1, 1, tzinfo=UTC)  # a file must have one, and a session does not say


def require_pynwb(path) -> None:
    """Refuse a file where pynwb is not installed."""
    try:
        import pynwb  # noqa: F401  (a second to load)
    except ModuleNotFoundError as missing:
        raise GraspDecoderError(
            f'{path}: NWB files need the Python package pynwb ({missing}): in a checkout ./run installs it when an .nwb'
            ' file is given, elsewhere pip install -r requirements/formats.in'
        ) from None


def read_nwb(path: Path) -> RecordedBlock:
    """The trials in a file. It is read in a child process: a damaged file can crash the HDF5 library.

    Raises:
        GraspDecoderError: it cannot be read, or has no units.
    """
    require_pynwb(path)
    try:
        block: RecordedBlock = call_in_child(read_nwb_here, path, seconds=_LONGEST_S)
        return block
    except ChildDied as died:
        raise GraspDecoderError(f'{path}: cannot be read: {died}') from None


def read_nwb_here(path: Path) -> RecordedBlock:
    """`read_nwb` in this process."""
    import pynwb

    try:
        with pynwb.NWBHDF5IO(str(path), 'r') as file:
            content = file.read()
            return _block(content)
    except GraspDecoderError as error:
        raise GraspDecoderError(f'{path}: {error}') from None
    except Exception as error:  # a damaged file fails in as many ways as it has bytes
        words = (str(error).splitlines() or [''])[0][:120] or type(error).__name__
        raise GraspDecoderError(f'{path}: not an NWB 2 file that pynwb can read ({words})') from None


def _block(content) -> RecordedBlock:
    if content.units is None or not len(content.units):
        raise GraspDecoderError('the recording has no units (no units table); was it spike-sorted?')
    if 'spike_times' not in content.units.colnames:
        raise GraspDecoderError('its units have no spike times (no column spike_times in the units table)')
    spikes, counts = _ragged(content.units['spike_times'])
    events = [pair for series in content.objects.values() for pair in _annotated_events(series)]
    signals: dict[str, Any] = {}
    for series in content.objects.values():
        _add_series(signals, series)
    epochs = list(_epochs(content.epochs))
    rows = _trial_rows(content.trials)
    times = [*(seconds for _, seconds in events), *(each.stop_s for each in epochs)]
    times += [bound for row in rows for bound in (row.start_s, row.stop_s)]
    start, stop = (min(0.0, spikes.min(initial=0.0), *times), max(0.0, spikes.max(initial=0.0), *times))
    whole = RecordedTrial({}, start, stop, events, spikes, counts, _units(content.units), signals, [], epochs)
    block = RecordedBlock(content.session_id or None, [whole])
    return cut(block, rows) if rows else block


def _ragged(column) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """All values of a column of lists, row after row, and how many each row has."""
    ends = np.asarray(column.data[:], dtype=np.int64)
    return np.asarray(column.target.data[:], dtype=np.float64), np.diff(ends, prepend=0)


def _units(units) -> list[dict[str, Any]]:
    """The annotations of each unit. What its own columns say of it goes before what its electrode's row says."""
    columns = {'id': [_cell(value) for value in units.id.data[:]]}
    if 'electrodes' in units.colnames:
        columns |= _of_first_electrode(units['electrodes'])
    columns |= _plain_columns(units)
    columns.pop('electrodes', None)
    if 'sort_code' in columns:
        columns['u'] = columns.pop('sort_code')
    return [
        {name: value for name, value in zip(columns, row) if value not in ('', None)}
        for row in zip(*columns.values(), strict=True)
    ]


def _of_first_electrode(column) -> dict[str, list]:
    """Number and area of the first electrode of each unit."""
    table = getattr(column, 'target', column).table
    if hasattr(column, 'target'):
        rows, ends = np.asarray(column.target.data[:], dtype=np.int64), np.asarray(column.data[:], dtype=np.int64)
        starts = np.concatenate([[0], ends[:-1]])
        first = [rows[start] if start < end else None for start, end in zip(starts, ends)]
    else:
        first = list(column.data[:])
    ids = table.id.data[:]
    areas = table['location'].data[:] if 'location' in table.colnames else [''] * len(ids)
    return {
        'electrode': [None if row is None else _cell(ids[row]) for row in first],
        'area': ['' if row is None or _cell(areas[row]) == 'unknown' else _cell(areas[row]) for row in first],
    }


def _plain_columns(table) -> dict[str, list]:
    """The columns that have one cell per row, not a list."""
    return {
        name: [_cell(value) for value in table[name].data[:]]
        for name in table.colnames
        if hasattr(table[name], 'data') and not hasattr(table[name], 'target') and np.ndim(table[name].data) == 1
    }


def _cell(value) -> str | Real | None:
    """A text, number or truth; None for anything else, such as a reference to another part of the file."""
    value = plain(value)
    value = value.item() if isinstance(value, np.generic) else value
    return value if isinstance(value, (str, Real)) else None


def _trial_rows(trials) -> list[TrialRow]:
    if trials is None:
        return []
    columns = _plain_columns(trials)
    rows = []
    for index, cells in enumerate(zip(*columns.values(), strict=True)):
        try:
            rows.append(trial_row(dict(zip(columns, cells))))
        except ValueError as error:
            raise GraspDecoderError(f'row {index} of its trials: {error}') from None
    return rows


def _epochs(epochs) -> Iterator[RecordedEpoch]:
    if epochs is not None:
        for index in range(len(epochs)):
            start, stop = (float(epochs[name].data[index]) for name in ('start_time', 'stop_time'))
            labels = epochs['tags'][index] if 'tags' in epochs.colnames else []
            yield RecordedEpoch('epochs', ', '.join(str(_cell(label)) for label in labels), start, stop)


def _annotated_events(series) -> list[tuple[str, float]]:
    if type(series).__name__ != 'AnnotationSeries':
        return []
    return [(str(_cell(label)), float(seconds)) for label, seconds in zip(series.data[:], series.timestamps[:])]


def _add_series(signals: dict, series) -> None:
    """Keep a plain time series of numbers, such as a position; raw recordings and pictures have types of their own."""
    if type(series).__name__ not in ('TimeSeries', 'SpatialSeries') or not np.size(series.data):
        return
    shape = np.shape(series.data)
    if len(shape) > 2 or math.prod(shape) > _MOST_VALUES:
        return
    values = np.asarray(series.data[:], dtype=np.float64) * (series.conversion or 1) + (series.offset or 0)
    if series.timestamps is not None:
        seconds = np.asarray(series.timestamps[:], dtype=np.float64)
    else:
        seconds = series.starting_time + np.arange(shape[0]) / series.rate
    add_signal(signals, series.name, seconds, values)


def write_nwb(session: Session, path: Path, objects: ObjectCatalogue) -> None:
    """Write a session; the file appears whole or not at all. Its date is 1980-01-01: a session has none.

    Raises:
        GraspDecoderError: it cannot be written.
    """
    require_pynwb(path)
    import pynwb

    content = pynwb.NWBFile(
        session_description=f'{len(session.trials)} trials of {session.unit_count} units, written by grasp_decoder',
        identifier=session.name or 'session',
        session_id=session.name or 'session',
        session_start_time=_UNKNOWN_DATE,
        file_create_date=_UNKNOWN_DATE,
        subject=pynwb.file.Subject(
            subject_id='unknown', sex='U', age='P0D/', description='a session does not say who it was; of any age'
        ),
    )
    _add_units(content, session)
    try:
        _add_trials(content, session, objects)
    except GraspDecoderError as error:
        raise GraspDecoderError(f'{path}: cannot be written: {error}') from None
    _add_signals(content, session)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix='.new_', ignore_cleanup_errors=True) as folder:
        scratch = Path(folder, 'new.nwb')
        with pynwb.NWBHDF5IO(str(scratch), 'w') as file:
            file.write(content)
        with open(scratch, 'rb') as whole, written_whole(path) as file:
            shutil.copyfileobj(whole, file)


def _add_units(content, session: Session) -> None:
    from hdmf.common import DynamicTableRegion, ElementIdentifiers, VectorData, VectorIndex
    from pynwb.misc import Units

    units = np.concatenate([trial.units for trial in session.trials])
    order = np.argsort(units, kind='stable')
    spikes = np.concatenate([trial.times_ns for trial in session.trials])[order] / NS_PER_S
    counts = np.bincount(units, minlength=session.unit_count)
    intervals = np.array([(trial.start_ns, trial.stop_ns) for trial in session.trials]) / NS_PER_S
    if len(intervals) * session.unit_count > _MOST_INTERVALS:  # the same for every unit: from the first to the last
        intervals = np.array([[intervals[0, 0], intervals[-1, 1]]])

    def lists(name: str, description: str, data, ends, kind=VectorData, **options) -> list:
        column = kind(name=name, description=description, data=data, **options)
        return [column, VectorIndex(name=f'{name}_index', data=np.asarray(ends, dtype=np.uint64), target=column)]

    columns = lists('spike_times', 'spikes of the unit (s)', spikes, np.cumsum(counts))
    ends = len(intervals) * np.arange(1, session.unit_count + 1)
    columns += lists('obs_intervals', 'trials (s)', np.tile(intervals, (session.unit_count, 1)), ends)
    electrodes = sorted({unit.electrode for unit in session.units if unit.electrode is not None})
    if electrodes:
        _add_electrodes(content, session, electrodes)
        rows = [electrodes.index(unit.electrode) for unit in session.units if unit.electrode is not None]
        ends = np.cumsum([unit.electrode is not None for unit in session.units])
        columns += lists('electrodes', 'where the unit was', rows, ends, DynamicTableRegion, table=content.electrodes)
    codes, areas = [unit.sort_code for unit in session.units], [unit.area for unit in session.units]
    if any(code is not None for code in codes):
        described = 'number of the unit on its electrode; NaN: unknown' if None in codes else 'number of the unit'
        data = np.array([math.nan if code is None else code for code in codes] if None in codes else codes)
        columns.append(VectorData(name='sort_code', description=described, data=data))
    if any(area is not None for area in areas):
        columns.append(VectorData(name='area', description='area of the brain', data=[area or '' for area in areas]))
    names = [column.name for column in columns if not isinstance(column, VectorIndex)]
    content.units = Units(
        name='units',
        description='sorted units',
        columns=columns,
        colnames=names,
        resolution=1 / NS_PER_S,
        id=ElementIdentifiers(name='id', data=np.arange(session.unit_count)),
    )


def _add_electrodes(content, session: Session, electrodes: list[int]) -> None:
    area_of = {unit.electrode: unit.area for unit in session.units}
    device = content.create_device(name='electrodes', description='of the recording; the session says no more of it')
    groups = {
        area: content.create_electrode_group(
            name=f'electrodes in {_name(area)}', description='electrodes of one area', location=area, device=device
        )
        for area in dict.fromkeys(area_of[each] or 'unknown' for each in electrodes)
    }
    for electrode in electrodes:
        area = area_of[electrode] or 'unknown'
        content.add_electrode(id=electrode, location=area, group=groups[area])


def _add_trials(content, session: Session, objects: ObjectCatalogue) -> None:
    labels = dict.fromkeys(label for trial in session.trials for label in trial.events)
    columns: dict[str, tuple[str, list]] = {}
    for label in labels:
        name = label + TIME
        if not label or set(label) & set('/:.') or name in ('start_time', 'stop_time'):
            raise GraspDecoderError(f'the event "{label}" cannot be a column of NWB: rename it in a mapping (--map)')
        times = [trial.events.get(label) for trial in session.trials]
        seconds = [math.nan if time is None else time / NS_PER_S for time in times]
        columns[name] = f'when {label} was (s)', seconds
    called = [None if trial.object_id < 0 else objects.recorded(trial.object_id) for trial in session.trials]
    columns['obj'] = 'the object to grasp', _filled(called)
    correct = [trial.correct for trial in session.trials]
    if set(correct) != {None}:
        words = [{True: 'true', False: 'false', None: ''}[each] for each in correct]
        columns['correct'] = 'whether the trial was done correctly', words if None in correct else correct
    for name, (description, _) in columns.items():
        content.add_trial_column(name=name, description=description)
    for index, trial in enumerate(session.trials):
        cells = {name: values[index] for name, (_, values) in columns.items()}
        content.add_trial(start_time=trial.start_ns / NS_PER_S, stop_time=trial.stop_ns / NS_PER_S, **cells)


def _filled(called: list) -> list:
    """Values of one type, with NaN or empty text for None."""
    if any(isinstance(each, str) for each in called):
        return ['' if each is None else str(each) for each in called]
    return [math.nan if each is None else float(each) for each in called] if None in called else called


def _add_signals(content, session: Session) -> None:
    import pynwb

    names = dict.fromkeys(name for trial in session.trials for name in trial.signals)
    if not names:
        return
    module = content.create_processing_module(name='behavior', description='continuous signals of the trials')
    for name in names:
        parts = [trial.signals[name] for trial in session.trials if name in trial.signals]
        times, values = (np.concatenate([part[place] for part in parts]) for place in (0, 1))
        series = pynwb.TimeSeries(
            name=_name(name),
            description='a signal that was recorded beside the spikes',
            data=values,
            unit='unknown',
            timestamps=times / NS_PER_S,
        )
        module.add(series)


def _name(text: str) -> str:
    """A name that a part of an NWB file may have."""
    return text.replace('/', '_').replace(':', '_')
