# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Which channel and sort code of an acquisition system is which unit of a bundle.

A decoder takes spikes by the index of their unit. A wrong index is not noticed: the hand would grasp by noise. So the
map is compared with the units that the bundle was trained on, and refused when it differs.

A file of it is CSV with the columns ``unit,channel,sort_code,electrode``. An empty sort code stands for every spike of
the channel: threshold crossings, or sorted units of one electrode together. ``electrode`` may be left out where the
channel is the number of the electrode.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from grasp_decoder.errors import GraspDecoderError, first_of
from grasp_decoder.recording.session import Unit
from grasp_decoder.safe_file import MIB, read_plain

NEEDED = ('unit', 'channel', 'sort_code')
COLUMNS = (*NEEDED, 'electrode')
MOST_UNITS = 2**16
"""A unit is sent as uint16."""


@dataclass(frozen=True)
class MappedUnit:
    """Where the spikes of one unit come from.

    Attributes:
        channel: number or name of the electrode, as the acquisition system calls it.
        sort_code: of the unit on that channel; None: every spike of the channel.
        electrode: as the recordings call it; None: unknown.
    """

    channel: str
    sort_code: int | None
    electrode: int | None


class UnitMap:
    """The units of an acquisition system, in the order of the bundle's inputs.

    Args:
        units: a row for each unit.
        name: of the file, for messages.

    Attributes:
        units, name: as given.

    Raises:
        GraspDecoderError: two units share a channel and a sort code.
    """

    def __init__(self, units: Sequence[MappedUnit], name: str):
        self.units = tuple(units)
        self.name = name
        self._index: dict[tuple[str, int | None], int] = {}
        whole = {unit.channel for unit in units if unit.sort_code is None}
        for index, unit in enumerate(units):
            place = unit.channel, None if unit.channel in whole else unit.sort_code
            if place in self._index:
                raise GraspDecoderError(
                    f'{name}: units {self._index[place]} and {index} are both channel {unit.channel}'
                    f'{_code(unit.sort_code)}: give each unit a channel and sort code of its own in a unit_map file'
                )
            self._index[place] = index

    def unit_of(self, channel: str, sort_code: int) -> int | None:
        """Index of the unit that a spike belongs to; None if it is not one of the map."""
        unit = self._index.get((channel, sort_code))
        return self._index.get((channel, None)) if unit is None else unit

    def check(self, units: Sequence[Unit], bundle: str) -> None:
        """Refuse a bundle with other units. What its recordings did not say cannot be compared.

        Args:
            units: of the bundle.
            bundle: its name, for messages.

        Raises:
            GraspDecoderError: the map does not fit; the message lists rows that differ.
        """
        if len(self.units) != len(units):
            raise GraspDecoderError(
                f'{self.name} has {len(self.units)} units and {bundle} has {len(units)}: take the map of its session'
            )
        differing = [
            f'unit {index} is electrode {mine.electrode}{_code(mine.sort_code)} in the map'
            f' and electrode {unit.electrode}{_code(unit.sort_code)} in the bundle'
            for index, (mine, unit) in enumerate(zip(self.units, units))
            if unit.electrode is not None and (mine.electrode, mine.sort_code) != (unit.electrode, unit.sort_code)
        ]
        if differing:
            raise GraspDecoderError(f'{self.name} does not fit {bundle}: {first_of(differing, between="; ")}')


def unit_map_of(units: Sequence[Unit], name: str) -> UnitMap:
    """The map for a system that calls electrodes and sort codes as the recordings do.

    Where the recordings did not say any electrode, channel ``i`` is unit ``i``.

    Raises:
        GraspDecoderError: the recordings do not tell all units apart, or say the electrodes of some units only.
    """
    unknown = [index for index, unit in enumerate(units) if unit.electrode is None]
    if len(unknown) == len(units):
        return UnitMap([MappedUnit(str(index), None, None) for index in range(len(units))], name)
    if unknown:
        raise GraspDecoderError(
            f'{name}: it does not say the electrode of unit {first_of(unknown)}: give each unit a channel in a unit_map'
            ' file'
        )
    return UnitMap([MappedUnit(str(unit.electrode), unit.sort_code, unit.electrode) for unit in units], name)


def read_unit_map(path: str | Path) -> UnitMap:
    """Read the CSV file of a map.

    Raises:
        GraspDecoderError: it cannot be read, or a row is wrong.
    """
    try:
        text = read_plain(path, MIB).decode('utf-8-sig')
    except (OSError, UnicodeDecodeError) as error:
        raise GraspDecoderError(f'{path}: cannot read the unit map: {error}') from None
    # Line ends of every kind become those that csv knows.
    rows = csv.DictReader(io.StringIO(text, newline=None))
    units: list[MappedUnit] = []
    try:
        if not set(NEEDED) <= set(rows.fieldnames or ()) <= set(COLUMNS):
            raise GraspDecoderError(f'{path}: its first line must be {",".join(COLUMNS)} (electrode may be left out)')
        for row in rows:
            units.append(_mapped_unit(row, len(units)))
    except (csv.Error, TypeError, ValueError) as error:
        raise GraspDecoderError(f'{path}, line {rows.line_num}: {error}') from None
    if not 0 < len(units) < MOST_UNITS:
        raise GraspDecoderError(f'{path} has {len(units)} units: it must have 1 to {MOST_UNITS - 1}')
    return UnitMap(units, str(path))


def unit_map_text(units: Sequence[Unit]) -> str:
    """The CSV file for the units of a session, to start from."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator='\n')
    rows.writerow(COLUMNS)
    for index, unit in enumerate(unit_map_of(units, 'the session').units):
        rows.writerow(
            [index, *('' if cell is None else cell for cell in (unit.channel, unit.sort_code, unit.electrode))]
        )
    return text.getvalue()


def _mapped_unit(row: dict[str, str], index: int) -> MappedUnit:
    if None in row or None in row.values():
        raise ValueError('it has another number of cells than the first line')
    cells = {name: cell.strip() for name, cell in row.items()}
    if cells['unit'] != str(index):
        raise ValueError(f"unit is '{cells['unit']}': units are counted from 0, and this row is unit {index}")
    channel = cells['channel']
    if not channel:
        raise ValueError('channel is empty')
    electrode = cells.get('electrode') or (channel if channel.isdecimal() else '')
    return MappedUnit(channel, _number('sort_code', cells['sort_code']), _number('electrode', electrode))


def _number(name: str, cell: str) -> int | None:
    if cell and not cell.isdecimal():
        raise ValueError(f"{name} is '{cell}': it must be a whole number or empty")
    return int(cell) if cell else None


def _code(sort_code: int | None) -> str:
    return '' if sort_code is None else f' sort code {sort_code}'
