# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""ClockOffset: how far the clock of an acquisition system is from ours, from when its messages arrive."""

from __future__ import annotations

from collections import deque

from grasp_decoder.types.time import NS_PER_S

REMEMBERED_S = 10


class ClockOffset:
    """The smallest difference between arrival and timestamp over the last seconds.

    Whatever delays a message makes the difference larger, so the smallest one is the closest to the offset of the
    clocks. Old ones are forgotten, since crystals drift by milliseconds in a minute.
    """

    def __init__(self) -> None:
        self._smallest: deque[tuple[int, int]] = deque(maxlen=REMEMBERED_S)

    @property
    def known(self) -> bool:
        return bool(self._smallest)

    @property
    def ns(self) -> int:
        """CLOCK_MONOTONIC minus the system's clock, plus the shortest delay of a message."""
        return min(difference for _, difference in self._smallest)

    def add(self, arrived_ns: int, stamp_ns: int) -> None:
        """Take a message.

        Args:
            arrived_ns: CLOCK_MONOTONIC of its arrival.
            stamp_ns: the moment on the system's clock up to which it holds data.
        """
        second, difference = arrived_ns // NS_PER_S, arrived_ns - stamp_ns
        if self._smallest and self._smallest[-1][0] == second:
            self._smallest[-1] = second, min(difference, self._smallest[-1][1])
        else:
            self._smallest.append((second, difference))
