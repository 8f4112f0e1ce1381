"""Evidence accumulation over bins: log-probabilities with forgetting."""

from __future__ import annotations

import math

import numpy as np

PROBABILITY_FLOOR = 0.01
"""No bin counts for more than 100 to 1, however sure a decoder is."""


class EvidenceAccumulator:
    """Posterior over classes from the decoded probabilities of successive bins.

    ``evidence = forgetting * evidence + gain * log(probability)``, and the posterior is its softmax, with
    ``forgetting = exp(-bin_s / memory_s)``. No forgetting and a gain of 1 is Bayes' rule for independent bins under a
    flat prior; neighbouring bins share spikes and decoder state, so a gain below 1 keeps the posterior calibrated.
    This is the leaky accumulation of Usher and McClelland (2001), without its inhibition, on log-probabilities.
    """

    def __init__(self, class_count: int, bin_s: float, memory_s: float, gain: float):
        self._forgetting = math.exp(-bin_s / memory_s)
        self._gain = gain
        self._evidence = np.zeros(class_count)

    def reset(self) -> None:
        self._evidence[:] = 0.0

    def update(self, probability: np.ndarray) -> np.ndarray:
        """Take one bin's probabilities (n_classes,) and give the posterior (n_classes,), which sums to 1."""
        log_probability = np.log(np.clip(probability, PROBABILITY_FLOOR, 1.0))
        self._evidence = self._forgetting * self._evidence + self._gain * log_probability
        return self.posterior()

    def posterior(self) -> np.ndarray:
        weight = np.exp(self._evidence - self._evidence.max())
        return weight / weight.sum()
