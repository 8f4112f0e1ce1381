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
from numpy.typing import NDArray

from grasp_decoder.errors import first_of
from grasp_decoder.recording.session import Session
from grasp_decoder.types.time import NS_PER_S

HIGHEST_RATE_HZ = 200.0
"""No neuron fires faster over minutes; noise or several neurons do."""

_ORDER = 'Cue', 'Go', 'Hold', 'Rew'
_SHARED = 0.9
"""Share of their spikes that copies of one unit have at the same times."""

_FEWEST_SPIKES = 20
"""With fewer, units may be alike by chance."""

_NEVER_NS = np.iinfo(np.int64).min


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
    spikes, twice = np.zeros(count, np.int64), np.zeros(count, np.int64)
    for trial in session.trials:
        units = trial.units.astype(np.int64)
        spikes += np.bincount(units, minlength=count)
        # Ties ascend by unit, so the same spike of one unit comes twice in a row.
        again = (np.diff(trial.times_ns) == 0) & (np.diff(units) == 0)
        twice += np.bincount(units[1:][again], minlength=count)
    found = []
    for these, problem in (
        (
            spikes / recorded_s > HIGHEST_RATE_HZ,
            f'fire more than {HIGHEST_RATE_HZ:g} times a second: noise, or no units',
        ),
        (twice > 0.01 * spikes, 'have spikes twice at the same time: exported twice, or counts of bins'),
        (_copies(session), 'share nearly every spike with one other: copies of one unit'),
    ):
        if these.any():
            found.append(f'units that {problem}: {_numbers(np.flatnonzero(these).tolist())}')
    return found


def _copies(session: Session) -> NDArray[np.bool_]:
    """Which units have nearly all their spikes when one other has its own, (units,).

    On a coarse clock any two units often fire at the same time, by chance. So each pair is counted by itself, and units
    that fire at half of all times or more are left out.
    """
    spikes, shared, moments = _moments(session)
    suspected = np.flatnonzero((spikes >= _FEWEST_SPIKES) & (2 * spikes < moments) & (shared > _SHARED * spikes))
    copies = np.zeros(session.unit_count, bool)
    if not suspected.size:
        return copies
    from scipy.sparse import csr_array  # slow to import

    kept = [np.isin(trial.units, suspected) for trial in session.trials]
    times = np.concatenate([trial.times_ns[these] for trial, these in zip(session.trials, kept)])
    units = np.concatenate([trial.units[these] for trial, these in zip(session.trials, kept)])
    moment = np.unique(times, return_inverse=True)[1]
    fires = csr_array(
        (np.ones(len(times), np.int64), (moment, np.searchsorted(suspected, units))), (len(times), len(suspected))
    )
    fires.sum_duplicates()
    fires.data[:] = 1
    together = (fires.T @ fires).tocoo()
    fired = fires.sum(axis=0)
    most = np.maximum(fired[together.row], fired[together.col])
    copies[suspected[together.row[(together.row != together.col) & (together.data > _SHARED * most)]]] = True
    return copies


def _moments(session: Session) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Spikes of each unit, those of them that another unit shares, (units,), and at how many times there are spikes."""
    spikes, shared = np.zeros((2, session.unit_count), np.int64)
    moments = 0
    for trial in session.trials:
        first = np.diff(trial.times_ns, prepend=_NEVER_NS) != 0  # of the spikes at one time
        last = np.diff(trial.times_ns, append=_NEVER_NS) != 0
        several = trial.units[first] != trial.units[last]  # ties ascend by unit
        spikes += np.bincount(trial.units, minlength=session.unit_count)
        shared += np.bincount(trial.units[several[np.cumsum(first) - 1]], minlength=session.unit_count)
        moments += len(several)
    return spikes, shared, moments


def _numbers(numbers: list[int]) -> str:
    return first_of(dict.fromkeys(numbers))
