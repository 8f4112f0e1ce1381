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
from dataclasses import asdict, dataclass, fields
from importlib import resources

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.yaml_file import read_yaml


@dataclass(frozen=True)
class Mapping:
    """How to read a recording; `neo_mat_mapping.yaml` describes every entry and is the default."""

    object: str | None
    correct: str | None
    first_excluded_object: int | None
    events: dict[str, str]
    electrode: str | None
    sort_code: str | None
    area: str | None
    incomplete_trials: str

    def event_label(self, label: str) -> str:
        """Our name of an event of the recording; padding is dropped."""
        label = label.strip(' \0')
        return self.events.get(label, label)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def default_mapping() -> Mapping:
    """The mapping of the .neo.mat schema."""
    return Mapping(**_default_entries())


def load_mapping(path) -> Mapping:
    """The mapping in a YAML file; entries that it leaves out are the default's."""
    entries = read_yaml(path, 'mapping') or {}
    _check(path, entries)
    return Mapping(**_default_entries() | entries)


def _default_entries() -> dict:
    with resources.as_file(resources.files(__package__) / 'neo_mat_mapping.yaml') as path:
        return read_yaml(path, 'mapping')


def _check(path, entries) -> None:
    known = [entry.name for entry in fields(Mapping)]
    if not isinstance(entries, dict):
        raise GraspDecoderError(f'{path}: the mapping must be a YAML table with entries such as "object: obj"')
    for name, value in entries.items():
        if name not in known:
            raise GraspDecoderError(f'{path}: unknown entry "{name}" in the mapping; known are {", ".join(known)}')
        if name == 'events':
            fits = isinstance(value, dict) and all(isinstance(label, str) for pair in value.items() for label in pair)
        elif name == 'incomplete_trials':
            fits = value in ('refuse', 'leave_out')
        elif name == 'first_excluded_object':
            fits = value is None or type(value) is int
        else:
            fits = value is None or isinstance(value, str)
        if not fits:
            raise GraspDecoderError(
                f'{path}: the mapping\'s entry "{name}" cannot be {value!r}; see neo_mat_mapping.yaml'
            )
