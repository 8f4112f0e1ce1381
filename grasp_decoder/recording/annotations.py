# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What annotations of a recording say, whichever type a laboratory writes them in."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np

_TRUE = 'true', 'yes', 'correct', 'right', 'hit', 'success', '1'
_FALSE = 'false', 'no', 'incorrect', 'wrong', 'error', 'miss', 'failure', '0'


def plain(value: Any) -> Any:
    """An array of one element as that element, bytes as text without padding, else the value as it is."""
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(())[()]
    if isinstance(value, bytes):
        value = value.decode(errors='replace')
    return value.strip(' \0') if isinstance(value, str) else value


def whole_number(value: Any) -> int | None:
    """A whole number, also one that is written as text (``'3'``, ``3.0``); None for anything else."""
    value = plain(value)
    if isinstance(value, str):
        return int(value) if value.removeprefix('-').isdecimal() else None
    if not isinstance(value, (Real, np.bool_)):
        return None
    return int(number) if (number := float(value)).is_integer() else None


def truth(value: Any) -> bool:
    """Whether an annotation says yes: a boolean, 0 or 1, or one of the usual words in any case.

    Raises:
        ValueError: it says neither yes nor no. The message lists what is accepted.
    """
    value = plain(value)
    word = value.lower() if isinstance(value, str) else str(whole_number(value))
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise ValueError(f'is {value!r}; it can be true or false, {", ".join(_TRUE[1:])}, {", ".join(_FALSE[1:])}')
