# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""HandWatch: does the hand do as it is told? Measured joints against the targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grasp_decoder.control.fault_policies import Fault, FaultKind
from grasp_decoder.control.grasp_state_machine import UNSEEN, Seen
from grasp_decoder.control.joint_targets import Angles
from grasp_decoder.types.setting import Settings, setting
from grasp_decoder.types.time import NS_PER_S


@dataclass(frozen=True)
class FeedbackSettings(Settings):
    """What is expected of a hand that says where its joints are."""

    feedback: bool = setting(False, 'read where the joints are: start there; a hand that does not follow is a fault')
    contact: bool = setting(
        False,
        'read /hand/state instead, which also says what is touched and lifted: HOLD needs a finger that touches',
    )
    feedback_timeout_s: float = setting(0.5, 'silence of the hand that is a fault', unit='s', low=0.01, high=10.0)
    following_error_rad: float = setting(
        0.25,
        'a joint this much more closed than its target does not follow',
        unit='rad',
        low=0.01,
        high=3.2,
    )
    following_time_s: float = setting(
        1.0, 'how long a joint may not follow before that is a fault', unit='s', low=0.01, high=60.0
    )
    stall_rad: float = setting(
        0.0,
        'a joint that stands still this much less closed than its target has met an object; 0: nothing tells',
        unit='rad',
        low=0.0,
        high=3.2,
    )

    @property
    def topic_name(self) -> str:
        """The topic that the hand answers on; '' for none."""
        if self.contact:
            return 'hand/state'
        return 'joint_states' if self.feedback else ''


NO_HAND = 'no hand'
"""So begins the reason of SAFE while nothing was heard of the hand yet."""
MOVED_RAD = 0.01
STILL_NS = 60_000_000
"""A joint that has moved by less than `MOVED_RAD` for so long stands still."""


class HandWatch:
    """Compares what the hand says with what it was told.

    A finger that is less closed than its target has met an object: that is what a grasp is. A finger that stays more
    closed than its target does not let go: that is a fault. So is silence.
    """

    def __init__(self, settings: FeedbackSettings, joints: tuple[str, ...]):
        self._settings = settings
        self._joints = joints
        self._measured: Angles | None = None
        self._seen = UNSEEN
        self._stood_at = np.full(len(joints), np.nan)
        self._still_since_ns = np.zeros(len(joints), np.int64)
        self._heard_ns = 0
        self._follows_since_ns = 0

    @property
    def measured(self) -> Angles | None:
        """Where the joints are, (n_joints,) in rad; None before the hand has said so."""
        return self._measured

    def take(self, names: Sequence[str], positions: Sequence[float], now_ns: int, seen: Seen = UNSEEN) -> None:
        """The hand said at CLOCK_MONOTONIC ``now_ns`` where its joints are, and what it has ``seen`` of the object.

        Without all of the joints that is no news.
        """
        said = dict(zip(names, positions))
        measured = np.array([said.get(joint, np.nan) for joint in self._joints])
        if np.isfinite(measured).all():
            if self._measured is None:
                self._follows_since_ns = now_ns
            self._measured, self._heard_ns, self._seen = measured, now_ns, seen
            moved = ~(np.abs(measured - self._stood_at) < MOVED_RAD)  # NaN counts as moved
            self._stood_at[moved] = measured[moved]
            self._still_since_ns[moved] = now_ns

    def seen(self, targets: Angles) -> Seen:
        """What is known of the object, when the joints are told ``targets``."""
        if not self._settings.stall_rad or self._measured is None:
            return self._seen
        still = self._heard_ns - self._still_since_ns >= STILL_NS
        stalled = bool(np.any(still & (targets - self._measured >= self._settings.stall_rad)))
        return Seen(stalled or bool(self._seen.touched), self._seen.lifted)

    def stood_still(self, duration_ns: int) -> None:
        """Nothing was taken for so long because the process of the watch itself could not run."""
        self._heard_ns += duration_ns
        self._still_since_ns += duration_ns

    def fault(self, targets: Angles, now_ns: int) -> Fault | None:
        """What is wrong with the hand at CLOCK_MONOTONIC ``now_ns``, when its joints are told ``targets``."""
        settings = self._settings
        if not settings.topic_name:
            return None
        if self._measured is None:
            return Fault(FaultKind.HAND, f'{NO_HAND}: waiting for {settings.topic_name}')
        # One reason for as long as a fault lasts: a reason that changes is announced again.
        if now_ns - self._heard_ns > settings.feedback_timeout_s * NS_PER_S:
            return Fault(FaultKind.HAND, f'the hand has said nothing for {settings.feedback_timeout_s:g} s')
        behind = self._measured - targets
        worst = int(np.argmax(behind))
        if behind[worst] <= settings.following_error_rad:
            self._follows_since_ns = now_ns
        elif now_ns - self._follows_since_ns > settings.following_time_s * NS_PER_S:
            return Fault(FaultKind.HAND, f'{self._joints[worst]} does not open')
        return None
