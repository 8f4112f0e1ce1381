# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Which annotation is the object, which event is Hold: how the names in a recording become ours."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields, replace
from importlib import resources
from pathlib import Path
from typing import Any

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording.annotations import plain
from grasp_decoder.recording.trial_table import TIME, TrialRow, read_trial_table
from grasp_decoder.yaml_file import read_yaml


@dataclass(frozen=True)
class Mapping:
    """How to read a recording; `neo_mat_mapping.yaml` describes every entry and is the default.

    ``trials`` holds the rows of the table that the entry names.
    """

    object: list[str]
    correct: list[str]
    objects: dict[str, int | str]
    results: dict[str, bool]
    first_excluded_object: int | None
    events: dict[str, str]
    trials: tuple[TrialRow, ...] | None
    trial_start: str | None
    trial_stop: str | None
    trial_epochs: str | None
    time_factor: float
    clock: str
    event_clock: str
    electrode: str | None
    sort_code: str | None
    area: str | None
    unit_id: str | None
    leave_out_units: dict[str, list[str]]
    incomplete_trials: str

    def event_label(self, label: str) -> str:
        """Our name of an event of the recording, or of a column of a table of trials; padding is dropped."""
        label = label.strip(' \0')
        return self.events.get(label) or self.events.get(label.removesuffix(TIME)) or label.removesuffix(TIME)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True, default=str).encode()).hexdigest()


def as_text(value: Any) -> str:
    """A value as a mapping writes it: text without padding, 20 for 20 and 20.0."""
    value = plain(value)
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def listed(words: Iterable[str]) -> str:
    """Names for a message."""
    return ', '.join(sorted(words)) or 'none'


def default_mapping() -> Mapping:
    """The mapping of the .neo.mat schema."""
    return Mapping(**_default_entries())


def load_mapping(path) -> Mapping:
    """The mapping in a YAML file; entries that it leaves out are the default's."""
    entries = read_yaml(path, 'mapping') or {}
    if not isinstance(entries, dict):
        raise GraspDecoderError(f'{path}: the mapping must be a YAML table with entries such as "object: obj"')
    given = _converted(path, entries)
    if given.get('trials') is not None:
        given['trials'] = read_trial_table(Path(path).parent / given['trials'])
    return _checked(path, Mapping(**_default_entries() | given))


def with_trials(mapping: Mapping, path) -> Mapping:
    """A mapping with the table of trials in a CSV file."""
    return _checked(path, replace(mapping, trials=read_trial_table(path)))


def _default_entries() -> dict:
    with resources.as_file(resources.files(__package__) / 'neo_mat_mapping.yaml') as path:
        return _converted(path, read_yaml(path, 'mapping'))


def _checked(path, mapping: Mapping) -> Mapping:
    """Refuse a mapping that says two ways of cutting a recording into trials."""
    ways = [name for name in ('trials', 'trial_start', 'trial_epochs') if getattr(mapping, name) is not None]
    if len(ways) > 1:
        raise GraspDecoderError(f'{path}: the mapping has both {" and ".join(ways)}: trials are found in one way only')
    if mapping.trial_stop is not None and mapping.trial_start is None:
        raise GraspDecoderError(f'{path}: the mapping has trial_stop but no trial_start')
    return mapping


def _converted(path, entries: dict) -> dict[str, Any]:
    found = {}
    for name, value in entries.items():
        if name not in _CONVERTED:
            known = ', '.join(entry.name for entry in fields(Mapping))
            raise GraspDecoderError(f'{path}: unknown entry "{name}" in the mapping; known are {known}')
        try:
            found[name] = _CONVERTED[name](value)
        except ValueError:
            raise GraspDecoderError(
                f'{path}: the mapping\'s entry "{name}" cannot be {value!r}; see neo_mat_mapping.yaml'
            ) from None
    return found


def _text(value) -> str:
    """Text; a code may be written as a number."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise ValueError
    return str(value)


def _texts(value) -> list[str]:
    return [] if value is None else [_text(each) for each in (value if isinstance(value, list) else [value])]


def _whole(value) -> int:
    if type(value) is not int:
        raise ValueError
    return value


def _whole_or_text(value) -> int | str:
    return value if isinstance(value, str) else _whole(value)


def _truth(value) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


def _above_zero(value) -> float:
    if type(value) not in (int, float) or not 0 < value <= sys.float_info.max:
        raise ValueError
    return float(value)


def _or_none(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else convert(value)


def _one_of(*words: str | None) -> Callable[[Any], Any]:
    def convert(value):
        if value not in words:
            raise ValueError
        return value

    return convert


def _table(convert: Callable[[Any], Any]) -> Callable[[Any], dict]:
    def converted(value):
        if not isinstance(value, dict):
            raise ValueError
        return {_text(key): convert(each) for key, each in value.items()}

    return converted


_CONVERTED: dict[str, Callable[[Any], Any]] = {
    'object': _texts,
    'correct': _texts,
    'objects': _table(_whole_or_text),
    'results': _table(_truth),
    'first_excluded_object': _or_none(_whole),
    'events': _table(_text),
    'trials': _or_none(_text),
    'trial_start': _or_none(_text),
    'trial_stop': _or_none(_text),
    'trial_epochs': _or_none(_text),
    'time_factor': _above_zero,
    'clock': _one_of('session', 'trial'),
    'event_clock': _one_of('session', 'trial'),
    'electrode': _or_none(_text),
    'sort_code': _or_none(_text),
    'area': _or_none(_text),
    'unit_id': _or_none(_text),
    'leave_out_units': _table(_texts),
    'incomplete_trials': _one_of('refuse', 'leave_out'),
}
