"""Percentiles of how long each stage of the way from bin edge to hand command took."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

REMEMBERED = 1500  # a minute of bins of 40 ms
TOTAL = 'total'


class StageTimes:
    """Durations of the latest bins, by stage, in seconds; stages follow one another."""

    def __init__(self, stages: Sequence[str]):
        self._stages = *stages, TOTAL
        self._durations = deque(maxlen=REMEMBERED)
        self.overruns = 0

    def add(self, bin_s: float, *durations: float) -> None:
        """One bin, a duration for each stage; a bin that took longer than bins come is an overrun."""
        total = sum(durations)
        self.overruns += total > bin_s
        self._durations.append((*durations, total))

    def percentiles(self) -> dict[str, tuple[float, float]]:
        """Stage -> (p50, p99) in seconds, the total last; empty before the first bin."""
        durations = np.array(self._durations.copy())
        if not len(durations):
            return {}
        return {stage: tuple(np.percentile(durations[:, i], (50, 99))) for i, stage in enumerate(self._stages)}
