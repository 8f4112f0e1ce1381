# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What a session holds, in numbers for people."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass

import numpy as np

from grasp_decoder.recording.session import Session
from grasp_decoder.types.time import NS_PER_S


@dataclass(frozen=True)
class SessionSummary:
    """Numbers about one session.

    Attributes:
        areas: area (None when unknown) -> units, in the order of the unit table.
        electrodes: how many electrodes have a unit; 0 when unknown.
        rates_hz: float64 (units,), over the whole of all trials.
        trial_s: float64 (trials,), length of each trial.
        wrong, excluded, incomplete: trials left out because they were not done correctly, because of their object, or
            because something is missing.
        objects: object id -> (trials to use, all trials), ascending.
        phases_s: (event, next event) -> float64 seconds between them, one per trial that has both.
        signals: name -> channels of continuous signals.
    """

    areas: dict[str | None, int]
    electrodes: int
    rates_hz: np.ndarray
    trial_s: np.ndarray
    wrong: int
    excluded: int
    incomplete: int
    objects: dict[int, tuple[int, int]]
    phases_s: dict[tuple[str, str], np.ndarray]
    signals: dict[str, int]

    @property
    def silent_units(self) -> list[int]:
        return np.flatnonzero(self.rates_hz == 0).tolist()

    @property
    def usable(self) -> int:
        return sum(usable for usable, _ in self.objects.values())


def summarize(session: Session) -> SessionSummary:
    trials = session.trials
    trial_s = np.array([trial.stop_ns - trial.start_ns for trial in trials]) / NS_PER_S
    spikes = np.sum([np.bincount(trial.units, minlength=session.unit_count) for trial in trials], axis=0)
    left_out = Counter(
        'wrong' if trial.correct is False else 'excluded' if trial.excluded else 'incomplete'
        for trial in trials
        if not session.is_usable(trial)
    )
    every = Counter(trial.object_id for trial in trials)
    usable = Counter(trial.object_id for trial in trials if session.is_usable(trial))
    return SessionSummary(
        areas=dict(Counter(unit.area for unit in session.units)),
        electrodes=len({unit.electrode for unit in session.units} - {None}),
        rates_hz=spikes / trial_s.sum(),
        trial_s=trial_s,
        wrong=left_out['wrong'],
        excluded=left_out['excluded'],
        incomplete=left_out['incomplete'],
        objects={object_id: (usable[object_id], every[object_id]) for object_id in sorted(every)},
        phases_s=_phases(session),
        signals={name: values.shape[1] for trial in trials for name, (_, values) in trial.signals.items()},
    )


def _phases(session: Session) -> dict[tuple[str, str], np.ndarray]:
    """Seconds from each event to the next, in the order of the first trial that has the most events."""
    labels = list(max(session.trials, key=lambda trial: len(trial.events)).events)
    return {
        (label, following): np.array(
            [
                trial.events[following] - trial.events[label]
                for trial in session.trials
                if label in trial.events and following in trial.events
            ]
        )
        / NS_PER_S
        for label, following in itertools.pairwise(labels)
    }
