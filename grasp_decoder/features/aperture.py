# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The aperture of a grasp that was not measured, made from the events of its trial."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

STEEPNESS = 10


def synthetic_aperture(events: Mapping[str, int], times_ns: np.ndarray) -> np.ndarray:
    """The synthetic degree of freedom of Viviani et al. 2023, section 5.3.3: 0 is an open hand, 1 a closed one.

    It is 0 until Go, rises as a logistic from -5 to 5 between Go and Hold, is 1 until Rew and falls by the same
    logistic until End.

    Args:
        events: event label -> time, ns.
        times_ns: int64 (n,), ns.

    Returns:
        float32 (n,); NaN if one of the four events is missing or they are out of order.
    """
    try:
        go, hold, rew, end = (events[label] for label in ('Go', 'Hold', 'Rew', 'End'))
    except KeyError:
        return np.full(len(times_ns), np.nan, np.float32)
    if not go < hold <= rew < end:
        return np.full(len(times_ns), np.nan, np.float32)
    before = [times_ns < time for time in (go, hold, rew, end)]
    values: list[npt.ArrayLike] = [0, _logistic(times_ns, go, hold), 1, 1 - _logistic(times_ns, rew, end)]
    aperture: np.ndarray = np.select(before, values, default=0).astype(np.float32)
    return aperture


def _logistic(times_ns: np.ndarray, start_ns: int, stop_ns: int) -> np.ndarray:
    values: np.ndarray = 1 / (1 + np.exp(-STEEPNESS * ((times_ns - start_ns) / (stop_ns - start_ns) - 0.5)))
    return values
