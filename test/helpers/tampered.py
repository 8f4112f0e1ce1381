# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Sessions that somebody has tampered with, and the ids of the trials in which they did."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from grasp_decoder.recording.session import Session


def with_flipped_labels(session: Session, share: float = 0.1) -> tuple[Session, set[int]]:
    """Some trials have the object of another one."""
    rng, trials = np.random.default_rng(3), list(session.trials)
    ids = sorted({trial.object_id for trial in trials})
    flipped = np.flatnonzero(rng.random(len(trials)) < share)
    for at in flipped:
        others = [each for each in ids if each != trials[at].object_id]
        trials[at] = replace(trials[at], object_id=int(rng.choice(others)))
    return replace(session, trials=tuple(trials)), {trials[at].id for at in flipped}


def with_injected_spikes(session: Session, share: float = 0.1, rate_hz: float = 40.0) -> tuple[Session, set[int]]:
    """One unit, of median rate, has further spikes in some trials."""
    rng, trials = np.random.default_rng(3), list(session.trials)
    spikes = np.bincount(np.concatenate([trial.units for trial in trials]), minlength=session.unit_count)
    unit = int(spikes.argsort()[session.unit_count // 2])
    injected = np.flatnonzero(rng.random(len(trials)) < share)
    for at in injected:
        trial = trials[at]
        number = rng.poisson(rate_hz * (trial.stop_ns - trial.start_ns) / 1e9)
        times = np.append(trial.times_ns, rng.integers(trial.start_ns, trial.stop_ns, number))
        units = np.append(trial.units, np.full(number, unit, np.uint16))
        order = np.lexsort((units, times))
        trials[at] = replace(trial, times_ns=times[order], units=units[order])
    return replace(session, trials=tuple(trials)), {trials[at].id for at in injected}


def copied_thirty_times(session: Session, copies: int = 30) -> tuple[Session, set[int]]:
    """One trial stands in the place of later ones, at their time."""
    trials = list(session.trials)
    copied, places = trials[5], range(len(trials) // 2, len(trials) // 2 + copies)
    for at in places:
        trials[at] = replace(copied.moved(trials[at].start_ns - copied.start_ns), id=trials[at].id)
    return replace(session, trials=tuple(trials)), {trials[at].id for at in places}
