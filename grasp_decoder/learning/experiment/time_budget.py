# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

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

    @property
    def seconds_over(self) -> float:
        """By how much the time was exceeded; 0 while some is left."""
        return max(0.0, -self.seconds_left)

    def take_share(self) -> float:
        """Seconds for the next step."""
        share = max(0.0, self.seconds_left / self._steps_left)
        self._steps_left = max(1, self._steps_left - 1)
        return share
