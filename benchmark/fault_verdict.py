# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""When a hand is safe after a fault: judged on its measured joints and on what it was told.

The definitions of the campaign stand here, and only here:

- A hand that is to open is safe from the moment at which every joint is seen to open, or is open, and none closes
  again.
- A hand that is to keep what it holds is safe from the moment at which SAFE is commanded, if no joint closes further
  while it does.
- What a next trial makes it do is not judged: it begins when an open hand is told to take on a grip.
- A hand that says nothing itself, dead or frozen, is safe from the moment at which SAFE is commanded, if its joints
  are open, or open, when it is heard of again. When a next trial has begun by then, the joint targets that it was sent
  before stand for its joints.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grasp_decoder.types.hand_command import HandCommand, HandMode

OPEN_RAD = 0.15
"""A joint this near to the open posture is open."""
BEGUN_RAD = 0.05
"""A hand whose least open joint has come this much nearer to the open posture is seen to open."""
STILL_RAD = 0.05
"""A joint that moves less than this does not move."""
GRIP_RAD = 0.2
"""A joint that presses on an object gives way by less than this while its target stands still."""
FOR_GOOD_NS = 200_000_000
"""A hand that is SAFE again after less than this had not left SAFE."""
ARRIVED_AFTER_NS = 1_000_000_000
"""A hand that had so long to open is open."""


@dataclass(frozen=True)
class Motion:
    """The measured hand.

    Attributes:
        times_ns: int64 (n,), CLOCK_MONOTONIC, ascending.
        distance: (n, n_joints), rad from the open posture; of the joints that close the hand.
    """

    times_ns: NDArray[np.int64]
    distance: NDArray[np.float64]

    def between(self, start_ns: float, stop_ns: float) -> Motion:
        """The part from ``start_ns`` up to ``stop_ns``."""
        inside = (self.times_ns >= start_ns) & (self.times_ns < stop_ns)
        return Motion(self.times_ns[inside], self.distance[inside])


def opens_ns(motion: Motion) -> int | None:
    """The first moment from which the hand opens or is open; None when there is none."""
    if not len(motion.times_ns):
        return None
    least_open = motion.distance.max(axis=1)
    has_begun = (least_open <= OPEN_RAD) | (least_open <= np.maximum.accumulate(least_open) - BEGUN_RAD)
    furthest_later = np.maximum.accumulate(motion.distance[::-1], axis=0)[::-1]
    closes_again = (furthest_later > np.maximum(motion.distance + STILL_RAD, OPEN_RAD)).any(axis=1)
    # From the last moment after which a joint closes, whatever it did before.
    safe = np.flatnonzero(has_begun & ~np.maximum.accumulate(closes_again[::-1])[::-1])
    had_time = motion.times_ns[-1] - motion.times_ns[0] >= ARRIVED_AFTER_NS
    if not len(safe) or (had_time and least_open[-1] > OPEN_RAD):
        return None
    return int(motion.times_ns[safe[0]])


def closes_further(motion: Motion) -> bool:
    """Whether any joint closes further than it was at first."""
    return bool(len(motion.times_ns) and (motion.distance > motion.distance[0] + GRIP_RAD).any())


def first_safe(commands: Sequence[HandCommand], after_ns: int) -> HandCommand | None:
    """The first command that says SAFE at or after CLOCK_MONOTONIC ``after_ns``.

    In a pause between two trials a hand that is SAFE already is not told so again.
    """
    before = [each for each in commands if each.published_ns <= after_ns]
    if before and before[-1].state == HandMode.SAFE:
        return before[-1]
    return next((each for each in commands if each.state == HandMode.SAFE and each.published_ns > after_ns), None)


def left_safe_ns(commands: Sequence[HandCommand], after_ns: int) -> int | None:
    """When the hand was first told after ``after_ns`` to leave SAFE for good; None when it was not.

    Two bridges contradict each other: what one says is undone by the other within a bin.
    """
    safe = first_safe(commands, after_ns)
    if safe is None:
        return None
    later = [each for each in commands if each.published_ns > safe.published_ns]
    safe_ns = np.array([each.published_ns for each in later if each.state == HandMode.SAFE], np.int64)
    for each in later:
        since_ns = safe_ns - each.published_ns
        if each.state != HandMode.SAFE and not np.any((since_ns > 0) & (since_ns < FOR_GOOD_NS)):
            return each.published_ns
    return None


def next_trial_ns(commands: Sequence[HandCommand], after_ns: int) -> float:
    """When the hand was first told to take on a grip after it was told to be open, both after ``after_ns``; or inf."""
    opened = False
    for each in commands:
        if each.published_ns > after_ns:
            opened = opened or each.state == HandMode.OPEN
            if opened and each.state in (HandMode.PRESHAPE, HandMode.CLOSE):
                return each.published_ns
    return math.inf
