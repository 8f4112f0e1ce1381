"""Time as this package keeps it: int64 nanoseconds."""

from __future__ import annotations

import numpy as np

NS_PER_S = 1_000_000_000


def to_ns(seconds):
    """Seconds (scalar or array, any float type) as int64 nanoseconds, rounded to nearest."""
    return np.rint(np.asarray(seconds, dtype=np.float64) * NS_PER_S).astype(np.int64)
