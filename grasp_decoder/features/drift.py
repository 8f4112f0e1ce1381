# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""TrackedReadIn: a read-in whose latents keep the mean that they had in training, however slowly it drifts.

It follows the mean of each latent without any label, and takes its shift back. `UnitRepair` has taken a change of the
overall activity back before.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grasp_decoder.features.read_in import ReadIn
from grasp_decoder.features.unit_model import UnitModel
from grasp_decoder.types.time import NS_PER_S

MEMORY_NS = 240 * NS_PER_S
"""Time constant: some sixty trials, so that it matters little which objects were grasped."""

MOST_SHIFT = 1.5
"""Each latent is followed no further than by so many of its standard deviations in training."""


class TrackedReadIn:
    """Gives the latents of a read-in less their shift, once `on`. The same bins give the same latents, to the bit.

    Attributes:
        width: how many latents there are.
        on: whether the shift is followed and taken back.
        learning: whether the next bin is like those of training, so that the shift may follow it.
    """

    def __init__(self, read_in: ReadIn, model: UnitModel, bin_ns: int):
        """It is off at first.

        Args:
            read_in: takes square roots of counts.
            model: of the training trials. It gives the mean of the latents, and their spread between means of six bins.
            bin_ns: bin width.
        """
        self._read_in = read_in
        self.width = read_in.width
        # Unlike a product with @, einsum adds in the same order however many threads there are.
        self._usual = np.einsum('u,uk->k', model.mean, read_in.kernel) + read_in.bias
        shared = np.einsum('uf,uk->fk', model.loading, read_in.kernel)
        own = np.einsum('u,uk->k', model.private, np.square(read_in.kernel))
        self._spread = np.sqrt(np.square(shared).sum(axis=0) + own) + np.float32(1e-6)
        self._weight = np.float32(bin_ns / MEMORY_NS)
        self.on = self.learning = False
        self.reset()

    def reset(self) -> None:
        """Forget the shift."""
        self._shift = np.zeros(self.width, np.float32)

    @property
    def drift(self) -> float:
        """Root of the mean squared shift of the latents, relative to their spread in training."""
        return float(np.sqrt(np.square(self._shift / self._spread).mean()))

    def __call__(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Latents float32 (k,) of the features (units,) of the next bin."""
        latents = self._read_in(features)
        if not self.on:
            return latents
        kept = latents - self._shift
        if self.learning:
            self._shift += self._weight * (latents - self._usual - self._shift)
            np.clip(self._shift, -MOST_SHIFT * self._spread, MOST_SHIFT * self._spread, out=self._shift)
        return kept
