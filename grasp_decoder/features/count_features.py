# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Spike counts to the features that networks take, by a table that is the same for all units."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LUT_SIZE = 256
"""Entries of a table: one for each count from 0 to 255."""

IDENTITY_LUT = np.arange(LUT_SIZE, dtype=np.float32)
"""The count itself."""

SQUARE_ROOT_LUT = np.sqrt(IDENTITY_LUT)
"""The square root of the count, whose variance depends little on the rate if counts are Poisson (Bartlett 1936)."""


def count_features(counts: np.ndarray, lut: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Features of counts by a table; counts above 255 have the feature of 255.

    Args:
        counts: integers, any shape, spikes per bin.
        lut: (256,), feature of each count.
        out: where to write the features, of the shape of ``counts`` and the type of ``lut``; None makes an array.

    Returns:
        ``lut``'s type, the shape of ``counts``.
    """
    features: np.ndarray = np.take(lut, counts, out=out, mode='clip')
    return features


def root_features(roots: NDArray[np.float32], lut: NDArray[np.float32]) -> NDArray[np.float32]:
    """Features of counts of which the square roots are given; between two counts the table is interpolated.

    Args:
        roots: (units,), square roots of counts, which need not be whole numbers.
        lut: (256,), feature of each count.
    """
    return np.interp(roots, SQUARE_ROOT_LUT, lut).astype(np.float32)


def clip_counts(counts: np.ndarray) -> np.ndarray:
    """Counts as a table takes them: at most 255, uint8, in the shape given."""
    clipped: np.ndarray = np.minimum(counts, LUT_SIZE - 1).astype(np.uint8)
    return clipped
