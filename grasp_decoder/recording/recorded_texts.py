# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What a recording says in words, annotations and dates, each with its place: what could tell whose it is, or when."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording import mat5, mat73
from grasp_decoder.recording.hdf5 import call_with_hdf5
from grasp_decoder.recording.neo_reader import call_with_blocks
from grasp_decoder.recording.nwb import SUFFIX
from grasp_decoder.safe_file import open_plain

Texts = dict[str, set[str]]
"""Place in the recording, such as ``segments.annotations.subject`` -> all that is said there."""

_MEASURED = ('units', 'dtype')
"""Ends of the names of what says how numbers are measured."""

_OF_THE_FORMAT = ('neurodata_type', 'namespace', 'object_id', 'colnames')
"""Attributes of an NWB file that say how it is laid out."""

_PARTS = ('events', 'epochs', 'spiketrains', 'analogsignals', 'irregularlysampledsignals')
_ATTRIBUTES = ('name', 'description', 'file_origin', 'rec_datetime', 'file_datetime', 'labels')


def recorded_texts(path: Path) -> Texts:
    """What a recording says. Of several trials or units, each text is listed once.

    Raises:
        GraspDecoderError: the recording cannot be read.
    """
    if path.suffix.lower() == SUFFIX:
        return call_with_hdf5(nwb_texts_here, path)
    found: defaultdict[str, set[str]] = defaultdict(set)
    try:
        known = path.suffix.lower() == '.mat' and _note_mat(path, found)
    except Exception:  # another layout can fail anywhere; Neo has the last word
        known = False
    return dict(found) if known else call_with_blocks(path, _texts_of_blocks)


def nwb_texts_here(path: Path) -> Texts:
    """All texts of an NWB file, in this process: its datasets and attributes, without the format's own words."""
    import h5py

    found: defaultdict[str, set[str]] = defaultdict(set)

    def note(name: str, item: Any) -> None:
        place = name.replace('/', '.')
        if place.startswith('specifications'):  # of the format, word for word
            return
        for attribute, value in item.attrs.items():
            if attribute not in _OF_THE_FORMAT:
                _note(found, _joined(place, attribute), value)
        if isinstance(item, h5py.Dataset) and item.dtype.kind in 'SO' and h5py.check_ref_dtype(item.dtype) is None:
            _note(found, place, item[()])

    try:
        with h5py.File(path, 'r') as file:
            note('', file)
            file.visititems(note)
    except Exception as error:  # a damaged file fails in as many ways as it has bytes
        raise GraspDecoderError(f'{path}: its texts cannot be read ({error})') from None
    return dict(found)


def _note_mat(path: Path, found: defaultdict[str, set[str]]) -> bool:
    """Note what a file of NeoMatlabIO says; false if it is none."""
    if mat73.is_mat73(path):
        block = mat73.read_variables(path, ('block',)).get('block')
        _note(found, '', block)
        return block is not None
    with open_plain(path) as file:
        block = mat5.open_variable(file, 'block')
        if block is None:
            return False
        for field, size in mat5.struct_fields(block):
            if field == 'segments':
                seen: defaultdict[str, dict[bytes, Any]] = defaultdict(dict)
                for segment in mat5.cell_elements(block, size):
                    _note_segment(found, segment, seen)
            else:
                _note(found, field, mat5.read_matrix(block, size).value())
        block.finish()
    return True


def _note_segment(
    found: defaultdict[str, set[str]], segment: bytearray, seen: defaultdict[str, dict[bytes, Any]]
) -> None:
    """Note what a trial says; of its spike trains, only what none has said in the same bytes before (``seen``)."""
    for name, position in mat5.Matrix.at(segment, 0).fields().items():
        matrix = mat5.Matrix.at(segment, position)
        if name != 'spiketrains':
            _note(found, f'segments.{name}', matrix.value())
        elif trains := matrix.elements():
            columns = mat5.Columns(segment, trains)
            first = mat5.Matrix.at(segment, trains[0]).value()
            for field in [each for each, value in first.items() if not isinstance(value, np.ndarray)]:
                if not field.endswith(_MEASURED):
                    columns.values(field, seen[field], partial(_note, found, f'segments.spiketrains.{field}'))


def _texts_of_blocks(blocks: list[Any]) -> Texts:
    """What the blocks of Neo say."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for block in blocks:
        _note_object(found, '', block)
        for segment in block.segments:
            _note_object(found, 'segments', segment)
            for part in _PARTS:
                for each in getattr(segment, part):
                    _note_object(found, f'segments.{part}', each)
    return dict(found)


def _note_object(found: defaultdict[str, set[str]], place: str, of_neo: Any) -> None:
    for name in _ATTRIBUTES:
        _note(found, _joined(place, name), getattr(of_neo, name, None))
    for name in ('annotations', 'array_annotations'):
        _note(found, _joined(place, name), dict(getattr(of_neo, name, {})))


def _note(found: defaultdict[str, set[str]], place: str, value: Any) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            if not str(name).endswith(_MEASURED):
                _note(found, _joined(place, str(name)), inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            _note(found, place, inner)
    elif isinstance(value, np.ndarray) and value.dtype.kind in 'USO':
        _note(found, place, value.ravel().tolist())
    elif isinstance(value, (str, bytes, date, datetime)) or 'annotations' in place:
        text = _text(value)
        if text:
            found[place].add(text)


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        value = value.decode(errors='replace')
    if isinstance(value, np.ndarray):
        value = value.item() if value.size == 1 else f'{value.size} numbers' if value.size else ''
    return '' if value is None else str(value).strip(' \0')


def _joined(place: str, name: str) -> str:
    return f'{place}.{name}' if place else name
