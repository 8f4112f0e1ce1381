# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What a recording says of each trial: its object, and whether it was correct."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from typing import Any

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.objects import ObjectCatalogue
from grasp_decoder.recording.annotations import plain, truth, whole_number
from grasp_decoder.recording.mapping import Mapping, as_text
from grasp_decoder.recording.recorded_block import RecordedTrial

_MOST_SHOWN = 8


def object_ids(trials: Sequence[RecordedTrial], mapping: Mapping, objects: ObjectCatalogue) -> list[int]:
    """The object of each trial: -1 where the recording does not say, 0 where the mapping knows no objects.

    Raises:
        GraspDecoderError: an object is not in the catalogue, or a trial has two.
    """
    if not mapping.object and not mapping.objects:
        return [0] * len(trials)
    name = annotation_name(trials, mapping.object)
    called = [_called(index, trial, name, mapping) for index, trial in enumerate(trials)]
    ids = {value: -1 if value is None else objects.object_id_of(value) for value in called}
    unknown = [value for value, object_id in ids.items() if object_id is None][:_MOST_SHOWN]
    if wrong := [value for value in unknown if value in mapping.objects.values()]:
        raise GraspDecoderError(
            f'"objects" in the mapping (--map) says {", ".join(map(repr, wrong))}, but {objects.source} lists'
            f' {", ".join(objects.names) or "numbers"}; give a catalogue that lists it (--objects, docs/sources.md)'
        )
    if unknown:
        known = itertools.cycle(objects.names) if objects.names else itertools.count(1)
        meanings = ', '.join(f'{value}: {other}' for value, other in zip(unknown, known))
        raise GraspDecoderError(
            f'annotation "{name}" says {", ".join(repr(value) for value in unknown)}, but'
            f' {objects.source} lists {", ".join(objects.names) or "numbers"}; give a catalogue that lists it'
            f' (--objects, docs/sources.md), or say in a mapping (--map) which of its objects'
            f' they are: "objects: {{{meanings}}}"'
        )
    return [ids[value] for value in called]


def correct_flags(trials: Sequence[RecordedTrial], mapping: Mapping) -> list[bool | None]:
    """Whether each trial was correct; None where the recording does not say.

    Raises:
        GraspDecoderError: a word says neither yes nor no.
    """
    name = annotation_name(trials, mapping.correct)
    flags: list[bool | None] = []
    unknown: dict[str, str] = {}
    for index, trial in enumerate(trials):
        value = trial.annotations.get(name)
        flag = None
        if value is not None:
            flag = mapping.results.get(as_text(value))
            try:
                flag = truth(value) if flag is None else flag
            except ValueError as error:
                unknown.setdefault(as_text(value), f'trial {index}: annotation "{name}" {error}')
        if flag is None:
            ends = [mapping.results[label] for label in labels(trial) if label in mapping.results]
            flag = all(ends) if ends else None
        flags.append(flag)
    if unknown:
        meanings = ', '.join(f'{word}: true' for word in list(unknown)[:_MOST_SHOWN])
        raise GraspDecoderError(
            f'{next(iter(unknown.values()))}; or say in a mapping (--map) what each word means, true or false:'
            f' "results: {{{meanings}}}"'
        )
    return flags


def annotation_name(trials: Sequence[RecordedTrial], names: Sequence[str]) -> str:
    """The first of several annotations that any trial has; without one the first of all, or empty."""
    found = (name for name in names if any(trial.annotations.get(name) is not None for trial in trials))
    return next(found, names[0] if names else '')


def labels(trial: RecordedTrial) -> Collection[str]:
    """The labels of a trial's events, as the recording has them."""
    return dict.fromkeys(label.strip(' \0') for label, _ in trial.events)


def _called(index: int, trial: RecordedTrial, name: str, mapping: Mapping) -> Any:
    """What a trial's object is called in the catalogue: a number or a name; None when the recording does not say."""
    value = plain(trial.annotations.get(name))
    if value is None:
        named = dict.fromkeys(mapping.objects[label] for label in labels(trial) if label in mapping.objects)
        if len(named) > 1:
            raise GraspDecoderError(f'trial {index} has the events of several objects: {", ".join(map(str, named))}')
        return next(iter(named), None)
    if as_text(value) in mapping.objects:
        return mapping.objects[as_text(value)]
    if isinstance(value, str):
        return value
    number = whole_number(value)
    if number is None:
        raise GraspDecoderError(f'trial {index}: annotation "{name}" is {value!r}, not a whole number or a name')
    return number
