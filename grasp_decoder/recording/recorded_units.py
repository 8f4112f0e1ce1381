# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Which spike train of a trial is which unit: by what the file says of each train, not by its place alone.

Also which of them to leave out, and which are no single neurons.
"""

from __future__ import annotations

import operator
from collections import Counter
from dataclasses import replace
from numbers import Real

import numpy as np
from numpy.typing import NDArray

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording.annotations import plain, whole_number
from grasp_decoder.recording.mapping import Mapping, as_text, listed
from grasp_decoder.recording.recorded_block import RecordedTrial
from grasp_decoder.recording.session import Unit

NAME = 'name'
"""What the name of a spike train is called beside its annotations."""

NO_NEURON = 'noise', 'mua', 'multiunit', 'multi-unit', 'multi unit', 'artifact', 'artefact', 'unsorted', 'unclassified'
"""What spike sorters call clusters that are not one neuron."""


def same_units(trials: list[RecordedTrial], mapping: Mapping) -> tuple[list[RecordedTrial], list[str]]:
    """Trials whose spike trains are the same units in the same order, without those that the mapping leaves out."""
    first = trials[0]
    unit_count = len(first.spike_counts)
    if unit_count == 0:
        raise GraspDecoderError('the recording has no spike trains; was it spike-sorted?')
    if unit_count > np.iinfo(np.uint16).max:
        raise GraspDecoderError(f'{unit_count} units; at most {np.iinfo(np.uint16).max} can be decoded')
    if mapping.unit_id is not None and mapping.unit_id not in _ids(first):
        raise GraspDecoderError(f'trial 0 {_no_id(mapping.unit_id)}')
    units, kept = units_of(first, mapping), _kept_units(first, mapping)
    found, moved = [], []
    for index, trial in enumerate(trials):
        if len(trial.spike_counts) != unit_count:
            raise GraspDecoderError(
                f'trial {index} has {len(trial.spike_counts)} spike trains, trial 0 has {unit_count};'
                ' every trial must list every unit'
            )
        # Most trials share the very tables of the first one; values in them may be arrays, which do not compare.
        if trial.unit_names != first.unit_names or not all(
            map(operator.is_, trial.unit_annotations, first.unit_annotations)
        ):
            try:
                order = _unit_order(first, trial, mapping.unit_id)
            except GraspDecoderError as error:
                raise GraspDecoderError(f'trial {index} {error}') from None
            if order is not None:
                trial = _take_units(trial, order)
                moved.append(index)
            if units_of(trial, mapping) != units:
                raise GraspDecoderError(f'the spike trains of trial {index} are not the units of trial 0, in order')
        found.append(trial if len(kept) == unit_count else _take_units(trial, kept))
    remarks = []
    if moved:
        remarks.append(
            f'trials that list their units in another order than trial 0: {len(moved)} (the first is trial {moved[0]});'
            ' they were put in order by what tells units apart'
        )
    return found, remarks + _no_neurons(found[0])


def _kept_units(first: RecordedTrial, mapping: Mapping) -> np.ndarray:
    kept = np.ones(len(first.spike_counts), dtype=bool)
    for name, words in mapping.leave_out_units.items():
        if not any(name in described for described in first.unit_annotations):
            known = {each for described in first.unit_annotations for each in described}
            raise GraspDecoderError(f'leave_out_units: no unit has the annotation "{name}" (found: {listed(known)})')
        kept &= [as_text(described.get(name)) not in words for described in first.unit_annotations]
    if not kept.any():
        raise GraspDecoderError('leave_out_units leaves out every unit')
    return np.flatnonzero(kept)


def _no_neurons(trial: RecordedTrial) -> list[str]:
    """A remark when some units are no single neurons, by the first annotation that says so."""
    for name in dict.fromkeys(name for described in trial.unit_annotations for name in described):
        said = (described.get(name) for described in trial.unit_annotations)
        found = Counter(word for word in map(plain, said) if isinstance(word, str) and word.lower() in NO_NEURON)
        if found:
            words = ', '.join(sorted(found))
            return [
                f'{found.total()} of {len(trial.unit_annotations)} units are {words} by their annotation "{name}";'
                f' this line in a mapping (--map) leaves them out: "leave_out_units: {{{name}: [{words}]}}"'
            ]
    return []


def units_of(trial: RecordedTrial, mapping: Mapping) -> tuple[Unit, ...]:
    """The table of units."""
    return tuple(
        Unit(
            index,
            whole_number(described.get(mapping.electrode)),
            whole_number(described.get(mapping.sort_code)),
            None if described.get(mapping.area) is None else str(plain(described[mapping.area])).strip(),
        )
        for index, described in enumerate(trial.unit_annotations)
    )


def _unit_order(first: RecordedTrial, trial: RecordedTrial, unit_id: str | None) -> NDArray[np.int64] | None:
    """Where the units of the first trial are in another one.

    A name or an annotation tells units apart when all of them have it and no two share it. When another trial has the
    same values in another order, its spike trains are in that order.

    Args:
        first, trial: with equally many spike trains.
        unit_id: the annotation that tells units apart, or ``name``; None to look for it.

    Returns:
        For each unit its place in ``trial``; None when the order is the same, or nothing says that it is not.

    Raises:
        GraspDecoderError: they are other units, or one annotation says another order than the next. The message begins
            in the middle of a sentence whose subject is the trial.
    """
    ours, theirs = _ids(first), _ids(trial)
    if unit_id is not None:
        ours = {unit_id: ours[unit_id]}
        if unit_id not in theirs:
            raise GraspDecoderError(_no_id(unit_id))
    found: dict[str, list[int]] = {}
    for key, values in ours.items():
        places = {value: place for place, value in enumerate(theirs.get(key, ()))}
        if places.keys() == set(values):
            found[key] = [places[value] for value in values]
        elif key in (NAME, 'id', unit_id) and places.keys() & set(values):
            missing = next(value for value in values if value not in places)
            raise GraspDecoderError(f'has other units than trial 0: none has the {key} {missing!r}')
    orders = list(found.values())
    if any(order != orders[0] for order in orders):
        keys = list(found)
        other = next(key for key in keys if found[key] != orders[0])
        raise GraspDecoderError(
            f'lists its units in one order by "{keys[0]}" and in another by "{other}"; say in a mapping (--map) which'
            f' one tells units apart, such as "unit_id: {keys[0]}"'
        )
    if not orders or orders[0] == sorted(orders[0]):
        return None
    return np.array(orders[0])


def _no_id(unit_id: str) -> str:
    return f'has no "{unit_id}" (unit_id in the mapping) that all units have and no two share'


def _take_units(trial: RecordedTrial, places: NDArray[np.int64]) -> RecordedTrial:
    """A trial with only the spike trains in some places, in their order."""
    ends = np.cumsum(trial.spike_counts)
    starts = ends - trial.spike_counts
    spikes = [trial.spikes_s[starts[place] : ends[place]] for place in places]
    return replace(
        trial,
        spikes_s=np.concatenate([np.zeros(0), *spikes]),
        spike_counts=trial.spike_counts[places],
        unit_annotations=[trial.unit_annotations[place] for place in places],
        unit_names=[trial.unit_names[place] for place in places] if trial.unit_names else [],
    )


def _ids(trial: RecordedTrial) -> dict[str, list]:
    """What tells the units of a trial apart: one value per unit, none of them twice."""
    described = trial.unit_annotations
    columns = {NAME: trial.unit_names} if trial.unit_names else {}
    for key in described[0] if described else ():
        if all(key in each for each in described):
            columns.setdefault(key, [plain(each[key]) for each in described])
    return {
        key: values
        for key, values in columns.items()
        if all(isinstance(value, (str, Real)) and value != '' for value in values) and len(set(values)) == len(values)
    }
