"""Percentiles of how long each stage of the way from bin edge to published decode took."""

from __future__ import annotations

from collections import deque

import numpy as np

STAGES = ('receive', 'binning', 'inference', 'publish', 'total')
REMEMBERED = 1500  # a minute of bins of 40 ms


class StageTimes:
    """Durations of the latest bins, by stage, in seconds."""

    def __init__(self):
        self._durations = deque(maxlen=REMEMBERED)
        self.overruns = 0

    def add(self, receive: float, binning: float, inference: float, publish: float, bin_s: float) -> None:
        """One bin; a bin that took longer than bins come is an overrun."""
        total = receive + binning + inference + publish
        self.overruns += total > bin_s
        self._durations.append((receive, binning, inference, publish, total))

    def percentiles(self) -> dict[str, tuple[float, float]]:
        """Stage -> (p50, p99) in seconds; empty before the first bin."""
        durations = np.array(self._durations.copy())
        if not len(durations):
            return {}
        return {stage: tuple(np.percentile(durations[:, i], (50, 99))) for i, stage in enumerate(STAGES)}
