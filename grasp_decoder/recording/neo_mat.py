# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""NeoMatlabIO's .mat files, fast: hundreds of thousands of spike trains in seconds.

Neo itself builds an object for each train, which takes minutes. Here the file is inflated one trial at
a time and all spike trains of a trial are read together (`mat5.Columns`). What this schema does not
know is left to Neo by the caller.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from grasp_decoder.recording import mat5
from grasp_decoder.recording.recorded_block import (
    RecordedBlock,
    RecordedEpoch,
    RecordedTrial,
    add_signal,
    event_labels,
    sample_times,
    unit_factor,
)
from grasp_decoder.safe_file import open_plain

_PY_NONE = 'Py_None'  # how Neo writes an annotation that is None
_NO_NUMBERS = np.zeros(0)


def read_neo_mat(path) -> RecordedBlock | None:
    """The block of a .neo.mat file; None when the file has no variable ``block``.

    Raises:
        mat5.DamagedFile: checked in any case, since scipy may crash on such a file.
        Exception: of any kind, when the file is not laid out as Neo does it.
    """
    with open_plain(path) as file:
        block = mat5.open_variable(file, 'block')
        if block is None:
            return None
        name, trials = None, []
        unit_annotations: dict[Any, Any] = {}
        try:
            for field, size in mat5.struct_fields(block):
                if field == 'segments':
                    trials = [_trial(segment, unit_annotations) for segment in mat5.cell_elements(block, size)]
                elif field == 'name':
                    name = _plain(mat5.read_matrix(block, size).value()) or None
                else:
                    block.skip(size)
        finally:
            block.finish()
        return RecordedBlock(name, trials)


def block_of_struct(block: dict[str, Any]) -> RecordedBlock:
    """The block of a file whose values are all in memory, as those of MATLAB 7.3 are."""
    segments = [_struct(segment) for segment in _list(block.get('segments', []))]
    return RecordedBlock(_plain(block.get('name')) or None, [_trial_of_struct(segment) for segment in segments])


def _trial_of_struct(segment: dict[str, Any]) -> RecordedTrial:
    def structs(name: str) -> list[dict[str, Any]]:
        return [_struct(each) for each in _list(segment.get(name, []))]

    events, epochs, signals = _parts(structs)
    trains = structs('spiketrains')
    spikes, starts, stops = (
        [_row(train[name]) * unit_factor(train[f'{name}_units'], 's') for train in trains]
        for name in ('times', 't_start', 't_stop')
    )
    return RecordedTrial(
        _annotations(segment),
        min((each.item() for each in starts), default=math.nan),
        max((each.item() for each in stops), default=math.nan),
        events,
        np.concatenate([_NO_NUMBERS, *spikes]),
        np.array([each.size for each in spikes], dtype=np.int64),
        [_annotations(train) for train in trains],
        signals,
        [train['name'] or '' for train in trains] if all('name' in train for train in trains) else [],
        epochs,
    )


def _trial(segment: bytearray, unit_annotations: dict[bytes, Any]) -> RecordedTrial:
    fields = mat5.Matrix.at(segment, 0).fields()

    def elements(name: str) -> list[int]:
        return mat5.Matrix.at(segment, fields[name]).elements() if name in fields else []

    events, epochs, signals = _parts(
        lambda name: [_struct(mat5.Matrix.at(segment, position).value()) for position in elements(name)]
    )
    annotations = _struct(mat5.Matrix.at(segment, fields['annotations']).value()) if 'annotations' in fields else {}
    trains = elements('spiketrains')
    if not trains:
        return RecordedTrial(
            annotations, math.nan, math.nan, events, _NO_NUMBERS, np.zeros(0, np.int64), [], signals, [], epochs
        )
    columns = mat5.Columns(segment, trains)
    counts, spikes = _seconds(columns, 'times')
    starts, stops = (_seconds(columns, name) for name in ('t_start', 't_stop'))
    if np.any(starts[0] != 1) or np.any(stops[0] != 1):
        raise mat5.UnknownLayout('a spike train without start or stop')
    described: list[dict[str, Any]] = [{}] * len(trains)
    if 'annotations' in columns:
        described = columns.values('annotations', unit_annotations, _struct)
    names = columns.text('name') if 'name' in columns else []
    return RecordedTrial(
        annotations, starts[1].min(), stops[1].max(), events, spikes, counts, described, signals, names, epochs
    )


def _parts(
    structs: Callable[[str], list[dict[str, Any]]],
) -> tuple[list[tuple[str, float]], list[RecordedEpoch], dict[str, tuple[np.ndarray, np.ndarray]]]:
    """Events, epochs and signals of a segment whose parts of each kind ``structs`` gives."""
    events: list[tuple[str, float]] = []
    epochs: list[RecordedEpoch] = []
    signals: dict[str, Any] = {}
    for event in structs('events'):
        seconds = _row(event['times']) * unit_factor(event['times_units'], 's')
        labels = event_labels(_lines(event.get('labels', [])), event.get('name'), seconds.size)
        events += zip(labels, seconds.tolist(), strict=True) if seconds.size else []
    for epoch in structs('epochs'):
        begins = _row(epoch['times']) * unit_factor(epoch['times_units'], 's')
        ends = begins + _row(epoch['durations']) * unit_factor(epoch['durations_units'], 's')
        labels = event_labels(_lines(epoch.get('labels', [])), '', begins.size)
        for row in zip(labels, begins.tolist(), ends.tolist(), strict=True) if begins.size else []:
            epochs.append(RecordedEpoch(epoch.get('name') or '', *row))
    for signal in structs('analogsignals'):
        start = signal['t_start'] * unit_factor(signal['t_start_units'], 's')
        rate = signal['sampling_rate'] * unit_factor(signal['sampling_rate_units'], 'Hz')
        values = _samples(signal['signal'])
        add_signal(signals, signal.get('name'), sample_times(start, rate, len(values)), values)
    for signal in structs('irregularlysampledsignals'):
        seconds = _row(signal['times']) * unit_factor(signal['times_units'], 's')
        add_signal(signals, signal.get('name'), seconds, _samples(signal['signal']))
    return events, epochs, signals


def _seconds(columns: mat5.Columns, name: str) -> tuple[np.ndarray, np.ndarray]:
    """How many times each train has in a field, and all of them in seconds."""
    values, counts = columns.numbers(name)
    factors = [unit_factor(units, 's') for units in columns.text(name + '_units')]
    return counts, values * np.repeat(factors, counts)


def _struct(value) -> dict[str, Any]:
    plain_value = _plain(value)
    if not isinstance(plain_value, dict):
        raise mat5.UnknownLayout('a struct was expected')
    return plain_value


def _plain(value):
    """A MATLAB value as Python's: one number, one line of text, None, else as it is."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        return None if value[0] == _PY_NONE else value[0]
    if isinstance(value, np.ndarray) and value.size == 1:
        return value.item()
    return value


def _annotations(described: dict[str, Any]) -> dict[str, Any]:
    """Those of a segment or spike train; without any, MATLAB writes something empty."""
    found = described.get('annotations')
    return found if isinstance(found, dict) else {}


def _list(value) -> list:
    """The elements of cells; an empty list is written as an empty number, and one struct may stand for itself."""
    if isinstance(value, np.ndarray):
        return value.ravel().tolist()
    return value if isinstance(value, list) else [value]


def _lines(value) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _row(value) -> np.ndarray:
    return np.asarray(value, dtype=np.float64).reshape(-1)


def _samples(value) -> np.ndarray:
    """Samples by channels. A signal of one channel may lie in a row."""
    values = np.atleast_2d(np.asarray(value, dtype=np.float64))
    return values.T if values.shape[0] == 1 else values
