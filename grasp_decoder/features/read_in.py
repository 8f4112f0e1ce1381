# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""ReadIn: a linear map from the features of units to a few latents, which a network takes in their place.

Spike sorting gives every day other units. What a network has learnt about the latents stays true, so that a network
outlives the day with another read-in, which is a small matrix and needs no compiler.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST_WEIGHT = 1e6


@dataclass(frozen=True, eq=False)
class ReadIn:
    """Latents as ``features @ kernel + bias``.

    Attributes:
        kernel: float32 (units, k).
        bias: float32 (k,).
    """

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]

    @property
    def unit_count(self) -> int:
        return len(self.kernel)

    @property
    def width(self) -> int:
        """How many latents there are, k."""
        return len(self.bias)

    def __call__(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Latents float32 (k,) of the features (units,) of one bin; the same to the bit on every call."""
        # Unlike a product with @, einsum adds in the same order however many threads there are.
        latents: NDArray[np.float32] = np.einsum('ku,u->k', self._by_latent, features)
        latents += self.bias
        return latents

    def of_bins(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Latents float32 (..., k) of the features (..., units) of many bins."""
        latents: NDArray[np.float32] = features @ self.kernel + self.bias
        return latents

    @cached_property
    def _by_latent(self) -> NDArray[np.float32]:
        return np.ascontiguousarray(self.kernel.T, np.float32)

    def to_arrays(self) -> dict[str, Any]:
        """Every field, for an ``.npz``."""
        return {'kernel': self.kernel, 'bias': self.bias}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> ReadIn:
        """What `to_arrays` gave.

        Raises:
            KeyError, ValueError: an array is missing, or has another shape or a value that cannot be.
        """
        kernel, bias = (np.asarray(arrays[name], np.float32) for name in ('kernel', 'bias'))
        if kernel.ndim != 2 or bias.shape != kernel.shape[1:]:
            raise ValueError('kernel and bias of the read-in do not fit together')
        if not all((np.abs(values) <= LARGEST_WEIGHT).all() for values in (kernel, bias)):
            raise ValueError(f'the read-in contains NaN or a weight above {LARGEST_WEIGHT:g}')
        return cls(kernel, bias)
