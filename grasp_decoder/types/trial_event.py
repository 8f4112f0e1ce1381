# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""TrialEvent: a behavioural event of the task."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class TrialResult(IntEnum):
    """Whether a trial was done correctly, with the numbers of ``msg/TrialEvent.msg``."""

    UNKNOWN = 0
    CORRECT = 1
    ERROR = 2

    @classmethod
    def of(cls, correct: bool | None) -> TrialResult:
        """Of a trial whose recording says so, or says nothing."""
        return cls.UNKNOWN if correct is None else cls.CORRECT if correct else cls.ERROR

    @property
    def correct(self) -> bool | None:
        """As a recording says it: None where it is not known."""
        return None if self is TrialResult.UNKNOWN else self is TrialResult.CORRECT


@dataclass(frozen=True)
class TrialEvent:
    """Fields as in ``msg/TrialEvent.msg``; the stamp is the time of the event on the acquisition clock, ns."""

    stamp_ns: int
    trial: int
    segment: int
    label: str
    object_id: int
    result: TrialResult = TrialResult.UNKNOWN

    @property
    def trial_key(self) -> tuple[int, int]:
        """Tells its trial from all others: a live segment has many, and a replay repeats one in a new segment."""
        return self.segment, self.trial
