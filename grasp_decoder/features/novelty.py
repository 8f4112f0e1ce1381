# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Novelty: is the object one of those of training? A classifier answers with one of them, whatever is there.

What units say is averaged over a short and a long time, in the directions along which the objects of training differ.
With one of those objects the averages come close to its mean; with another object they often do not. This is open-set
recognition by the distance from the nearest class mean (Mensink et al. 2013; Bendale and Boult 2015).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MEMORY_BINS = (8, 32)
"""Time constants of the averages, bins: one for the movement, one for what came before it."""

MOST_LOG_ODDS = 50.0


@dataclass(frozen=True)
class NoveltyModel:
    """Where the objects of training lie when the hand closes, in the first bins of the hold phase.

    Attributes:
        directions: float32 (2 * k, r), along which the objects differ; along each, noise has unit variance.
        centres: float32 (objects, r), mean of each object.
        limit: logarithm of the distance from the nearest centre at which a new object is as likely as a known one.
        slope: what the log-odds of a new object gain with the logarithm of the distance; above 0.
    """

    directions: NDArray[np.float32]
    centres: NDArray[np.float32]
    limit: float
    slope: float

    @property
    def width(self) -> int:
        """How many latents it takes, k."""
        return len(self.directions) // len(MEMORY_BINS)

    def probability(self, averages: NDArray[np.float32], activity: float = 1.0) -> float:
        """Probability of a new object.

        Args:
            averages: what `LatentAverages` gave after a bin.
            activity: of the units that are heard, relative to all in training; above 0. Where fewer spikes are heard,
                making up for that has made their noise larger, and distances with it.
        """
        place = np.einsum('a,ar->r', averages, self.directions)
        limit = self.limit - min(0.0, math.log(activity)) / 2
        log_odds = self.slope * (math.log(distances(place[np.newaxis], self.centres).min()) - limit)
        return 1.0 / (1.0 + math.exp(min(MOST_LOG_ODDS, max(-MOST_LOG_ODDS, -log_odds))))

    def to_arrays(self) -> dict[str, Any]:
        """Every field as an array, for an ``.npz``."""
        return {name: np.asarray(value) for name, value in vars(self).items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> NoveltyModel:
        """What `to_arrays` gave.

        Raises:
            KeyError, ValueError, TypeError: an array is missing, or has another shape or a value that cannot be.
        """
        directions, centres = (np.asarray(arrays[name], np.float32) for name in ('directions', 'centres'))
        limit, slope = (float(np.asarray(arrays[name], np.float64)) for name in ('limit', 'slope'))
        if directions.ndim != 2 or len(directions) % len(MEMORY_BINS) or not centres.size:
            raise ValueError('the novelty model has no objects, or directions of other averages')
        if centres.shape[1:] != directions.shape[1:]:
            raise ValueError('the arrays of the novelty model do not fit together')
        if not (np.isfinite(directions).all() and np.isfinite(centres).all() and math.isfinite(limit)):
            raise ValueError('the novelty model contains NaN or infinity')
        if not 0 < slope < math.inf:
            raise ValueError(f'the slope of the novelty model is {slope:g}')
        return cls(directions, centres, limit, slope)


class LatentAverages:
    """Running averages of a few latents with the time constants `MEMORY_BINS`.

    At first an average is the plain mean of what has come, so that a segment that has just begun counts in full.
    """

    def __init__(self, width: int):
        """``width``: how many latents there are."""
        self._averages = np.zeros((len(MEMORY_BINS), width), np.float32)
        self._least_weights = 1 / np.array(MEMORY_BINS, np.float32)[:, np.newaxis]
        self._heard = 0

    def reset(self) -> None:
        """Nothing has been heard yet."""
        self._averages[:] = 0
        self._heard = 0

    def step(self, latents: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take the latents (k,) of the next bin, and give all averages, float32 (2 * k,)."""
        self._heard += 1
        weights = np.maximum(self._least_weights, np.float32(1 / self._heard))
        self._averages += weights * (latents - self._averages)
        return self._averages.flatten()


def distances(places: NDArray[np.floating], centres: NDArray[np.floating]) -> NDArray[np.float64]:
    """Distance of each place (n, r) from each centre (objects, r), float64 (n, objects); above 0."""
    squares = np.square(places[:, np.newaxis] - centres).sum(axis=2, dtype=np.float64)
    return np.asarray(np.sqrt(squares + 1e-12))
