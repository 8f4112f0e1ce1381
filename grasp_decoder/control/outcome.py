# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Whether each trial ended with a good grasp: scored from events, hand commands and hand states.

A trial is a **success** when the hand did not close before Go, was closed by Rew + 0.3 s, lifted the object by 5 cm or
more, kept it there for 1 s, and let go before the next Cue, so that by then the hand is open and the object is down.
All times are on the acquisition clock, except how long the object was kept: that is physics, timed by CLOCK_MONOTONIC.

Success is not scored in trials too short to lift an object and to keep it for 1 s between Hold and the next Cue;
``closed_rate`` judges these. What counts is the time that the hand has: a replay shortens the pauses between trials. It
is not scored in the last trial of a run either, which has no next Cue.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from grasp_decoder.control.grip_table import GripTable
from grasp_decoder.control.held import KEPT_S, LIFTED_M, LIFTING_S
from grasp_decoder.types.hand_command import HandCommand, HandMode
from grasp_decoder.types.hand_state import HandState
from grasp_decoder.types.time import NS_PER_S

CLOSED_AFTER_REW_S = 0.3
CLOSED_STATES = (HandMode.CLOSE, HandMode.HOLD)


@dataclass(frozen=True)
class TrialMarks:
    """A replayed trial: times of its events in ns of the acquisition clock; each replay has its own ``segment``.

    ``over_ns`` is the Cue of the trial that follows in the run, whatever becomes of that one; inf after the last.
    ``counts`` is false for a trial in which the object was not to be grasped, or another one was: only the closings in
    its rest are of interest.
    """

    trial: int
    segment: int
    object_id: int
    start_ns: int
    cue_ns: int
    go_ns: int
    hold_ns: int
    rew_ns: int
    end_ns: int
    over_ns: float = math.inf
    counts: bool = True


@dataclass(frozen=True)
class TrialOutcome:
    """The outcome of one trial.

    Attributes:
        grip, right_grip: the grip that the hand closed with ('' if it did not), and whether it suits the object.
        closed: the hand was closed in time, and not before Go.
        success: None without a hand, in a trial that is too short, and in the last trial of a run.
        failure: why there was no success; '' otherwise.
        too_short: there is less than `LIFTING_S` and `KEPT_S` between Hold and the next Cue.
        time_to_grasp_s: from Hold until the hand was closed; NaN if it was not.
        kept_s: longest time at 5 cm or more.
        rest_s, false_closings: time outside of [Go, Rew + 0.3 s), and how often the hand closed during it.
        counts: as in `TrialMarks`.
    """

    trial: int
    segment: int
    object_id: int
    grip: str
    right_grip: bool
    closed: bool
    success: bool | None
    failure: str
    too_short: bool
    time_to_grasp_s: float
    kept_s: float
    rest_s: float
    false_closings: int
    counts: bool = True

    @property
    def good(self) -> bool:
        """Whether the hand held the object, or closed in time where holding was not measured."""
        return self.closed if self.success is None else self.success


def score_trials(
    trials: Sequence[TrialMarks],
    commands: Sequence[HandCommand],
    samples: Sequence[HandState],
    grips: GripTable,
) -> list[TrialOutcome]:
    """Score each trial, in order.

    Args:
        trials: in the order in which they were replayed.
        commands: as received.
        samples: states of the hand as received; empty without a hand.
        grips: which grip suits which object.
    """
    timeline, states = _Timeline(commands), _Timeline(samples)
    return [_score(marks, timeline, states, grips) for marks in trials]


def summarize(outcomes: Sequence[TrialOutcome]) -> dict[str, Any]:
    """The outcome keys of replay_decode's JSON. What was not measured is None, and ``note`` says why."""
    everywhere, outcomes = outcomes, [outcome for outcome in outcomes if outcome.counts]
    scored = [outcome for outcome in outcomes if outcome.success is not None]
    times = [outcome.time_to_grasp_s for outcome in outcomes if outcome.closed]
    rest_s = sum(outcome.rest_s for outcome in everywhere)
    false_closings = sum(outcome.false_closings for outcome in everywhere)
    return {
        'trials': len(outcomes),
        'trials_scored': len(scored),
        'success_rate': _rate(outcome.success for outcome in scored),
        'success_rate_right_grip': _rate(outcome.success for outcome in scored if outcome.right_grip),
        'right_grip_rate': _rate(outcome.right_grip for outcome in outcomes),
        'closed_rate': _rate(outcome.closed for outcome in outcomes),
        'time_to_grasp_s': {f'p{q}': float(np.percentile(times, q)) if times else None for q in (50, 95)},
        'false_closings_per_minute': 60.0 * false_closings / rest_s if rest_s else None,
        'note': _note(outcomes, scored),
        'outcomes': [
            {
                name: getattr(outcome, name)
                for name in ('trial', 'object_id', 'grip', 'right_grip', 'success', 'failure')
            }
            for outcome in outcomes
        ],
        'failures': dict(Counter(outcome.failure for outcome in scored if outcome.failure)),
        'objects': {
            str(object_id): {
                'trials': len(own),
                'success_rate': _rate(outcome.success for outcome in own if outcome.success is not None),
                'right_grip_rate': _rate(outcome.right_grip for outcome in own),
                'closed_rate': _rate(outcome.closed for outcome in own),
            }
            for object_id in sorted({outcome.object_id for outcome in outcomes})
            for own in [[outcome for outcome in outcomes if outcome.object_id == object_id]]
        },
    }


def _note(outcomes: Sequence[TrialOutcome], scored: Sequence[TrialOutcome]) -> str:
    if scored or not any(outcome.too_short for outcome in outcomes):
        return ''
    return (
        f'the trials are too short to keep an object for {KEPT_S:g} s: look at closed_rate, not success_rate; '
        'with --params-file config/short_trials.yaml the hand lets go in time for the next trial'
    )


def _rate(values: Iterable[bool | None]) -> float | None:
    """Fraction of the values that are true; None if there are none."""
    counted = [bool(value) for value in values]
    return sum(counted) / len(counted) if counted else None


class _Stamped(Protocol):
    @property
    def stamp_ns(self) -> int: ...


Record = TypeVar('Record', bound=_Stamped)


class _Timeline(Generic[Record]):
    """Records in the order of their stamps."""

    def __init__(self, records: Iterable[Record]):
        self._records = sorted(records, key=lambda record: record.stamp_ns)
        self._stamps = [record.stamp_ns for record in self._records]

    def __bool__(self) -> bool:
        return bool(self._records)

    def between(self, start_ns: int, stop_ns: int) -> list[Record]:
        """Records in [start, stop), with the last one before them, if there is one, in front."""
        first = bisect_left(self._stamps, start_ns)
        return self._records[max(first - 1, 0) : bisect_left(self._stamps, stop_ns)]


def _score(
    marks: TrialMarks,
    commands: _Timeline[HandCommand],
    states: _Timeline[HandState],
    grips: GripTable,
) -> TrialOutcome:
    deadline_ns = marks.rew_ns + int(CLOSED_AFTER_REW_S * NS_PER_S)
    is_last = math.isinf(marks.over_ns)
    stop_ns = marks.end_ns if is_last else int(marks.over_ns)
    closings = _entries(commands.between(marks.start_ns, max(marks.end_ns, deadline_ns)), HandMode.CLOSE)
    false_closings = [c for c in closings if c.stamp_ns < marks.go_ns or deadline_ns <= c.stamp_ns < marks.end_ns]
    early = any(c.stamp_ns < marks.go_ns for c in false_closings)
    onset = next((c for c in closings if marks.go_ns <= c.stamp_ns < deadline_ns), None)
    held = onset and next((c for c in _entries(commands.between(onset.stamp_ns, deadline_ns + 1), HandMode.HOLD)), None)
    grip = onset.grip if onset else ''
    kept_s = _longest_lift_s(states.between(onset.stamp_ns, stop_ns)) if onset else 0.0
    failure = ''
    if early:
        failure = 'closed before Go'
    elif not held:
        failure = 'not closed in time'
    elif kept_s == 0.0:
        failure = 'not lifted'
    elif kept_s < KEPT_S:
        failure = 'not kept'
    elif not _released(commands.between(marks.start_ns, stop_ns), states.between(marks.start_ns, stop_ns)):
        failure = 'not released'
    too_short = not is_last and _time_s(states, marks.hold_ns, stop_ns) < LIFTING_S + KEPT_S
    measured = bool(states) and not is_last and not too_short
    return TrialOutcome(
        trial=marks.trial,
        segment=marks.segment,
        object_id=marks.object_id,
        grip=grip,
        right_grip=grip == grips.grip_of(marks.object_id),
        closed=bool(held) and not early,
        success=not failure if measured else None,
        failure=failure if measured else '',
        too_short=too_short,
        time_to_grasp_s=(held.stamp_ns - marks.hold_ns) / NS_PER_S if held else float('nan'),
        kept_s=kept_s,
        rest_s=(marks.go_ns - marks.start_ns + max(0, marks.end_ns - deadline_ns)) / NS_PER_S,
        false_closings=len(false_closings),
        counts=marks.counts,
    )


def _time_s(states: _Timeline[HandState], start_ns: int, stop_ns: int) -> float:
    """How long the hand had from one moment of the acquisition clock to another, s; without a hand that clock tells."""
    samples = states.between(start_ns, stop_ns)
    if len(samples) < 2:
        return (stop_ns - start_ns) / NS_PER_S
    return (samples[-1].monotonic_ns - samples[0].monotonic_ns) / NS_PER_S


def _entries(commands: Sequence[HandCommand], state: HandMode) -> list[HandCommand]:
    """Commands that enter ``state`` from another one."""
    return [b for a, b in itertools.pairwise(commands) if b.state == state != a.state]


def _longest_lift_s(samples: Sequence[HandState]) -> float:
    """Longest time during which the object was lifted, s."""
    longest_ns, since_ns = 0, None
    for sample in samples:
        if sample.lift < LIFTED_M:
            since_ns = None
        elif since_ns is None:
            since_ns = sample.monotonic_ns
        else:
            longest_ns = max(longest_ns, sample.monotonic_ns - since_ns)
    return longest_ns / NS_PER_S


def _released(commands: Sequence[HandCommand], samples: Sequence[HandState]) -> bool:
    """Whether the hand is open and the object down at the end."""
    return commands[-1].state not in CLOSED_STATES and samples[-1].lift < LIFTED_M
