# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Which goals a gripper action server gets: one for each change that matters, and SAFE before all else."""

from __future__ import annotations

from dataclasses import dataclass

from grasp_decoder.types.time import NS_PER_S

DEAD_BAND = 0.02
"""Change of the aperture that is worth a goal."""

INTERVAL_NS = 100_000_000
"""Time between two goals that are not urgent."""

ANSWER_NS = NS_PER_S
"""A goal that is not answered for so long is lost."""

RETRY_NS = 500_000_000
"""Time until a goal that failed is sent again."""

MOST_FAILURES = 5
"""After so many failures in a row the gripper is reported, and asked only every `SLOW_RETRY_NS`."""

SLOW_RETRY_NS = 2 * NS_PER_S


@dataclass(frozen=True)
class Goal:
    """An aperture for the gripper, 0 open .. 1 closed; ``number`` tells goals apart."""

    number: int
    aperture: float


class GripperGoals:
    """Decides what to send to an action server that may be slow, refuse, abort, die and come back.

    One goal is on its way at a time, and further ones are at least `INTERVAL_NS` apart; an urgent one (SAFE) waits for
    neither. A goal that is lost or refused is sent again for as long as it is wanted. One that is aborted is sent again
    only if SAFE wants it: a gripper aborts when it meets the object.
    """

    def __init__(self) -> None:
        self._wanted: float | None = None
        self._urgent = False
        self._sent: Goal | None = None
        self._aborted = False
        self._unanswered_since_ns: int | None = None
        self._not_before_ns = 0
        self._number = 0
        self._failures = 0
        self._last_failure = ''

    @property
    def problem(self) -> str:
        """What a person should know; '' while the gripper does as it is told."""
        if self._failures < MOST_FAILURES:
            return ''
        return f'{self._failures} goals in a row failed: {self._last_failure}'

    def want(self, aperture: float, urgent: bool = False) -> None:
        """The aperture that the gripper is to have now; ``urgent`` overtakes what is on its way."""
        if urgent and not self._urgent:
            self._not_before_ns = 0
        self._wanted, self._urgent = aperture, urgent

    def stand_still(self) -> None:
        """Nothing is wanted: the gripper is to stay where it is, and its goal is to be cancelled."""
        self._wanted = self._sent = self._unanswered_since_ns = None

    def server_left(self) -> None:
        """There is no server: whatever it had is gone, and one that comes is told what is wanted."""
        self._sent = self._unanswered_since_ns = None
        self._not_before_ns = 0

    def next_goal(self, now_ns: int) -> Goal | None:
        """The goal to send at CLOCK_MONOTONIC ``now_ns``, if there is one."""
        if self._unanswered_since_ns is not None and now_ns - self._unanswered_since_ns > ANSWER_NS:
            self._failed('no answer', now_ns, 0)
        if self._wanted is None or self._is_sent(self._wanted) or now_ns < self._not_before_ns:
            return None
        if self._unanswered_since_ns is not None and not self._urgent:
            return None
        self._number += 1
        self._sent, self._aborted = Goal(self._number, self._wanted), False
        self._unanswered_since_ns = now_ns
        self._not_before_ns = now_ns + INTERVAL_NS
        return self._sent

    def accepted(self, goal: Goal) -> bool:
        """The server took ``goal``; false when a newer one has overtaken it, and it is to be cancelled."""
        if goal != self._sent:
            return False
        self._unanswered_since_ns = None
        return True

    def refused(self, goal: Goal, now_ns: int) -> None:
        """The server did not take ``goal``."""
        if goal == self._sent:
            self._failed('refused', now_ns, self._pause())

    def ended(self, goal: Goal, aborted: bool, now_ns: int) -> None:
        """``goal`` has ended: it was reached, or ``aborted``."""
        if goal != self._sent:
            return
        if aborted and self._urgent:
            self._failed('aborted', now_ns, self._pause())
        else:
            self._aborted = aborted
            self._failures = 0

    def _failed(self, how: str, now_ns: int, pause_ns: int) -> None:
        self._sent = self._unanswered_since_ns = None
        self._failures += 1
        self._last_failure = how
        self._not_before_ns = now_ns + pause_ns

    def _pause(self) -> int:
        return RETRY_NS if self._failures + 1 < MOST_FAILURES else SLOW_RETRY_NS

    def _is_sent(self, aperture: float) -> bool:
        if self._sent is None or (self._aborted and self._urgent):
            return False
        return abs(aperture - self._sent.aperture) <= DEAD_BAND
