# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""UnitRates: how fast each unit fires now, as numbers and as a picture."""

from __future__ import annotations

import math
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from grasp_decoder.types.spike_batch import SpikeBatch
from grasp_decoder.types.time import NS_PER_S

MEMORY_S = 1.0
"""Time constant of the running mean of each rate."""

BRIGHTEST_HZ = 60.0
"""Rate at and above which a unit is shown in the brightest colour; brightness goes by the square root of the rate."""

_RAMP = np.array([[18, 26, 44], [24, 84, 116], [54, 160, 150], [166, 214, 118], [255, 240, 150]], np.float64)
_LEFT_OUT = np.array([214, 48, 49], np.uint8)
_BACKGROUND = np.array([255, 255, 255], np.uint8)
_WIDTH_PX = 370
_MOST_CELL_PX, _LEAST_CELL_PX = 26, 3
_LANDSCAPE = 2.4  # columns for each row


class UnitRates:
    """Running mean of the rate of each unit, over `MEMORY_S` of the acquisition clock.

    Attributes:
        hz: float64 (n_units,); empty before the first spikes.
    """

    def __init__(self) -> None:
        self.hz = np.zeros(0)

    def take(self, batch: SpikeBatch) -> None:
        """Take all spikes of one window. Heartbeats, which last no time, change nothing; nor do spikes of no unit."""
        if batch.unit_count != len(self.hz):
            self.hz = np.zeros(batch.unit_count)
        duration_s = (batch.end_ns - batch.start_ns) / NS_PER_S
        if duration_s > 0:
            kept = math.exp(-duration_s / MEMORY_S)
            counts = np.bincount(batch.unit[batch.unit < batch.unit_count], minlength=batch.unit_count)
            self.hz = kept * self.hz + (1.0 - kept) / duration_s * counts

    @property
    def total_hz(self) -> float:
        """Spikes per second of all units together."""
        return float(self.hz.sum())


def rate_picture(hz: NDArray[np.float64], left_out: Collection[int]) -> NDArray[np.uint8]:
    """One cell for each unit, row by row: the brighter, the faster it fires.

    Args:
        hz: rates, (n_units,).
        left_out: units that the decoder does without; each is a red cross.

    Returns:
        uint8 (height, width, 3), RGB; white where there are no units.
    """
    columns = max(1, math.ceil(math.sqrt(len(hz) * _LANDSCAPE)))
    rows = max(1, math.ceil(len(hz) / columns))
    cell = min(_MOST_CELL_PX, max(_LEAST_CELL_PX, _WIDTH_PX // columns))
    cells = np.full((rows * columns, cell, cell, 3), _BACKGROUND)
    brightness = np.sqrt(np.clip(hz / BRIGHTEST_HZ, 0.0, 1.0)) * (len(_RAMP) - 1)
    colours = np.stack([np.interp(brightness, np.arange(len(_RAMP)), each) for each in _RAMP.T], axis=-1)
    cells[: len(hz), : cell - 1, : cell - 1] = colours[:, None, None].astype(np.uint8)
    # A cross on white does not look like any rate.
    cross = np.eye(cell - 1, dtype=bool)
    for unit in left_out:
        if 0 <= unit < len(hz):
            cells[unit] = _BACKGROUND
            cells[unit, : cell - 1, : cell - 1][cross | cross[::-1]] = _LEFT_OUT
    return cells.reshape(rows, columns, cell, cell, 3).swapaxes(1, 2).reshape(rows * cell, columns * cell, 3)
