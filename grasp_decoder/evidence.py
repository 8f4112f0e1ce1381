# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Evidence accumulation over bins: log-probability ratios with forgetting.

Control acts on its posteriors, and learning calibrates them: both count evidence with this code.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

LARGEST_RATIO = 100.0
"""No bin counts for more than 100 to 1, however sure a decoder is."""

MEMORY_S = 0.2
GAIN = 0.2
"""Time constant and gain for a decoder that brings none: about what calibration finds with bins of 40 ms."""


@dataclass(frozen=True)
class EvidenceRule:
    """How what a decoder says about the object is counted, bin after bin (`EvidenceAccumulator`).

    Attributes:
        prior: probability of each class before anything is known.
        gain: weight of one bin of evidence; 1: bins are independent.
        memory_s: time constant of forgetting evidence, s.
        dead_band: log-ratios up to this are no evidence, and larger ones are less by as much.
    """

    prior: tuple[float, ...]
    gain: float = GAIN
    memory_s: float = MEMORY_S
    dead_band: float = 0.0

    @classmethod
    def for_unknown(cls, n_classes: int) -> EvidenceRule:
        """The rule for a decoder that brings none: all its classes are alike."""
        return cls((1.0 / max(1, n_classes),) * n_classes)

    def forgetting(self, bin_s: float) -> float:
        """The share of the evidence that is left a bin of ``bin_s`` later."""
        return math.exp(-bin_s / self.memory_s)

    def of_bins(self, probability: NDArray[np.floating]) -> NDArray[np.float64]:
        """What each bin adds to the evidence, (..., n_classes), from what a decoder said of it, (..., n_classes)."""
        ratio = np.clip(probability / np.array(self.prior), 1.0 / LARGEST_RATIO, LARGEST_RATIO)
        log_ratio: NDArray[np.float64] = np.log(ratio)
        log_ratio -= np.clip(log_ratio, -self.dead_band, self.dead_band)
        return self.gain * log_ratio

    def problem(self, n_classes: int) -> str:
        """What makes the rule impossible for so many classes; '' when nothing does."""
        if len(self.prior) != n_classes:
            return f'probabilities of {len(self.prior)} objects before anything is known, and knows {n_classes}'
        if not all(0.0 < each <= 1.0 for each in self.prior):
            return 'that an object is impossible before anything is known'
        if abs(sum(self.prior) - 1.0) > 1e-6:
            return f'that its objects have the probability {sum(self.prior):g} together'
        for name, value in (('gain', self.gain), ('memory', self.memory_s)):
            if not 0.0 < value < math.inf:
                return f'a {name} of evidence of {value:g}'
        if not 0.0 <= self.dead_band < math.log(LARGEST_RATIO):
            return f'a dead band of evidence of {self.dead_band:g}'
        return ''


class EvidenceAccumulator:
    """Posterior over classes from the decoded probabilities of successive bins.

    ``evidence = forgetting * evidence + gain * log(probability / prior)``, and the posterior is proportional to
    ``prior * exp(evidence)``, with ``forgetting = exp(-bin_s / memory_s)``. A decoder that knows nothing says the
    prior, which is no evidence. No forgetting and a gain of 1 is Bayes' rule for independent bins. Neighbouring bins
    share spikes and decoder state, so a gain below 1 keeps the posterior calibrated. A decoder that knows nothing also
    sways a little around the prior: the dead band keeps that from adding up. This is the leaky accumulation of Usher
    and McClelland (2001), without its inhibition, on log-probabilities.

    Attributes:
        evidence: float (n_classes,), sum of weighted log-ratios; 0 before anything is known.
    """

    def __init__(self, rule: EvidenceRule, bin_s: float):
        """``bin_s``: length of a bin, s."""
        self._rule = rule
        self._forgetting = rule.forgetting(bin_s)
        self.evidence = np.zeros(len(rule.prior))

    def reset(self) -> None:
        """Nothing is known any more."""
        self.evidence[:] = 0.0

    def update(self, probability: NDArray[np.floating]) -> NDArray[np.float64]:
        """Take one bin's probabilities (n_classes,) and give the posterior (n_classes,), which sums to 1."""
        self.evidence = self._forgetting * self.evidence + self._rule.of_bins(probability)
        return self.posterior()

    def posterior(self) -> NDArray[np.float64]:
        """The posterior (n_classes,), which sums to 1."""
        return posterior_of(self._rule.prior, self.evidence)


def posterior_of(prior: ArrayLike, evidence: NDArray[np.float64]) -> NDArray[np.float64]:
    """Posterior (..., n_classes) of evidence (..., n_classes) on top of a prior (n_classes,)."""
    weight: NDArray[np.float64] = np.asarray(prior) * np.exp(evidence - evidence.max(axis=-1, keepdims=True))
    posterior: NDArray[np.float64] = weight / weight.sum(axis=-1, keepdims=True)
    return posterior
