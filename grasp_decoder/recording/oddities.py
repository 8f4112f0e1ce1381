# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What a person would look at in a session before trusting it: each thing that is odd, in a sentence."""

from __future__ import annotations

import itertools

import numpy as np

from grasp_decoder.recording.session import Session
from grasp_decoder.types.time import NS_PER_S

HIGHEST_RATE_HZ = 200.0
"""No neuron fires faster over minutes; noise or several neurons do."""

_ORDER = 'Cue', 'Go', 'Hold', 'Rew'
_SHARED = 0.9
_MOST_SHOWN = 5


def oddities(session: Session) -> list[str]:
    """The remarks of reading, and what is odd about events, spikes and units; empty when nothing is."""
    return [*session.remarks, *_events(session), *_units(session)]


def _events(session: Session) -> list[str]:
    wrong_order = [
        trial.id
        for trial in session.trials
        for before, after in itertools.combinations(
            [trial.events[label] for label in _ORDER if label in trial.events], 2
        )
        if before > after
    ]
    outside = [
        trial.id
        for trial in session.trials
        if any(not trial.start_ns <= time <= trial.stop_ns for time in trial.events.values())
    ]
    found = []
    if wrong_order:
        found.append(f'events that are not in the order {", ".join(_ORDER)} in trials {_numbers(wrong_order)}')
    if outside:
        found.append(f'events that lie outside of their trial in trials {_numbers(outside)}')
    return found


def _units(session: Session) -> list[str]:
    recorded_s = sum(trial.stop_ns - trial.start_ns for trial in session.trials) / NS_PER_S
    count = session.unit_count
    spikes, twice, shared = np.zeros(count, np.int64), np.zeros(count, np.int64), np.zeros(count, np.int64)
    for trial in session.trials:
        times, units = trial.times_ns, trial.units.astype(np.int64)
        spikes += np.bincount(units, minlength=count)
        same_time = np.diff(times) == 0  # ties ascend by unit, so the same spike of one unit comes twice in a row
        same_unit = same_time & (np.diff(units) == 0)
        twice += np.bincount(units[1:][same_unit], minlength=count)
        others = same_time & ~same_unit
        shared += np.bincount(np.concatenate([units[1:][others], units[:-1][others]]), minlength=count)
    found = []
    for these, problem in (
        (
            spikes / recorded_s > HIGHEST_RATE_HZ,
            f'fire more than {HIGHEST_RATE_HZ:g} times a second: noise, or no units',
        ),
        (twice > 0.01 * spikes, 'have spikes twice at the same time: they were exported twice'),
        ((shared > _SHARED * spikes) & (spikes > 0), 'share nearly every spike with another one: copies of one unit'),
    ):
        if these.any():
            found.append(f'units that {problem}: {_numbers(np.flatnonzero(these).tolist())}')
    return found


def _numbers(numbers: list[int]) -> str:
    numbers = list(dict.fromkeys(numbers))
    shown = ', '.join(map(str, numbers[:_MOST_SHOWN]))
    return shown if len(numbers) <= _MOST_SHOWN else f'{shown} and {len(numbers) - _MOST_SHOWN} more'
