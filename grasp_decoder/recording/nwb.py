# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""NWB 2 files (Neurodata Without Borders), read with h5py; `nwb_writing.py` writes them with pynwb.

https://nwb-schema.readthedocs.io. Units are the rows of the units table, with their electrodes. Trials are the rows of
the trials table: a column whose name ends in ``_time`` is an event, any other an annotation. Plain time series and
positions are signals; raw recordings have types of their own. Without trials the whole is one long segment.

pynwb takes a second to load, and builds an object of everything in the file. The little that is needed here lies at
fixed places of the HDF5 file; tests read what pynwb has written.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grasp_decoder.errors import GraspDecoderError, first_line
from grasp_decoder.recording.annotations import plain
from grasp_decoder.recording.hdf5 import call_with_hdf5
from grasp_decoder.recording.recorded_block import RecordedBlock, RecordedEpoch, RecordedTrial, add_signal
from grasp_decoder.recording.trial_table import TrialRow, cut, trial_row

SUFFIX = '.nwb'

_MOST_VALUES = 100_000_000
_TRIALS, _EPOCHS, _UNITS = 'intervals/trials', 'intervals/epochs', 'units'
_ELECTRODES, _SESSION_ID = 'general/extracellular_ephys/electrodes', 'general/session_id'


def read_nwb(path: Path) -> RecordedBlock:
    """The trials in a file. It is read in a child process: a damaged file can crash the HDF5 library.

    Raises:
        GraspDecoderError: it cannot be read, or has no units.
    """
    return call_with_hdf5(read_nwb_here, path)


def read_nwb_here(path: Path) -> RecordedBlock:
    """`read_nwb` in this process."""
    try:
        import h5py
    except ModuleNotFoundError as missing:
        raise GraspDecoderError(
            f'{path}: NWB files need the Python package h5py ({missing}): in a checkout ./run installs it when an .nwb'
            ' file is given, elsewhere pip install -r requirements/formats.in'
        ) from None
    try:
        with h5py.File(path, 'r') as file:
            return _block(file)
    except GraspDecoderError as error:
        raise GraspDecoderError(f'{path}: {error}') from None
    except MemoryError:
        raise  # `call_in_child` says how much there is
    except Exception as error:  # a damaged file fails in as many ways as it has bytes
        raise GraspDecoderError(
            f'{path}: not an NWB 2 file that can be read ({first_line(error)}); copy it again'
        ) from None


def _block(file: Any) -> RecordedBlock:
    version = _cell(file.attrs.get('nwb_version', ''))
    if not str(version).removeprefix('NWB-').startswith('2'):
        raise GraspDecoderError(f'an HDF5 file of NWB {version or "no version"}: only NWB 2 can be read, convert it')
    if _UNITS not in file or not len(file[_UNITS]['id']):
        raise GraspDecoderError('the recording has no units (no units table); was it spike-sorted?')
    units = file[_UNITS]
    if 'spike_times' not in units:
        raise GraspDecoderError('its units have no spike times (no column spike_times in the units table)')
    spikes, counts = _lists(units, 'spike_times')
    described = _units(file)
    if len(counts) != len(described):
        raise GraspDecoderError(f'{len(described)} units have {len(counts)} lists of spike times: write the file again')
    events: list[tuple[str, float]] = []
    signals: dict[str, Any] = {}
    for series in _series(file):
        if _cell(series.attrs['neurodata_type']) == 'AnnotationSeries':
            events += [
                (str(_cell(label)), float(at)) for label, at in zip(series['data'][()], series['timestamps'][()])
            ]
        else:
            _add_series(signals, series)
    epochs = list(_epochs(file[_EPOCHS])) if _EPOCHS in file else []
    rows = _trial_rows(file[_TRIALS]) if _TRIALS in file else []
    times = [*(seconds for _, seconds in events), *(each.stop_s for each in epochs)]
    times += [bound for row in rows for bound in (row.start_s, row.stop_s)]
    start, stop = (min(0.0, spikes.min(initial=0.0), *times), max(0.0, spikes.max(initial=0.0), *times))
    observed = []
    if 'obs_intervals' in units:
        intervals, lengths = _lists(units, 'obs_intervals')
        observed = np.split(intervals.reshape(-1, 2), np.cumsum(lengths)[:-1])
    whole = RecordedTrial({}, start, stop, events, spikes, counts, described, signals, [], epochs, observed)
    name = _cell(file[_SESSION_ID][()]) if _SESSION_ID in file else None
    block = RecordedBlock(str(name) if name else None, [whole])
    return cut(block, rows) if rows else block


def _lists(table: Any, name: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """All values of a column of lists, row after row, and how many each row has."""
    values = np.asarray(table[name][()], dtype=np.float64)
    if f'{name}_index' not in table:  # one for each row
        return values, np.ones(len(values), dtype=np.int64)
    ends = np.asarray(table[f'{name}_index'][()], dtype=np.int64)
    counts = np.diff(ends, prepend=0)
    if counts.min(initial=0) < 0 or counts.sum() != len(values):
        raise GraspDecoderError(f'the lists of {name} are not as long as their index says: write the file again')
    return values, counts


def _units(file: Any) -> list[dict[str, Any]]:
    """The annotations of each unit. What its own columns say of it goes before what its electrode's row says."""
    units = file[_UNITS]
    columns = {'id': [_cell(value) for value in units['id'][()]]}
    if 'electrodes' in units:
        columns |= _of_first_electrode(file, units)
    columns |= _plain_columns(units)
    columns.pop('electrodes', None)
    if 'sort_code' in columns:
        columns['u'] = columns.pop('sort_code')
    return [
        {name: value for name, value in zip(columns, row) if value not in ('', None)}
        for row in zip(*columns.values(), strict=True)
    ]


def _of_first_electrode(file: Any, units: Any) -> dict[str, list]:
    """Number and area of the first electrode of each unit."""
    reference = units['electrodes'].attrs.get('table')
    table = file[_ELECTRODES if reference is None else reference]
    rows, counts = _lists(units, 'electrodes')
    starts = np.cumsum(counts) - counts
    first = [int(rows[start]) if count else None for start, count in zip(starts, counts)]
    ids = table['id'][()]
    areas = table['location'][()] if 'location' in table else [''] * len(ids)
    return {
        'electrode': [None if row is None else _cell(ids[row]) for row in first],
        'area': ['' if row is None or _cell(areas[row]) == 'unknown' else _cell(areas[row]) for row in first],
    }


def _plain_columns(table: Any) -> dict[str, list]:
    """The columns that have one cell per row, not a list, in the order of the table."""
    names = [str(_cell(name)) for name in table.attrs['colnames']]
    return {
        name: [_cell(value) for value in table[name][()]]
        for name in names
        if name in table and f'{name}_index' not in table and getattr(table[name], 'ndim', 0) == 1
    }


def _cell(value: Any) -> str | Real | None:
    """A text, number or truth; None for anything else, such as a reference to another part of the file."""
    value = plain(value)
    value = value.item() if isinstance(value, np.generic) else value
    return value if isinstance(value, (str, Real)) else None


def _trial_rows(trials: Any) -> list[TrialRow]:
    columns = _plain_columns(trials)
    rows = []
    for index, cells in enumerate(zip(*columns.values(), strict=True)):
        try:
            rows.append(trial_row(dict(zip(columns, cells))))
        except ValueError as error:
            raise GraspDecoderError(f'row {index} of its trials: {error}') from None
    return rows


def _epochs(epochs: Any) -> Iterator[RecordedEpoch]:
    bounds = [np.asarray(epochs[name][()], dtype=np.float64).tolist() for name in ('start_time', 'stop_time')]
    labels: list[list[str]] = [[] for _ in bounds[0]]
    if 'tags' in epochs and 'tags_index' in epochs:
        tags, ends = [str(_cell(tag)) for tag in epochs['tags'][()]], epochs['tags_index'][()].tolist()
        labels = [tags[start:end] for start, end in zip([0, *ends], ends)]
    for start, stop, words in zip(*bounds, labels, strict=True):
        yield RecordedEpoch('epochs', ', '.join(words), start, stop)


def _series(file: Any) -> list[Any]:
    """The plain time series of numbers or annotations; raw recordings and pictures have types of their own."""
    found: list[Any] = []

    def look(_: str, item: Any) -> None:
        if (
            _cell(item.attrs.get('neurodata_type')) in ('TimeSeries', 'SpatialSeries', 'AnnotationSeries')
            and 'data' in item
        ):
            found.append(item)

    file.visititems(look)
    return found


def _add_series(signals: dict[str, Any], series: Any) -> None:
    data = series['data']
    if data.dtype.kind not in 'iufb' or data.ndim > 2 or not 0 < math.prod(data.shape) <= _MOST_VALUES:
        return
    conversion, offset = (float(data.attrs.get(*named)) for named in (('conversion', 1.0), ('offset', 0.0)))
    values = np.asarray(data[()], dtype=np.float64) * (conversion or 1) + offset
    if 'timestamps' in series:
        seconds = np.asarray(series['timestamps'][()], dtype=np.float64)
    else:
        begin = series['starting_time']
        seconds = float(begin[()]) + np.arange(len(values)) / float(begin.attrs['rate'])
    add_signal(signals, series.name.rpartition('/')[2], seconds, values)
