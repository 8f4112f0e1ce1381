"""The time that searches, training and baselines may take."""

from __future__ import annotations

import time


class TimeBudget:
    """Shares the time that is left evenly among the steps that are left.

    Args:
        seconds: how much there is, from now on.
        steps: how many steps there are.
    """

    def __init__(self, seconds: float, steps: int = 1):
        self._deadline = time.monotonic() + seconds
        self._steps_left = steps

    @property
    def seconds_left(self) -> float:
        return self._deadline - time.monotonic()

    def take_share(self) -> float:
        """Seconds for the next step."""
        share = max(0.0, self.seconds_left / self._steps_left)
        self._steps_left = max(1, self._steps_left - 1)
        return share
