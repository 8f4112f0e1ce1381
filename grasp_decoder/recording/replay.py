# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Replay: when each step of a playback is sent, with heartbeats in between."""

from __future__ import annotations

import time
from collections.abc import Callable

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording.playback import Pace, Playback, Step, heartbeat_at
from grasp_decoder.types.spike_batch import SpikeBatch

HEARTBEAT_NS = 40_000_000
"""A heartbeat follows when nothing was sent for so long."""

LONGEST_WAIT_NS = 10_000_000
"""The longest time that the sender sleeps, so that it soon sees what others have changed."""


class Replay:
    """Decides what is sent next. It can be paused, moved and sped up. It is not thread-safe.

    Args:
        playback: the steps.
        first: a batch of the beginning, for the heartbeats before the first step.
        speed: relative to real time; 0: whoever listens sets the pace, and a step is never late (`due_ns`).
        paused: whether it begins with heartbeats alone.
        clock: CLOCK_MONOTONIC, or another that it is to follow, ns.
    """

    def __init__(
        self,
        playback: Playback,
        first: SpikeBatch,
        speed: float,
        paused: bool = False,
        clock: Callable[[], int] = time.monotonic_ns,
    ):
        self._playback = playback
        self._clock = clock
        self._pace = Pace(speed, clock) if speed else None
        self._paused = paused
        self._next: Step | None = None
        self._last = first
        self._played_ns = 0
        self._sent_ns = 0
        self.ended = False

    @property
    def paced(self) -> bool:
        """Whether the replay has a speed of its own."""
        return self._pace is not None

    @property
    def begun(self) -> bool:
        """Whether it has left the pause that it may have begun with."""
        return not self._paused or self._played_ns > 0

    def begin(self) -> None:
        """The first step is due from now on."""
        self._go_on()

    def pause(self) -> None:
        """Send heartbeats alone."""
        self._paused = True

    def resume(self) -> None:
        """Go on from where it was paused."""
        if self._paused:
            self._paused = False
            self._go_on()

    def seek(self, trial_id: int, time_ns: int) -> None:
        """Go on ``time_ns`` after the start of a trial. Raises `GraspDecoderError` as `Playback.seek` does."""
        self._playback.seek(trial_id, time_ns)
        self._next = None
        self._go_on()

    def set_speed(self, speed: float) -> None:
        """Go on at another speed.

        Raises:
            GraspDecoderError: the speed changes from or to 0.
        """
        if (speed != 0) != self.paced:
            raise GraspDecoderError('speed changes from or to 0 only with a new start')
        self._pace = Pace(speed, self._clock) if speed else None
        self._go_on()

    def next_step(self) -> Step | None:
        """The step that is to be sent next; None while paused, and after the last (`ended`)."""
        if self._paused:
            return None
        if self._next is None:
            self._next = next(self._playback, None)
            self.ended = self._next is None
        return self._next

    def due_ns(self, step: Step) -> int:
        """When a step is due, on the clock that is followed; now without a speed."""
        return self._pace.due_ns(step.due_ns) if self._pace else self._clock()

    def sent(self, step: Step) -> None:
        """The next step was sent."""
        self._next = None
        self._last, self._played_ns = step.batch, step.due_ns
        self._sent_ns = self._clock()

    def heartbeat(self) -> SpikeBatch | None:
        """The heartbeat that must be sent now, if one must."""
        if self._clock() - self._sent_ns < HEARTBEAT_NS:
            return None
        self._sent_ns = self._clock()
        return self.silence()

    def silence(self) -> SpikeBatch:
        """A heartbeat: nothing comes after what was sent last."""
        return heartbeat_at(self._last.end_ns, self._last.unit_count, self._last.segment)

    def wait_ns(self) -> int:
        """How long nothing has to be sent, as far as this is known; never long (`LONGEST_WAIT_NS`)."""
        now_ns = self._clock()
        wait_ns = min(self._sent_ns + HEARTBEAT_NS - now_ns, LONGEST_WAIT_NS)
        if self._pace is not None and not self._paused and self._next is not None:
            wait_ns = min(wait_ns, self._pace.due_ns(self._next.due_ns) - now_ns)
        return wait_ns

    def _go_on(self) -> None:
        if self._pace is not None:
            self._pace.go_on_from(self._played_ns)
