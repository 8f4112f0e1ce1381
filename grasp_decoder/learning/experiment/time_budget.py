"""The time that training may take."""

from __future__ import annotations

import time


class TimeBudget:
    """Shares the time that is left evenly among the fits that are left.

    Args:
        seconds: how much there is, from now on.

    Attributes:
        fits_left: how many networks are still to be fitted.
    """

    def __init__(self, seconds: float):
        self._seconds = seconds
        self.fits_left = 1
        self.restart()

    def restart(self) -> None:
        """Have all the time again."""
        self._deadline = time.monotonic() + self._seconds

    @property
    def seconds_left(self) -> float:
        return self._deadline - time.monotonic()

    def take_share(self) -> float:
        """Seconds for the next fit."""
        share = max(0, self.seconds_left / self.fits_left)
        self.fits_left = max(1, self.fits_left - 1)
        return share
