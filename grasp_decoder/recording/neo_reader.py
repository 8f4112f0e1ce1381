# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Any recording that Neo reads, through Neo's own chooser of formats.

The readers behind Neo are many, and some crash on a file that is damaged or made to harm: they run in a child process.
"""

from __future__ import annotations

import inspect
import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from grasp_decoder.child_process import ChildDied, call_in_child
from grasp_decoder.errors import GraspDecoderError, first_line
from grasp_decoder.recording.recorded_block import (
    RecordedBlock,
    RecordedEpoch,
    RecordedTrial,
    add_signal,
    event_labels,
    sample_times,
    unit_factor,
)

Result = TypeVar('Result')

_LONGEST_S = 3600.0
_NEVER = {'PickleIO'}  # loading a pickle runs whatever code is in it


def read_with_neo(path: Path) -> RecordedBlock:
    """The segments of all blocks in a file (or folder), in order.

    Raises:
        GraspDecoderError: Neo cannot read it, or its reader crashes or takes hours.
    """
    return call_with_blocks(path, _recorded_block)


def call_with_blocks(path: Path, use: Callable[[list[Any]], Result]) -> Result:
    """What ``use``, a function of a module, makes of the blocks in a file, in a child process.

    Raises:
        GraspDecoderError: Neo cannot read it, or its reader crashes or takes hours.
    """
    try:
        made: Result = call_in_child(_call_with_blocks_here, path, use, seconds=_LONGEST_S)
        return made
    except ChildDied as died:
        raise GraspDecoderError(f'{path}: cannot be read: {died}') from None


def read_with_neo_here(path: Path) -> RecordedBlock:
    """`read_with_neo` in this process: a file that crashes a reader ends it."""
    return _call_with_blocks_here(path, _recorded_block)


def _recorded_block(blocks: list[Any]) -> RecordedBlock:
    return RecordedBlock(blocks[0].name or None, [_trial(segment) for block in blocks for segment in block.segments])


def _call_with_blocks_here(path: Path, use: Callable[[list[Any]], Result]) -> Result:
    import neo.io

    try:
        candidates = [io for io in neo.io.list_candidate_ios(path) if io.__name__ not in _NEVER]
    except ValueError:
        candidates = []
    reasons = []
    for io_class in dict.fromkeys(candidates):
        try:
            blocks = _read_blocks(io_class, path)
            made = use(blocks) if blocks else None
        except Exception as error:  # each format fails in its own way on a file that is not its own
            reasons.append(f'{io_class.__name__}: {first_line(error)}')
            continue
        if made is not None:
            return made
    if reasons:
        raise GraspDecoderError(f'{path}: not a recording that Neo can read ({"; ".join(reasons)})')
    raise GraspDecoderError(f'{path}: not a recording: Neo reads no format named "{path.suffix or path.name}"')


def _read_blocks(io_class, path: Path) -> list:
    read_only = {'mode': 'ro'} if 'mode' in inspect.signature(io_class.__init__).parameters else {}
    logging.getLogger('neo').setLevel(logging.CRITICAL)  # what fails is said once, in our words
    reader = io_class(str(path), **read_only)
    try:
        return [block for block in reader.read(lazy=False) if block is not None]
    finally:
        if hasattr(reader, 'close'):
            reader.close()


def _trial(segment) -> RecordedTrial:
    events = [
        pair
        for event in segment.events
        for pair in zip(event_labels(event.labels, event.name, len(event)), _values(event, 's').tolist(), strict=True)
    ]
    epochs = [
        RecordedEpoch(epoch.name or '', *row)
        for epoch in segment.epochs
        for row in zip(
            event_labels(epoch.labels, '', len(epoch)),
            _values(epoch, 's').tolist(),
            (_values(epoch, 's') + _values(epoch.durations, 's')).tolist(),
            strict=True,
        )
    ]
    signals: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for signal in segment.analogsignals:
        times = sample_times(_value(signal.t_start, 's'), _value(signal.sampling_rate, 'Hz'), len(signal))
        add_signal(signals, signal.name, times, signal.magnitude)
    for signal in segment.irregularlysampledsignals:
        add_signal(signals, signal.name, _values(signal.times, 's'), signal.magnitude)
    trains = segment.spiketrains
    return RecordedTrial(
        annotations=dict(segment.annotations),
        start_s=min((_value(train.t_start, 's') for train in trains), default=math.nan),
        stop_s=max((_value(train.t_stop, 's') for train in trains), default=math.nan),
        events=events,
        spikes_s=np.concatenate([np.zeros(0), *(_values(train, 's') for train in trains)]),
        spike_counts=np.array([len(train) for train in trains], dtype=np.int64),
        unit_annotations=[dict(train.annotations) for train in trains],
        signals=signals,
        unit_names=[train.name or '' for train in trains] if any(train.name for train in trains) else [],
        epochs=epochs,
    )


def _values(quantity, unit: str) -> np.ndarray:
    return quantity.magnitude.astype(np.float64) * unit_factor(quantity.dimensionality.string, unit)


def _value(quantity, unit: str) -> float:
    return float(quantity.magnitude) * unit_factor(quantity.dimensionality.string, unit)
