# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Sessions written as NWB 2 files (Neurodata Without Borders) with pynwb; `nwb.py` reads them."""

from __future__ import annotations

import itertools
import math
import shutil
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.objects import ObjectCatalogue
from grasp_decoder.recording.session import Session
from grasp_decoder.recording.trial_table import TIME
from grasp_decoder.safe_file import written_whole
from grasp_decoder.types.time import NS_PER_S

_MOST_INTERVALS = 2_000_000
_UNKNOWN_DATE = datetime(1980, 1, 1, tzinfo=UTC)  # a file must have one, and a session does not say


def require_pynwb(path) -> None:
    """Refuse to write a file where pynwb is not installed."""
    try:
        import pynwb  # noqa: F401  (a second to load)
    except ModuleNotFoundError as missing:
        raise GraspDecoderError(
            f'{path}: writing NWB needs the Python package pynwb ({missing}): in a checkout ./run installs it when'
            ' an .nwb file is given, elsewhere pip install -r requirements/formats.in'
        ) from None


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
    areas = dict.fromkeys(area_of[each] or 'unknown' for each in electrodes)
    groups = {
        area: content.create_electrode_group(
            name=f'electrodes in {name}', description='electrodes of one area', location=area, device=device
        )
        for area, name in _names(areas).items()
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
    for name, written in _names(names).items():
        parts = [trial.signals[name] for trial in session.trials if name in trial.signals]
        times, values = (np.concatenate([part[place] for part in parts]) for place in (0, 1))
        series = pynwb.TimeSeries(
            name=written,
            description='a signal that was recorded beside the spikes',
            data=values,
            unit='unknown',
            timestamps=times / NS_PER_S,
        )
        module.add(series)


def _names(texts: Iterable[str]) -> dict[str, str]:
    """Names that parts of an NWB file may have, no two of them the same."""
    found: dict[str, str] = {}
    for text in texts:
        name = text.replace('/', '_').replace(':', '_') or 'signal'
        others = (f'{name}_{number}' for number in itertools.count(2))
        found[text] = next(each for each in itertools.chain([name], others) if each not in found.values())
    return found
