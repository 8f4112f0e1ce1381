# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""MATLAB 7.3 files, which are HDF5 files: their variables as `mat5.Matrix.value` gives those of older files.

Arrays lie transposed. The attribute MATLAB_class says what an array or a group is; cells, and structs of several
elements, hold references ("MAT-File Versions", The MathWorks). The libraries mat73 and pymatreader read such files too;
either would be one more package for few lines over h5py, which is there for NWB.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from grasp_decoder.errors import GraspDecoderError, first_line
from grasp_decoder.recording.hdf5 import call_with_hdf5
from grasp_decoder.recording.mat5 import UnknownLayout
from grasp_decoder.safe_file import open_plain

_HEADER = b'MATLAB 7.3'
_DEEPEST = 30


def is_mat73(path: Path) -> bool:
    """Whether a file begins as MATLAB 7.3 writes it."""
    with open_plain(path) as file:
        return file.read(len(_HEADER)) == _HEADER


def read_variables(path: Path, names: Collection[str]) -> dict[str, Any]:
    """The variables of those names; those that the file does not have are left out.

    It is read in a child process: a damaged file can crash the HDF5 library.

    Raises:
        GraspDecoderError: it cannot be read.
    """
    return call_with_hdf5(read_variables_here, path, tuple(names))


def read_variables_here(path: Path, names: Collection[str]) -> dict[str, Any]:
    """`read_variables` in this process."""
    try:
        import h5py
    except ModuleNotFoundError as missing:
        raise GraspDecoderError(
            f'{path}: MATLAB 7.3 files need the Python package h5py ({missing}): ./run in a checkout installs it,'
            " elsewhere pip install -r requirements/formats.in; or save(..., '-v7') in MATLAB"
        ) from None
    try:
        with h5py.File(path, 'r') as file:
            return {name: _value(file, file[name], 0) for name in names if name in file}
    except MemoryError:
        raise  # `call_in_child` says how much there is
    except Exception as error:  # a damaged file fails in as many ways as it has bytes
        raise GraspDecoderError(
            f'{path}: a MATLAB 7.3 file that cannot be read ({first_line(error)}): '
            "save it in MATLAB with save(..., '-v7')"
        ) from None


def _value(file: Any, item: Any, depth: int) -> Any:
    """Numbers as an array, text as rows, a struct as a dict, several structs and cells as a list."""
    if depth > _DEEPEST:
        raise UnknownLayout(f'values in more than {_DEEPEST} others')
    kind = item.attrs.get('MATLAB_class', b'').decode()
    if hasattr(item, 'keys'):
        return _struct(file, item, depth)
    if 'MATLAB_empty' in item.attrs:
        empty = {'char': [''], 'cell': [], 'struct': []}
        return empty.get(kind, np.zeros([int(size) for size in item[()]]))
    if item.dtype.kind == 'O':
        return [_value(file, file[reference], depth + 1) for reference in item[()].ravel()]
    if item.dtype.kind not in 'iufb' or kind in ('string', 'function_handle'):
        raise UnknownLayout(f'{item.name}: {kind or item.dtype}, no numbers, text, struct or cells')
    values = item[()].T
    if kind == 'char':
        return [row.astype('<u2').tobytes().decode('utf-16-le') for row in np.atleast_2d(values)]
    return values


def _struct(file: Any, group: Any, depth: int) -> dict[str, Any] | list[dict[str, Any]]:
    several = [each for each in group.values() if not hasattr(each, 'keys') and 'MATLAB_class' not in each.attrs]
    if not several:
        return {name: _value(file, each, depth + 1) for name, each in group.items()}
    columns = {name: each[()].ravel() for name, each in group.items()}
    return [
        {name: _value(file, file[reference], depth + 1) for name, reference in zip(columns, row)}
        for row in zip(*columns.values(), strict=True)
    ]
