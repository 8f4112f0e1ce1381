# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Time as this package keeps it: int64 nanoseconds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000


def to_ns(seconds: npt.ArrayLike) -> np.ndarray:
    """Seconds (a number or an array, of any float type) as int64 nanoseconds of the same shape, rounded to nearest."""
    nanoseconds: np.ndarray = np.rint(np.asarray(seconds, dtype=np.float64) * NS_PER_S).astype(np.int64)
    return nanoseconds
