# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""When joint targets are due between decodes."""

from __future__ import annotations

AFTER_A_DECODE = 0.4
"""Targets are due so many periods after a decode: with bins of any whole or half number of periods, none is due at a
moment when the next decode comes, which would have to wait for them."""

LONGEST = 1.5
"""Periods between two targets, at most: decodes put none off for longer, however often they come."""


class TargetTimes:
    """A fixed rate in step with the decodes.

    Attributes:
        due_ns: CLOCK_MONOTONIC at which the next targets are due.
    """

    def __init__(self, period_ns: int):
        """``period_ns``: of the targets. The first ones are due at once."""
        self._period_ns = period_ns
        self._sent_ns = self.due_ns = 0

    def sent(self, now_ns: int) -> None:
        """Targets that were due were sent."""
        self._sent_ns, self.due_ns = now_ns, max(self.due_ns + self._period_ns, now_ns)

    def decoded(self, now_ns: int) -> None:
        """A decode was answered."""
        latest_ns = self._sent_ns + round(LONGEST * self._period_ns)
        self.due_ns = min(now_ns + round(AFTER_A_DECODE * self._period_ns), latest_ns)
