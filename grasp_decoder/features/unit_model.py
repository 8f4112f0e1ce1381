# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""UnitModel: how units fire together, so that those that live can stand in for those that have died.

Square roots of counts are modelled as a few factors that units share, and noise of each unit's own (factor analysis).
The expectation of a dead unit, given the living ones, then has a closed form that costs little for any number of units.
Networks take it in the place of the unit itself, so their graphs need not know which units live.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class UnitModel:
    """Square roots of counts as ``mean + loading @ factors + noise``, with standard normal factors.

    Attributes:
        mean: float32 (units,).
        loading: float32 (units, factors).
        private: float32 (units,), variance of each unit's own noise, above 0.
    """

    mean: NDArray[np.float32]
    loading: NDArray[np.float32]
    private: NDArray[np.float32]

    @property
    def unit_count(self) -> int:
        return len(self.mean)

    @cached_property
    def weighted(self) -> NDArray[np.float32]:
        """The loading over the private variance, (units, factors): what each unit says of the factors."""
        return self.loading / self.private[:, None]

    @cached_property
    def _precision(self) -> NDArray[np.float64]:
        """Inverse covariance of the factors given all units, (factors, factors)."""
        return np.eye(self.loading.shape[1]) + _summed_over_units(self.loading, self.weighted)

    def covariance(self, living: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Covariance of the factors given the living units only, (factors, factors).

        What dead units say is taken off what all say, so that a few dead ones cost little however many units there are.

        Args:
            living: (units,), whether a unit counts.
        """
        dead = np.flatnonzero(~living)
        said = _summed_over_units(self.loading[dead], self.weighted[dead])
        return np.linalg.inv(self._precision - said).astype(np.float32)

    def expected_factors(self, living: NDArray[np.bool_]) -> NDArray[np.float32]:
        """The matrix (factors, units) from ``features - mean`` to the factors expected, given the living units only."""
        return self.covariance(living) @ np.where(living[:, None], self.weighted, 0).T

    def stand_in(
        self, kernel: NDArray[np.float32], bias: NDArray[np.float32], living: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """A linear read-in that takes the expectation of dead units in their place.

        Args:
            kernel, bias: (units, k) and (k,), the read-in when all units live.
            living: (units,).

        Returns:
            Kernel (units, k), 0 for dead units, and bias (k,).
        """
        dead_kernel = np.where(living[:, None], 0, kernel)
        by_factors = self.expected_factors(living).T @ (self.loading.T @ dead_kernel)
        living_kernel = np.where(living[:, None], kernel, 0) + by_factors
        return living_kernel, bias + self.mean @ dead_kernel - self.mean @ by_factors

    def to_arrays(self) -> dict[str, Any]:
        """Every field, for an ``.npz``."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> UnitModel:
        """What `to_arrays` gave.

        Raises:
            KeyError, ValueError: an array is missing, or has another shape or a value that cannot be.
        """
        mean, loading, private = (np.asarray(arrays[name], np.float32) for name in ('mean', 'loading', 'private'))
        if mean.ndim != 1 or loading.ndim != 2 or not len(mean) == len(loading) == len(private):
            raise ValueError('the arrays of the unit model have different lengths')
        if not all(np.isfinite(values).all() for values in (mean, loading, private)) or (private <= 0).any():
            raise ValueError('the unit model contains NaN, infinity or a variance that is not above 0')
        return cls(mean, loading, private)


def _summed_over_units(loading: NDArray[np.float32], weighted: NDArray[np.float32]) -> NDArray[np.float64]:
    """What some units say of the factors, (factors, factors).

    Unlike a product with @, einsum adds in the same order however many threads there are.
    """
    said: NDArray[np.float64] = np.einsum('uf,ug->fg', loading.astype(np.float64), weighted)
    return said
