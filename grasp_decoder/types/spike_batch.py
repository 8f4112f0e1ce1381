# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""SpikeBatch: what an acquisition system sends, as a plain dataclass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SpikeBatch:
    """All spikes of the window ``[start_ns, end_ns)``; an empty one is a heartbeat.

    Attributes:
        sequence: counts batches from 0; back to 0 when the source restarts.
        segment: counts unbroken stretches of recording.
        start_ns, end_ns: acquisition clock, ns.
        unit_count: units that the source records.
        unit: uint16 (n,).
        offset_ns: uint32 (n,), since ``start_ns``, ascending.
        due_ns: CLOCK_MONOTONIC at which ``end_ns`` was due; 0 from another machine.
        source: tells this source from any other; 0 when it does not say.
    """

    sequence: int
    segment: int
    start_ns: int
    end_ns: int
    unit_count: int
    unit: np.ndarray
    offset_ns: np.ndarray
    due_ns: int = 0
    source: int = 0
