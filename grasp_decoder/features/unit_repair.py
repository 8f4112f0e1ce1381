# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""UnitRepair: square roots of counts as they would be if all units lived and were as active as in training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from grasp_decoder.features.unit_model import UnitModel

MOST_SPIKES = 200
"""Terms of the sum over a Poisson distribution."""


def _poisson_roots(rate: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean square roots of Poisson counts with means (n,) well below `MOST_SPIKES`, float64 (n,)."""
    spikes = np.arange(1, MOST_SPIKES + 1)
    log_probability = spikes * np.log(rate)[:, None] - rate[:, None] - np.cumsum(np.log(spikes))
    roots: NDArray[np.float64] = np.exp(log_probability) @ np.sqrt(spikes)
    return roots


RATES = np.geomspace(1e-4, MOST_SPIKES / 2, 400)
MEAN_ROOTS = _poisson_roots(RATES)
"""Mean square root of Poisson counts at each of `RATES`."""

AVERAGED_BINS = 12
"""Decoders average over about so many bins, and noise that is new in every bin counts for as much less."""


class UnitRepair:
    """Repairs the features of one bin after the other.

    Living units are corrected for the gain, and dead ones get what the living ones lead to expect (`UnitModel`). Where
    all units fire less than in training, each of them is noisier than it was, and gets something in between: as much of
    its own as it is still to be trusted.

    A bin costs two products with the loading. New dead units cost as much as they are many; a new gain costs a product,
    and one for each pair of factors where units fire less.
    """

    def __init__(self, model: UnitModel, rate: NDArray[np.floating]):
        """All units live and are as active as in training, until `adapt` says otherwise.

        Args:
            model: of the training trials.
            rate: (units,), mean count of a bin in training.
        """
        self._model = self._heard = model
        self._rate = rate
        self._living = np.ones(model.unit_count, np.bool_)
        self._gain = 1.0
        self._scale = gain_correction(rate, 1.0)
        self._replaced = np.empty(0, np.intp)
        self._living_share = 1.0

    def adapt(self, living: NDArray[np.bool_], gain: float) -> None:
        """Repair for other units or another gain from now on; it costs nothing where both are as before.

        Args:
            living: (units,), whether a unit is to be used; not to be changed afterwards.
            gain: activity relative to training, above 0.
        """
        heard = self._heard
        if gain != self._gain:
            noise = added_noise(self._rate, gain)
            heard = replace(self._model, private=self._model.private + noise) if noise.any() else self._model
            self._gain, self._scale = gain, gain_correction(self._rate, gain)
        if living is not self._living:
            self._living_share = float(self._rate[living].sum() / max(float(self._rate.sum()), 1e-9))
        elif heard is self._heard:
            return
        self._heard, self._living = heard, living
        trusted = np.where(living, self._model.private / heard.private, np.float32(0))
        self._replaced = np.flatnonzero(trusted < 1)
        self._trusted = trusted[self._replaced]
        self._covariance = heard.covariance(living)
        self._mean, self._loading = self._model.mean[self._replaced], self._model.loading[self._replaced]

    @property
    def activity(self) -> float:
        """Spikes of the living units, relative to those of all units in training; above 0."""
        return max(1e-3, self._gain * self._living_share)

    @property
    def changes_nothing(self) -> bool:
        """Whether all units live and are as active as in training."""
        return self._gain == 1.0 and not len(self._replaced)

    def __call__(self, roots: NDArray[np.float32]) -> NDArray[np.float32]:
        """The repaired square roots of the counts of a bin, float32 (units,)."""
        repaired = roots * self._scale
        if len(self._replaced):
            said = repaired - self._model.mean
            said[~self._living] = 0
            # Unlike a product with @, einsum adds in the same order however many threads there are.
            factors = np.einsum('fg,g->f', self._covariance, np.einsum('uf,u->f', self._heard.weighted, said))
            expected = np.einsum('uf,f->u', self._loading, factors)
            own = said[self._replaced] - expected
            repaired[self._replaced] = self._mean + expected + self._trusted * own
        return repaired


def gain_correction(rate: NDArray[np.floating], gain: float) -> NDArray[np.float32]:
    """What square roots of counts at ``gain`` times the rate are multiplied by, to have their mean at the rate itself.

    Counts are taken to be Poisson: of a unit that fires rarely the mean follows the rate, of others its square root.

    Args:
        rate: (units,), mean count of a bin.
        gain: above 0.
    """
    if gain == 1:
        return np.ones(len(rate), np.float32)
    rate = np.asarray(rate, np.float64)
    usual, changed = (np.interp(each, RATES, MEAN_ROOTS) for each in (rate, gain * rate))
    correction = np.where(rate < RATES[-1] / max(1, gain), usual / changed, 1 / np.sqrt(gain))
    return np.where(rate > 0, correction, 1).astype(np.float32)


def added_noise(rate: NDArray[np.floating], gain: float) -> NDArray[np.float32]:
    """Variance that square roots of counts have more than in training, once the gain is taken back, float32 (units,).

    It is that of the mean of `AVERAGED_BINS`, and 0 where units fire as much as in training or more. Counts are taken
    to be Poisson.

    Args:
        rate: (units,), mean count of a bin.
        gain: above 0.
    """
    if gain >= 1:
        return np.zeros(len(rate), np.float32)
    correction = gain_correction(rate, gain)
    rate = np.clip(np.asarray(rate, np.float64), 0, RATES[-1])
    usual, changed = (each - np.square(np.interp(each, RATES, MEAN_ROOTS, left=0)) for each in (rate, gain * rate))
    noise: NDArray[np.float64] = np.maximum(np.square(correction) * changed - usual, 0) / AVERAGED_BINS
    return noise.astype(np.float32)
