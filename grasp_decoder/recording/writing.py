# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Writing a session as an NWB file (`nwb_writing.py`), or as a .neo.mat file.

The latter has NeoMatlabIO's layout in the default schema (neo_mat_mapping.yaml).
Neo's own writer makes an object of every spike train, which takes ten minutes and 3 GB for a session of 411,000
trains. Here one trial at a time is put together from bytes; tests show that Neo reads the session back.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.objects import ObjectCatalogue, load_objects
from grasp_decoder.recording.mat5_encoding import cells, field_names, number, structure, structure_of, text, write_file
from grasp_decoder.recording.nwb import SUFFIX
from grasp_decoder.recording.nwb_writing import require_pynwb, write_nwb
from grasp_decoder.recording.session import Session, Trial, Unit
from grasp_decoder.safe_file import written_whole
from grasp_decoder.types.time import NS_PER_S

_TRAIN_FIELDS = ('times', 'times_units', 't_start', 't_start_units', 't_stop', 't_stop_units', 'annotations')
_SECONDS = text('s')


def check_session_writable(path) -> None:
    """Refuse a path that `write_session` could not write, before any work is done for it."""
    if Path(path).suffix not in ('.mat', SUFFIX):
        raise GraspDecoderError(f'{path}: a session is written as .mat or .nwb: give a name that ends so')
    check_writable(path)
    if Path(path).suffix == SUFFIX:
        require_pynwb(path)


def check_writable(path) -> None:
    """Refuse a path that no file could be written to, before any work is done for it."""
    path = Path(path)
    if path.is_dir():
        raise GraspDecoderError(f'{path}: cannot be written: it is a folder')
    if not path.parent.is_dir():
        raise GraspDecoderError(f'{path}: cannot be written: no folder {path.parent}')
    if not os.access(path.parent, os.W_OK):
        raise GraspDecoderError(f'{path}: cannot be written: no permission in {path.parent}')


def write_session(session: Session, path, objects: ObjectCatalogue | None = None) -> None:
    """Write ``session``; the file appears whole or not at all. Physical units of signals are not known any more.

    Args:
        objects: the catalogue by which objects get their names; the package's own by default.
    """
    check_session_writable(path)
    objects = load_objects() if objects is None else objects
    if Path(path).suffix == SUFFIX:
        write_nwb(session, Path(path), objects)
        return
    unit_annotations = [_unit_annotations(unit) for unit in session.units]

    def segments() -> Iterator[bytes]:
        return (_segment(trial, unit_annotations, objects) for trial in session.trials)

    try:
        with written_whole(path) as file:
            write_file(file, 'block', 'segments', segments, {'name': text(session.name), 'annotations': structure({})})
    except OverflowError as error:
        raise GraspDecoderError(f'{path}: cannot be written: {error}') from None


def _unit_annotations(unit: Unit) -> bytes:
    found = {}
    if unit.electrode is not None:
        found['electrode'] = number(unit.electrode)
    if unit.sort_code is not None:
        found['u'] = number(unit.sort_code)
    if unit.area is not None:
        found['area'] = text(unit.area)
    return structure(found)


def _segment(trial: Trial, unit_annotations: list[bytes], objects: ObjectCatalogue) -> bytes:
    called = objects.recorded(trial.object_id)
    annotations = {'obj': text(called) if isinstance(called, str) else number(called)}
    if trial.correct is not None:
        annotations['correct'] = number(int(trial.correct))
    events = structure(
        {
            'times': number(_seconds(list(trial.events.values()))),
            'times_units': _SECONDS,
            'labels': text(*(label.ljust(8) for label in trial.events)),
        }
    )
    signals = [
        structure(
            {
                'times': number(_seconds(times)),
                'times_units': _SECONDS,
                'signal': number(values),
                'signal_units': text('dimensionless'),
                'name': text(name),
            }
        )
        for name, (times, values) in trial.signals.items()
    ]
    return structure(
        {
            'events': cells([events]),
            'spiketrains': cells(_trains(trial, unit_annotations)),
            'irregularlysampledsignals': cells(signals),
            'annotations': structure(annotations),
        }
    )


def _trains(trial: Trial, unit_annotations: list[bytes]) -> list[bytes]:
    order = np.argsort(trial.units, kind='stable')
    ends = np.searchsorted(trial.units[order], np.arange(len(unit_annotations)), side='right')
    head = field_names(_TRAIN_FIELDS)
    start, stop = number(trial.start_ns / NS_PER_S), number(trial.stop_ns / NS_PER_S)
    bounds = b''.join((_SECONDS, start, _SECONDS, stop, _SECONDS))
    trains = np.split(_seconds(trial.times_ns[order]), ends[:-1])
    return [
        structure_of(b''.join((head, number(times), bounds, annotations)))
        for times, annotations in zip(trains, unit_annotations)
    ]


def _seconds(times_ns) -> np.ndarray:
    return np.asarray(times_ns, dtype=np.int64) / NS_PER_S
