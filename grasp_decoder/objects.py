# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The catalogue of objects: what recordings and people call them, what they look like, which grip they take.

One YAML file says all of it. ``config/objects.yaml`` explains every entry and is the default. Whoever wants to know
something about an object asks the `ObjectCatalogue` that `load_objects` makes of it.

Sessions, bundles and messages carry an object as an integer, its **object id**. Where the recording has a number, that
is the id. Where it has a name, the id is the object's place in the catalogue, counted from 1; copies come after the
objects. So add a new object at the end: the ids of the others, and with them the bundles that exist, stay as they are.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.share import share_directory
from grasp_decoder.yaml_file import read_yaml

_ENTRIES = ('id', 'label', 'shape', 'size_m', 'grip')


@dataclass(frozen=True)
class GraspObject:
    """One object to grasp. What the catalogue does not say is None.

    Attributes:
        object_id: its number in sessions, bundles and messages.
        label: what people call it.
        shape: word for its form. Objects of one shape differ in size.
        size_m: what the grip spans, m.
        grip: the grip that it takes; None: the default grip of the hand.
    """

    object_id: int
    label: str
    shape: str | None = None
    size_m: float | None = None
    grip: str | None = None


@dataclass(frozen=True)
class ObjectCatalogue:
    """Read with `load_objects`.

    Attributes:
        objects: in the order of the file.
        copies: id of a copy -> id of the object that it is identical to. Decoders do not tell them apart.
        names: name in recordings -> object id, copies included; empty where recordings have numbers.
        source: the file, for messages.
    """

    objects: tuple[GraspObject, ...]
    copies: Mapping[int, int] = field(default_factory=dict)
    names: Mapping[str, int] = field(default_factory=dict)
    source: str = ''

    def find(self, object_id: int) -> GraspObject:
        """The object of an id. A copy has all but the id from its original; not listed, only the id is known."""
        listed = self._by_id.get(self.copies.get(object_id, object_id))
        return replace(listed, object_id=object_id) if listed else GraspObject(object_id, f'object {object_id}')

    def lists(self, object_id: int) -> bool:
        return object_id in self._by_id or object_id in self.copies

    def object_id_of(self, recorded: int | str) -> int | None:
        """The id of what a recording calls an object; None for text or a number that says nothing here."""
        if isinstance(recorded, str):
            text = recorded.strip(' \0')
            return self.names.get(text) if self.names or not text.isdecimal() else int(text)
        return None if self.names else recorded

    def recorded(self, object_id: int) -> int | str:
        """What a recording calls an object: the reverse of `object_id_of`."""
        return next((name for name, named in self.names.items() if named == object_id), object_id)

    def in_several_sizes(self) -> tuple[GraspObject, ...]:
        """The objects whose shape comes in more than one size: what shape and size can be told apart of."""
        sized = [each for each in self.objects if each.shape is not None and each.size_m is not None]
        count = Counter(shape for shape, _ in {(each.shape, each.size_m) for each in sized})
        return tuple(each for each in sized if count[each.shape] > 1)

    def require_labels(self, object_ids: Iterable[int], labels: Iterable[str], whose: str) -> None:
        """Refuse what was made with another catalogue.

        Args:
            whose: who calls the ``object_ids`` by ``labels``; an empty label says nothing.

        Raises:
            GraspDecoderError: an object has another label here.
        """
        for object_id, label in zip(object_ids, labels):
            own = self.find(object_id).label
            if label and own != label:
                raise GraspDecoderError(
                    f"{whose} calls object {object_id} '{label}', {self.source} calls it '{own}': "
                    'give the catalogue that it was trained with (--objects)'
                )

    @cached_property
    def _by_id(self) -> dict[int, GraspObject]:
        return {each.object_id: each for each in self.objects}


def load_objects(path: str | Path | None = None) -> ObjectCatalogue:
    """Read and check a catalogue; the package's own without ``path``.

    Raises:
        GraspDecoderError: no file, no YAML, or an entry that says nothing; the message names file and entry.
    """
    return _read(Path(path)) if path else _own(share_directory() / 'config' / 'objects.yaml')


def _read(path: Path) -> ObjectCatalogue:
    return _Reader(path).catalogue(read_yaml(path, 'catalogue of objects'))


_own = cache(_read)  # the package's own is read often, and does not change while it runs


def load_merge(path: str | Path) -> ObjectCatalogue:
    """The package's own catalogue with the copies of a two-column file, recorded id -> class id (train's --merge)."""
    merge = read_yaml(path, 'merge map') or {}
    if not isinstance(merge, dict) or any(type(number) is not int for pair in merge.items() for number in pair):
        raise GraspDecoderError(f'{path} is no merge map: it needs lines "recorded id: class id"')
    return replace(load_objects(), copies=merge, source=str(path))


class _Reader:
    """Checks a catalogue while it reads it; every error names the file and the entry."""

    def __init__(self, path: Path):
        self._path = path

    def catalogue(self, content) -> ObjectCatalogue:
        if not isinstance(content, dict) or not isinstance(content.get('objects'), list) or not content['objects']:
            self._fail('the file', 'needs a list "objects" with at least one row such as "- {id: cube, grip: power}"')
        self._known(content, ('objects', 'copies'), 'the file')
        rows = [entries for row in content['objects'] for entries in self._objects(row)]
        copies = content.get('copies') or {}
        if not isinstance(copies, dict):
            self._fail('copies', 'must be a table of "id of the copy: id of the object"')
        recorded = [*(entries['id'] for entries in rows), *copies]
        self._check_ids(recorded, copies, len(rows))
        named = isinstance(recorded[0], str)
        ids = {each: position if named else each for position, each in enumerate(recorded, start=1)}
        objects = tuple(self._object(ids[entries['id']], entries) for entries in rows)
        self._once([each.label for each in objects], 'label')
        return ObjectCatalogue(
            objects,
            {ids[copy]: ids[original] for copy, original in copies.items()},
            ids if named else {},
            str(self._path),
        )

    def _fail(self, where, what):
        raise GraspDecoderError(f'{self._path}: {where}: {what}')

    def _known(self, table, names, where):
        for name in table:
            if name not in names:
                self._fail(where, f'{name} is not known here; known are {", ".join(names)}')

    def _objects(self, row) -> list[dict]:
        """The entries of each object of a row."""
        where = f'objects: {row!r}'
        if not isinstance(row, dict) or 'id' not in row:
            self._fail(where, 'must be a table with an id')
        self._known(row, _ENTRIES, where)
        if not isinstance(row['id'], list):
            return [row]
        for name, value in row.items():
            if isinstance(value, list) and len(value) != len(row['id']):
                self._fail(where, f'{name} has {len(value)} values for {len(row["id"])} ids')
        return [
            {name: value[index] if isinstance(value, list) else value for name, value in row.items()}
            for index in range(len(row['id']))
        ]

    def _check_ids(self, recorded, copies, count):
        kinds = {type(each) for each in recorded}
        if kinds != {int} and kinds != {str}:
            self._fail('objects', f'ids are either all whole numbers or all names, not {recorded}')
        if kinds == {int} and min(recorded) < 0:
            self._fail('objects', f'id {min(recorded)} is below 0')
        self._once(recorded, 'id')
        for copy, original in copies.items():
            if original not in recorded[:count]:
                self._fail('copies', f'{copy}: {original!r} is no object of this file')

    def _once(self, values, what):
        most, count = Counter(values).most_common(1)[0]
        if count > 1:
            self._fail('objects', f'{what} {most} is there {count} times')

    def _object(self, object_id, entries) -> GraspObject:
        where = f'objects: {entries["id"]}'
        for name in ('label', 'shape', 'grip'):
            if not isinstance(entries.get(name), str | None):
                self._fail(where, f'{name}: {entries[name]!r} is not text')
        size = entries.get('size_m')
        if size is not None and (type(size) not in (int, float) or not 0 < size < math.inf):
            self._fail(where, f'size_m: {size!r} is not a number above 0')
        recorded = entries['id']
        return GraspObject(
            object_id,
            entries.get('label') or (recorded if isinstance(recorded, str) else f'object {recorded}'),
            entries.get('shape'),
            size,
            entries.get('grip'),
        )
