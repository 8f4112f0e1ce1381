# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""DecodedGrasp: the decode of one bin, as a plain dataclass."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

REST = 0
GRASP = 1

VALIDITY_LIMIT = 0.5
"""Below this validity of the input nothing may be concluded from a decode."""


@dataclass(frozen=True)
class DecodedGrasp:
    """Fields and units as in ``msg/DecodedGrasp.msg``; the stamp is the end of the bin in ns.

    ``dof`` is float32 (k,), the task ``dof`` as its network gives it, 0..1; it is not in the message.
    """

    stamp_ns: int
    due_ns: int
    segment: int
    bin: int
    phase: int
    phase_probability: float
    object_id: int
    object_probability: np.ndarray
    confidence: float
    aperture: float
    lost_batches: int = 0
    late_spikes: int = 0
    receive_duration: float = float('nan')
    binning_duration: float = float('nan')
    inference_duration: float = float('nan')
    received_ns: int = 0
    novelty: float = 0.0
    validity: float = 1.0
    invalid_reason: str = ''
    drift: float = float('nan')
    bundle: str = ''
    source: int = 0
    decoder: int = 0
    dof: np.ndarray = field(default_factory=lambda: np.empty(0, np.float32))
