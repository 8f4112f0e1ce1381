"""Time as this package keeps it: int64 nanoseconds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000


def to_ns(seconds: npt.ArrayLike) -> np.ndarray:
    """Seconds (a number or an array, of any float type) as int64 nanoseconds of the same shape, rounded to nearest."""
    nanoseconds: np.ndarray = np.rint(np.asarray(seconds, dtype=np.float64) * NS_PER_S).astype(np.int64)
    return nanoseconds
