"""HandCommand: what the hand shall do, as a plain dataclass."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class HandMode(IntEnum):
    """State of the grasp, as in ``msg/HandCommand.msg``."""

    SAFE = 0
    OPEN = 1
    PRESHAPE = 2
    CLOSE = 3
    HOLD = 4


@dataclass(frozen=True)
class HandCommand:
    """Fields and units as in ``msg/HandCommand.msg``; ``published_ns`` is 0 until it is published.

    ``still``: every joint stays where it is, whatever grip and aperture say.
    """

    stamp_ns: int
    due_ns: int
    state: HandMode
    grip: str
    aperture: float
    reason: str
    published_ns: int = 0
    still: bool = False
