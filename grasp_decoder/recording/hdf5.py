# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""HDF5 files are read in a child process: on a damaged one the HDF5 library may crash, or never end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from grasp_decoder.child_process import ChildDied, call_in_child
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.safe_file import MIB

Result = TypeVar('Result')

LONGEST_S = 120.0
_MORE_S_PER_MIB = 2.0  # twenty times what a session takes


def call_with_hdf5(function: Callable[..., Result], path: Path, *arguments: Any) -> Result:
    """What a function of a module makes of an HDF5 file, in a child process.

    Raises:
        GraspDecoderError: it crashed, or took far longer than a file of this size does.
        Exception: what the function raises.
    """
    try:
        seconds = LONGEST_S + _MORE_S_PER_MIB * path.stat().st_size / MIB
        made: Result = call_in_child(function, path, *arguments, seconds=seconds)
        return made
    except OSError as error:
        raise GraspDecoderError(f'{path}: cannot be read: {error.strerror}') from None
    except ChildDied as died:
        raise GraspDecoderError(f'{path}: cannot be read: {died}; if it is damaged, copy it again') from None
