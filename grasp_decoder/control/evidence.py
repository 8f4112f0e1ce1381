"""Evidence accumulation over bins: log-probability ratios with forgetting."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

LARGEST_RATIO = 100.0
"""No bin counts for more than 100 to 1, however sure a decoder is."""


class EvidenceAccumulator:
    """Posterior over classes from the decoded probabilities of successive bins.

    ``evidence = forgetting * evidence + gain * log(probability / prior)``, and the posterior is proportional to
    ``prior * exp(evidence)``, with ``forgetting = exp(-bin_s / memory_s)``. A decoder that knows nothing says the
    prior, which is no evidence. No forgetting and a gain of 1 is Bayes' rule for independent bins. Neighbouring bins
    share spikes and decoder state, so a gain below 1 keeps the posterior calibrated. This is the leaky accumulation of
    Usher and McClelland (2001), without its inhibition, on log-probabilities.
    """

    def __init__(self, prior: ArrayLike, bin_s: float, memory_s: float, gain: float):
        """``prior``: probability of each class before anything is known, (n_classes,), above 0."""
        self._prior = np.asarray(prior, dtype=float) / np.sum(prior)
        self._forgetting = math.exp(-bin_s / memory_s)
        self._gain = gain
        self._evidence = np.zeros(len(self._prior))

    def reset(self) -> None:
        """Nothing is known any more."""
        self._evidence[:] = 0.0

    def update(self, probability: NDArray[np.floating]) -> NDArray[np.float64]:
        """Take one bin's probabilities (n_classes,) and give the posterior (n_classes,), which sums to 1."""
        ratio = np.clip(probability / self._prior, 1.0 / LARGEST_RATIO, LARGEST_RATIO)
        self._evidence = self._forgetting * self._evidence + self._gain * np.log(ratio)
        return self.posterior()

    def posterior(self) -> NDArray[np.float64]:
        """The posterior (n_classes,), which sums to 1."""
        weight: NDArray[np.float64] = self._prior * np.exp(self._evidence - self._evidence.max())
        posterior: NDArray[np.float64] = weight / weight.sum()
        return posterior
