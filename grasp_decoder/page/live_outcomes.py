# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""How the trials of a run ended, so far."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from grasp_decoder.control.grip_table import GripTable
from grasp_decoder.control.outcome import TrialMarks, TrialOutcome, score_trials
from grasp_decoder.types.hand_command import HandCommand
from grasp_decoder.types.hand_state import HandState
from grasp_decoder.types.trial_event import TrialEvent

REMEMBERED = 200
"""Outcomes that are kept, the latest ones."""

MOST_RECORDS = 10_000
"""Commands and hand states that are kept for trials that are not over: more than a minute of them."""


class Outcomes:
    """Of trials that somebody else scores, as those of a finished run are.

    Attributes:
        outcomes: of the trials that are over, oldest first.
        scored: trials that were judged so far.
        good: how many of them were good: the hand held its object, or closed in time where holding was not measured.
    """

    def __init__(self) -> None:
        self.outcomes: deque[TrialOutcome] = deque(maxlen=REMEMBERED)
        self.scored = self.good = 0

    def add(self, outcome: TrialOutcome) -> None:
        """Count one more trial."""
        self.outcomes.append(outcome)
        self.scored += 1
        self.good += outcome.good

    def take_command(self, command: HandCommand) -> None:
        """Nothing is scored here."""

    def take_state(self, state: HandState) -> None:
        """Nothing is scored here."""

    def take_event(self, event: TrialEvent) -> None:
        """Nothing is scored here."""


class LiveOutcomes(Outcomes):
    """Scores a trial once the hand was commanded beyond the Cue of the next one, as the monitor of a run does."""

    def __init__(self, grips: GripTable):
        super().__init__()
        self._grips = grips
        self._commands: deque[HandCommand] = deque(maxlen=MOST_RECORDS)
        self._states: deque[HandState] = deque(maxlen=MOST_RECORDS)
        self._before: list[TrialEvent] = []  # events of the trial before this one, and of this one
        self._events: list[TrialEvent] = []
        self._over: TrialMarks | None = None

    def take_command(self, command: HandCommand) -> None:
        """Take what the hand is told."""
        self._commands.append(command)
        if self._over is not None and command.stamp_ns >= self._over.over_ns:
            self._score(self._over)
            self._over = None

    def take_state(self, state: HandState) -> None:
        """Take where hand and object are."""
        self._states.append(state)

    def take_event(self, event: TrialEvent) -> None:
        """Take an event of the task; the Cue of another trial ends the trial before it."""
        if self._events and self._events[-1].trial_key != event.trial_key:
            self._before, self._events = self._events, []
        self._events.append(event)
        if event.label == 'Cue':
            self._over, self._before = _marks(self._before, event.stamp_ns), []

    def _score(self, marks: TrialMarks) -> None:
        self.add(score_trials([marks], self._commands, self._states, self._grips)[0])
        for records in (self._commands, self._states):
            while records and records[0].stamp_ns < marks.over_ns:
                records.popleft()


def _marks(events: Sequence[TrialEvent], over_ns: int) -> TrialMarks | None:
    """When the phases of a trial began; None for one without a Hold and a Rew, which nobody can score."""
    stamps = {event.label: event.stamp_ns for event in events}
    if not {'Hold', 'Rew'} <= stamps.keys():
        return None
    first = events[0]
    return TrialMarks(
        trial=first.trial,
        segment=first.segment,
        # A live source may know the object later than the start.
        object_id=next((each.object_id for each in reversed(events) if each.object_id >= 0), first.object_id),
        start_ns=first.stamp_ns,
        cue_ns=stamps.get('Cue', first.stamp_ns),
        go_ns=stamps.get('Go', stamps['Hold']),
        hold_ns=stamps['Hold'],
        rew_ns=stamps['Rew'],
        end_ns=events[-1].stamp_ns,
        over_ns=over_ns,
    )
