# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""MAT-5 files (MATLAB 5 to 7.2), read as a stream and without building MATLAB's objects.

Layout: "MAT-File Format", The MathWorks. After a header of 128 bytes come elements: a tag (type, byte count) and data,
padded to 8 bytes inside a variable. A matrix has flags, dimensions, name and data as elements of its own.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

_NUMBER_TYPES = {1: '<i1', 2: '<u1', 3: '<i2', 4: '<u2', 5: '<i4', 6: '<u4', 7: '<f4', 9: '<f8', 12: '<i8', 13: '<u8'}
_TEXT_TYPES = {1: 'latin-1', 2: 'latin-1', 4: 'utf-16-le', 16: 'utf-8', 17: 'utf-16-le', 18: 'utf-32-le'}
_MATRIX, _COMPRESSED = 14, 15
_CELL, _STRUCT, _CHAR = 1, 2, 4
_NUMBER_CLASSES = {6: 'f8', 7: 'f4', 8: 'i1', 9: 'u1', 10: 'i2', 11: 'u2', 12: 'i4', 13: 'u4', 14: 'i8', 15: 'u8'}
_PAIR = struct.Struct('<II')


class UnknownLayout(Exception):
    """The file uses a part of MAT-5 that this module does not know."""


class DamagedFile(Exception):
    """The file is cut off, or what was compressed in it has changed."""


class Variable:
    """The bytes of one variable in reading order, inflated as they are asked for."""

    _CHUNK = 1 << 18
    _MOST_INFLATION = 100  # recordings shrink to a tenth; zeros shrink to a thousandth

    def __init__(self, file: BinaryIO, size: int, compressed: bool):
        self._file, self._left = file, size
        self._inflater = zlib.decompressobj() if compressed else None
        self._tail = b''
        self._may_inflate = self._MOST_INFLATION * (size + self._CHUNK)

    def read(self, size: int) -> bytearray:
        """Exactly ``size`` bytes."""
        data = bytearray()  # grows with what is there: the size is only what the file says
        while len(data) < size:
            piece = self._piece(size - len(data))
            if not piece:
                raise DamagedFile('it ends inside a variable')
            data += piece
        return data

    def skip(self, size: int) -> None:
        """Pass over ``size`` bytes without keeping them."""
        while size:
            size -= len(self.read(min(size, self._CHUNK)))

    def finish(self) -> None:
        """Pass over the rest and check the checksum of what was compressed."""
        while self._piece(self._CHUNK):
            pass
        if self._left if self._inflater is None else not self._inflater.eof:
            raise DamagedFile('it ends inside a variable')

    def _piece(self, limit: int) -> bytes:
        if self._inflater is None:
            return self._from_file(limit)
        piece = b''
        while not piece and not self._inflater.eof:
            packed = self._tail or self._from_file(self._CHUNK)
            if not packed:
                return b''
            try:
                piece = self._inflater.decompress(packed, min(limit, self._CHUNK))
            except zlib.error as error:
                raise DamagedFile(f'its compression is broken, {error}') from None
            self._tail = self._inflater.unconsumed_tail
        self._may_inflate -= len(piece)
        if self._may_inflate < 0:
            raise DamagedFile(f'it inflates to more than {self._MOST_INFLATION} times its size')
        return piece

    def _from_file(self, limit: int) -> bytes:
        data = self._file.read(min(limit, self._left))
        self._left -= len(data)
        return data


def read_numbers(file: BinaryIO, names: Collection[str]) -> dict[str, np.ndarray]:
    """The variables of those names, which must be arrays of numbers; those that the file does not have are left out."""
    found = {}
    for start, kind, size in _elements(file):
        variable = Variable(file, size, compressed=kind == _COMPRESSED)
        name, _, _ = _name_class_shape(variable, kind)
        if name in names:
            file.seek(start)
            variable = Variable(file, size, compressed=kind == _COMPRESSED)
            if kind == _COMPRESSED:
                _, size = _PAIR.unpack(variable.read(8))
            value = read_matrix(variable, size).value()
            if not isinstance(value, np.ndarray):
                raise UnknownLayout(f'{name} is not an array of numbers')
            variable.finish()
            found[name] = value
    return found


def open_variable(file: BinaryIO, name: str) -> Variable | None:
    """The struct variable ``name``, placed before its number of field names; None when the file has none."""
    for _, kind, size in _elements(file):
        variable = Variable(file, size, compressed=kind == _COMPRESSED)
        found = False
        try:
            called, matrix_class, shape = _name_class_shape(variable, kind)
            if called == name and (matrix_class != _STRUCT or math.prod(shape) != 1):
                raise UnknownLayout(f'{name} is not one struct')
            found = called == name
        finally:
            if not found:
                variable.finish()
        if found:
            return variable
    return None


def _elements(file: BinaryIO) -> Iterator[tuple[int, int, int]]:
    """Start of the data, type and size of each element at the top of a file, which is placed at that start."""
    header = file.read(128)
    if len(header) < 128 or header[124:128] != b'\x00\x01IM':
        raise UnknownLayout('not a little-endian MAT-5 file')
    while tag := file.read(8):
        if len(tag) < 8:
            raise DamagedFile('it ends inside a tag')
        kind, size = _PAIR.unpack(tag)
        start = file.tell()
        yield start, kind, size
        file.seek(start + size)


def _name_class_shape(variable: Variable, kind: int) -> tuple[str | None, int, tuple[int, ...]]:
    """What is at the beginning of a variable; no name for what is no matrix."""
    if kind == _COMPRESSED:
        kind, _ = _PAIR.unpack(variable.read(8))
    if kind != _MATRIX:
        return None, 0, ()
    matrix_class, shape, name = _read_matrix_head(variable)
    return name, matrix_class, shape


def struct_fields(variable: Variable) -> Iterator[tuple[str, int]]:
    """Names of a struct's fields and the sizes of their matrices, whose tags are already read.

    The caller reads or skips exactly ``size`` bytes between two steps.
    """
    _, width = _PAIR.unpack(variable.read(8))
    _, size = _PAIR.unpack(variable.read(8))
    names = bytes(variable.read(_padded(size)))
    for start in range(0, size, width):
        kind, field_size = _PAIR.unpack(variable.read(8))
        if kind != _MATRIX:
            raise UnknownLayout('a field is not a matrix')
        yield _c_string(names[start : start + width]), field_size


def cell_elements(variable: Variable, size: int) -> Iterator[bytearray]:
    """The elements of a cell array of ``size`` bytes, one at a time, each with its tag."""
    if size == 0:
        return
    matrix_class, shape, _ = _read_matrix_head(variable)
    count = math.prod(shape)
    if matrix_class != _CELL:
        if count == 0:  # an empty list is written as an empty number
            variable.read(size - 40)
            return
        raise UnknownLayout('not a cell array')
    for _ in range(count):
        tag = variable.read(8)
        yield tag + variable.read(_PAIR.unpack(tag)[1])


def read_matrix(variable: Variable, size: int) -> Matrix:
    """The matrix of ``size`` bytes whose tag is already read."""
    return Matrix.at(bytearray(_PAIR.pack(_MATRIX, size)) + variable.read(size), 0)


def _read_matrix_head(variable: Variable) -> tuple[int, tuple[int, ...], str]:
    flags = variable.read(16)
    parts = []
    for _ in range(2):  # dimensions, name
        tag = variable.read(8)
        _, size, data = _tag(tag, 0)
        parts.append(bytes(tag[4 : 4 + size]) if data == 4 else bytes(variable.read(_padded(size))[:size]))
    return flags[8], tuple(np.frombuffer(parts[0], '<i4')), parts[1].decode('latin-1')


def _padded(size: int) -> int:
    return -(-size // 8) * 8


def _c_string(data: bytes) -> str:
    return data.split(b'\0', 1)[0].decode('latin-1')


def _tag(buffer, position: int) -> tuple[int, int, int]:
    """Type, byte count and start of the data of the element at ``position``."""
    word, size = _PAIR.unpack_from(buffer, position)
    if word >> 16:  # small element: type, size and up to 4 bytes of data in 8 bytes
        return word & 0xFFFF, word >> 16, position + 4
    return word, size, position + 8


def _after(position: int, data: int, size: int) -> int:
    return position + 8 if data == position + 4 else data + _padded(size)


@dataclass(frozen=True)
class Matrix:
    """Where a matrix lies in a buffer: its class, shape and the start of what follows its name."""

    buffer: Any
    matrix_class: int
    shape: tuple[int, ...]
    body: int

    @classmethod
    def at(cls, buffer, position: int) -> Matrix:
        kind, size = _PAIR.unpack_from(buffer, position)
        if kind != _MATRIX:
            raise UnknownLayout('not a matrix')
        if size == 0:
            return cls(buffer, 6, (0, 0), position)
        _, size, data = _tag(buffer, position + 24)
        shape = tuple(np.frombuffer(buffer, '<i4', size // 4, data).tolist())
        name = _after(position + 24, data, size)
        _, size, data = _tag(buffer, name)
        return cls(buffer, buffer[position + 16], shape, _after(name, data, size))

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def fields(self) -> dict[str, int]:
        """Positions of the fields of a struct."""
        if self.matrix_class != _STRUCT or self.size != 1:
            raise UnknownLayout('not one struct')
        names, position = self.field_names()
        positions = {}
        for name in names:
            positions[name] = position
            position += 8 + _PAIR.unpack_from(self.buffer, position)[1]
        return positions

    def field_names(self) -> tuple[list[str], int]:
        """Names of a struct's fields and the position of the first one."""
        _, width = _PAIR.unpack_from(self.buffer, self.body)
        _, size, data = _tag(self.buffer, self.body + 8)
        if data + size > len(self.buffer):
            raise DamagedFile('it names fields beyond its end')
        names = [_c_string(bytes(self.buffer[at : at + width])) for at in range(data, data + size, width or 1)]
        return names, _after(self.body + 8, data, size)

    def elements(self) -> list[int]:
        """Positions of the elements of a cell array; none for an empty matrix of any class."""
        if self.size == 0:
            return []
        if self.matrix_class != _CELL:
            raise UnknownLayout('not a cell array')
        positions, position = [], self.body
        for _ in range(self.size):
            positions.append(position)
            position += 8 + _PAIR.unpack_from(self.buffer, position)[1]
        return positions

    def value(self):
        """Numbers as an array of the matrix' class and shape, text as rows, structs as a dict, cells as a list."""
        if self.matrix_class == _STRUCT:
            return {name: Matrix.at(self.buffer, position).value() for name, position in self.fields().items()}
        if self.matrix_class == _CELL:
            return [Matrix.at(self.buffer, position).value() for position in self.elements()]
        if self.matrix_class == _CHAR:
            return self._rows()
        if self.matrix_class not in _NUMBER_CLASSES:
            raise UnknownLayout(f'matrix class {self.matrix_class}')
        if self.size == 0:
            return np.zeros(self.shape, _NUMBER_CLASSES[self.matrix_class])
        kind, _size, data = _tag(self.buffer, self.body)
        if kind not in _NUMBER_TYPES:
            raise UnknownLayout(f'numbers of type {kind}')
        numbers = np.frombuffer(self.buffer, _NUMBER_TYPES[kind], self.size, data)
        return numbers.astype(_NUMBER_CLASSES[self.matrix_class]).reshape(self.shape, order='F')

    def _rows(self) -> list[str]:
        if self.size == 0:
            return ['']
        kind, size, data = _tag(self.buffer, self.body)
        if kind not in _TEXT_TYPES or len(self.shape) != 2:
            raise UnknownLayout(f'text of type {kind}')
        text = bytes(self.buffer[data : data + size]).decode(_TEXT_TYPES[kind])
        if len(text) != self.size:
            raise UnknownLayout('text of variable width')
        return [text[row :: self.shape[0]] for row in range(self.shape[0])]


class Columns:
    """Many structs with the same field names in one buffer, read field by field for all of them at once."""

    def __init__(self, buffer, positions: list[int]):
        first = Matrix.at(buffer, positions[0])
        if first.matrix_class != _STRUCT or first.size != 1:
            raise UnknownLayout('not a list of structs')
        names, start = first.field_names()
        self._words = np.frombuffer(buffer, '<u4', len(buffer) // 4)
        self._view = memoryview(buffer)
        at = np.asarray(positions, dtype=np.int64)
        head = np.arange(8, start - positions[0], 4)
        heads = self._words[(at[:, None] + head) >> 2]
        if np.any(heads != heads[0]):
            raise UnknownLayout('structs with different fields')
        self._fields = {}
        at = at + start - positions[0]
        for name in names:
            self._fields[name] = at
            at = at + 8 + self._word(at + 4)

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    def _word(self, at: np.ndarray) -> np.ndarray:
        return self._words[at >> 2].astype(np.int64)

    def _data(self, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Per struct: class of the field's matrix, and type, byte count and start of its data."""
        at = self._fields[name]
        if np.any(self._word(at + 4) < 48) or np.any(self._word(at + 28) != 8) or np.any(self._word(at + 44) != 0):
            raise UnknownLayout(f'{name}: not a plain matrix')
        word, size = self._word(at + 48), self._word(at + 52)
        small = word >> 16 != 0
        return (
            self._word(at + 16) & 0xFF,
            np.where(small, word & 0xFFFF, word),
            np.where(small, word >> 16, size),
            at + np.where(small, 52, 56),
        )

    def numbers(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """All numbers of a field, struct by struct, as float64, and how many each struct has."""
        matrix_class, kinds, sizes, starts = self._data(name)
        if not np.isin(matrix_class, list(_NUMBER_CLASSES)).all():
            raise UnknownLayout(f'{name}: not numbers')
        counts = np.zeros(len(kinds), dtype=np.int64)
        columns = {}
        for kind in np.unique(kinds[sizes > 0]).tolist():
            if kind not in _NUMBER_TYPES:
                raise UnknownLayout(f'{name}: numbers of type {kind}')
            here = kinds == kind
            spans = zip(starts[here].tolist(), (starts + sizes)[here].tolist())
            data = b''.join([self._view[start:stop] for start, stop in spans])
            columns[kind] = np.frombuffer(data, _NUMBER_TYPES[kind])
            counts[here] = sizes[here] // columns[kind].itemsize
        values = np.empty(counts.sum())
        for kind, column in columns.items():
            values[np.repeat(kinds == kind, counts)] = column
        return values, counts

    def text(self, name: str) -> list[str]:
        """A field that holds one line of text in every struct."""
        seen: dict[bytes, str] = {}
        lines = []
        _, _, sizes, starts = self._data(name)
        for at, start, size in zip(self._fields[name].tolist(), starts.tolist(), sizes.tolist()):
            key = self._view[start : start + size].tobytes()
            if key not in seen:
                rows = Matrix.at(self._view, at).value()
                if not isinstance(rows, list) or len(rows) != 1 or not isinstance(rows[0], str):
                    raise UnknownLayout(f'{name}: not one line of text')
                seen[key] = rows[0]
            lines.append(seen[key])
        return lines

    def values(self, name: str, cache: dict[bytes, Any], convert: Callable) -> list:
        """A field of any kind, parsed and converted once for each of its distinct bytes (kept in ``cache``)."""
        found = []
        for at, size in zip(self._fields[name].tolist(), self._word(self._fields[name] + 4).tolist()):
            key = self._view[at : at + 8 + size].tobytes()
            if key not in cache:
                cache[key] = convert(Matrix.at(key, 0).value())
            found.append(cache[key])
        return found
