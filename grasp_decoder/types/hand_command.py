# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""HandCommand: what the hand shall do, as a plain dataclass."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class HandMode(IntEnum):
    """State of the grasp, as in ``msg/HandCommand.msg``."""

    SAFE = 0
    OPEN = 1
    PRESHAPE = 2
    CLOSE = 3
    HOLD = 4


@dataclass(frozen=True)
class HandCommand:
    """Fields and units as in ``msg/HandCommand.msg``; ``published_ns`` is 0 until it is published.

    ``still``: every joint stays where it is, whatever grip and aperture say.
    """

    stamp_ns: int
    due_ns: int
    state: HandMode
    grip: str
    aperture: float
    reason: str
    published_ns: int = 0
    still: bool = False
