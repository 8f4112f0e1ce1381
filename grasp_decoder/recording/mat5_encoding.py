# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Elements of a MAT-5 file as bytes, and a file of one compressed variable. Layout: see `mat5`."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable
from typing import BinaryIO

import numpy as np

_HEADER = b'MATLAB 5.0 MAT-file'.ljust(116) + bytes(8) + b'\x00\x01IM'
_INT8, _INT32, _UINT32, _DOUBLE, _INT64, _MATRIX, _COMPRESSED, _UTF8 = 1, 5, 6, 9, 12, 14, 15, 16
_CELL_CLASS, _STRUCT_CLASS, _CHAR_CLASS, _DOUBLE_CLASS, _INT64_CLASS = 1, 2, 4, 6, 14
_PAIR = struct.Struct('<II')
_LARGEST = 2**32 - 1


def number(value) -> bytes:
    """A number, a row of numbers or a table of numbers: int64 for integers, else double."""
    array = np.asarray(value)
    array = array.reshape(1, -1) if array.ndim < 2 else array
    whole = array.dtype.kind in 'iub'
    data = array.astype('<i8' if whole else '<f8').tobytes(order='F')
    return _matrix(_INT64_CLASS if whole else _DOUBLE_CLASS, array.shape, _element(_INT64 if whole else _DOUBLE, data))


def text(*rows: str) -> bytes:
    """One or more lines of text, padded with spaces to one width."""
    width = max((len(row) for row in rows), default=0)
    columns = ''.join(''.join(column) for column in zip(*(row.ljust(width) for row in rows)))
    return _matrix(_CHAR_CLASS, (len(rows) if width else 0, width), _element(_UTF8, columns.encode()))


def cells(elements: list[bytes]) -> bytes:
    """A row of matrices."""
    return _matrix(_CELL_CLASS, (1, len(elements)), b''.join(elements))


def structure(fields: dict[str, bytes]) -> bytes:
    """One struct of named matrices."""
    return _matrix(_STRUCT_CLASS, (1, 1), field_names(fields) + b''.join(fields.values()))


def field_names(names: Iterable[str]) -> bytes:
    """What stands before the matrices of a struct."""
    encoded = [name.encode('ascii') + b'\0' for name in names]
    width = max(map(len, encoded), default=1)
    padded = b''.join(name.ljust(width, b'\0') for name in encoded)
    return struct.pack('<HHI', _INT32, 4, width) + _element(_INT8, padded)


def structure_of(body: bytes) -> bytes:
    """One struct, given as `field_names` and its matrices one after the other."""
    return _matrix(_STRUCT_CLASS, (1, 1), body)


def write_file(
    file: BinaryIO, name: str, field: str, elements: Callable[[], Iterable[bytes]], more: dict[str, bytes]
) -> None:
    """A file of one struct: a row of cells in ``field``, and ``more`` small fields after it.

    Args:
        elements: gives the cells. It is called twice, since sizes stand before contents, so that one cell at a time
            is in memory.
    """
    sizes = [len(element) for element in elements()]
    names = field_names([field, *more])
    cells_head, tail = _matrix_head(_CELL_CLASS, (1, len(sizes))), b''.join(more.values())
    cells_size = len(cells_head) + sum(sizes)
    struct_head = _matrix_head(_STRUCT_CLASS, (1, 1), name.encode('ascii'))
    size = len(struct_head) + len(names) + 8 + cells_size + len(tail)
    if size > _LARGEST:
        raise OverflowError(f'{size} bytes are more than a MAT-5 file can hold')
    packer = zlib.compressobj(3)
    start = file.write(_HEADER + _PAIR.pack(_COMPRESSED, 0))
    packed = file.write(
        packer.compress(_PAIR.pack(_MATRIX, size) + struct_head + names + _PAIR.pack(_MATRIX, cells_size) + cells_head)
    )
    for element in elements():
        packed += file.write(packer.compress(element))
    packed += file.write(packer.compress(tail) + packer.flush())
    file.seek(start - 4)
    file.write(struct.pack('<I', packed))


def _matrix(matrix_class: int, shape: tuple[int, int], body: bytes) -> bytes:
    head = _matrix_head(matrix_class, shape)
    return _PAIR.pack(_MATRIX, len(head) + len(body)) + head + body


def _matrix_head(matrix_class: int, shape: tuple[int, int], name: bytes = b'') -> bytes:
    flags = _PAIR.pack(_UINT32, 8) + _PAIR.pack(matrix_class, 0)
    return flags + _element(_INT32, struct.pack('<ii', *shape)) + _element(_INT8, name)


def _element(kind: int, data: bytes) -> bytes:
    return _PAIR.pack(kind, len(data)) + data + bytes(-len(data) % 8)
