# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Player: which moment of a finished run the page shows."""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import Any

import viser

from grasp_decoder.page import words

SPEEDS = ('0.1', '0.25', '0.5', '1', '2', '4')
STEP_S = 0.01
"""The slider's steps."""

SLACK_S = 0.5
"""Who goes back within so long after the start of a trial goes to the trial before it."""


class Player:
    """Plays a finished run, from a slider and buttons of the page. It begins to play by itself.

    Args:
        name: of the run, for people.
        duration_s: of the run.
        trials_s: when its trials begin, ascending, s after the start of the run.
        clock: s.
    """

    def __init__(
        self, name: str, duration_s: float, trials_s: Sequence[float], clock: Callable[[], float] = time.monotonic
    ):
        self._name = name
        self._duration_s, self._trials_s, self._clock = max(duration_s, STEP_S), trials_s, clock
        self._time_s, self._asked_s = 0.0, clock()
        self._playing = True
        self._slider: Any = None  # of viser, which hides from mypy that its value can be set
        self._speed = 1.0

    def add_to(self, gui: viser.GuiApi) -> None:
        """Add its slider and buttons to the panel."""
        gui.add_html(words.recording(self._name))
        slider = gui.add_slider('Time, s', min=0.0, max=self._duration_s, step=STEP_S, initial_value=0.0)
        slider.on_update(lambda event: self._move(event.target.value) if event.client is not None else None)
        run = gui.add_button_group('Run', ('play', 'pause'))
        run.on_click(lambda event: self.play(event.target.value == 'play'))
        trial = gui.add_button_group('Trial', ('previous', 'next'))
        trial.on_click(lambda event: self.go_to_trial(1 if event.target.value == 'next' else -1))
        speed = gui.add_dropdown('Speed', SPEEDS, initial_value='1')
        speed.on_update(lambda event: self._take_speed(float(event.target.value)))
        self._slider = slider

    def play(self, on: bool) -> None:
        """Go on, from the beginning if it was at its end; or stand still."""
        if on and self._time_s >= self._duration_s:
            self._time_s = 0.0
        self._playing = on

    def stand_at(self, time_s: float) -> None:
        """Show this moment, and play no further."""
        self._playing, self._time_s = False, time_s

    def go_to_trial(self, direction: int) -> None:
        """Go to the start of the next trial (1), or of this one or the one before (-1)."""
        if direction > 0:
            place = bisect_right(self._trials_s, self._time_s)
        else:
            place = bisect_left(self._trials_s, self._time_s - SLACK_S) - 1
        if place < len(self._trials_s):
            self._time_s = self._trials_s[place] if place >= 0 else 0.0

    def time_s(self) -> float:
        """The moment to show now, s after the start of the run."""
        now_s = self._clock()
        elapsed_s, self._asked_s = now_s - self._asked_s, now_s
        if self._playing:
            self._time_s = min(self._time_s + self._speed * elapsed_s, self._duration_s)
            if self._time_s >= self._duration_s:
                self._playing = False  # only ever stopped here: a click on pause may come meanwhile
        if self._slider is not None:
            self._slider.value = round(self._time_s, 2)
        return self._time_s

    def _move(self, time_s: float) -> None:
        self._time_s = time_s

    def _take_speed(self, speed: float) -> None:
        self._speed = speed
