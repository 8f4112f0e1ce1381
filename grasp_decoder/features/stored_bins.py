# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Binned trials kept on disk with their metadata, one .npz per session and binning (Viviani et al. 2023, section 4.1).

Files lie below $XDG_CACHE_HOME/grasp_decoder/bins (~/.cache when unset). Nothing is pickled, a file appears whole or
not at all, and deleting any of them is safe.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.trial_bins import TrialBins, bin_trials
from grasp_decoder.recording.cache import release
from grasp_decoder.recording.session import Session
from grasp_decoder.safe_file import written_whole
from grasp_decoder.share import cache_directory

_LAYOUT = 3  # count up whenever what is stored, or how trials are binned, changes
_METADATA = ('trial_id', 'object_id', 'recorded_object_id', 'bin_ns', 'start_ns', 'event_bins')
_ARRAYS = ('counts', 'phase', 'dof')
_log = logging.getLogger(__name__)


def stored_bin_trials(session: Session, bin_ns: int, merge: Mapping[int, int], protocol: str) -> list[TrialBins]:
    """`bin_trials`, read from disk if the same session was binned in the same way before."""
    path = _path(session, bin_ns, merge, protocol)
    try:
        return load_bins(path)
    except FileNotFoundError:
        pass
    except Exception as error:  # a damaged file fails in as many ways as it has bytes
        _log.warning('%s: damaged, binning again (%s)', path, error)
    trials = bin_trials(session, bin_ns, merge, protocol)
    release(session)
    try:
        save_bins(path, trials)
    except (GraspDecoderError, OSError) as error:
        _log.warning('the bins are not kept: %s', error)
    return trials


def save_bins(path: Path, trials: Sequence[TrialBins]) -> None:
    """Write trials to an .npz: the arrays of all trials, one trial after the other, and a JSON table of the rest."""
    rows = [{name: getattr(trial, name) for name in _METADATA} | {'n_bins': trial.n_bins} for trial in trials]
    arrays: dict[str, Any] = {name: np.concatenate([getattr(trial, name) for trial in trials]) for name in _ARRAYS}
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as file:
        np.savez(file, trials=np.array(json.dumps(rows)), **arrays)


def load_bins(path: Path) -> list[TrialBins]:
    """The trials of a file that `save_bins` wrote."""
    with np.load(path, allow_pickle=False) as file:
        rows: list[dict[str, Any]] = json.loads(str(file['trials']))
        bounds = np.cumsum([row.pop('n_bins') for row in rows])
        arrays: dict[str, Any] = {name: np.split(file[name], bounds[:-1]) for name in _ARRAYS}
    if sum(map(len, arrays['counts'])) != bounds[-1]:
        raise ValueError('its arrays do not have the length that its table says')
    return [TrialBins(**row, **{name: arrays[name][i] for name in _ARRAYS}) for i, row in enumerate(rows)]


def _path(session: Session, bin_ns: int, merge: Mapping[int, int], protocol: str) -> Path:
    """Where the bins are kept: one name for each source, way to read it and way to bin it."""
    trials = [
        (trial.id, trial.start_ns, trial.stop_ns, trial.object_id, trial.usable, sorted(trial.events.items()))
        for trial in session.trials
    ]
    # A mapping may leave out units of the same recording.
    spikes = sum(np.bincount(trial.units, minlength=session.unit_count) for trial in session.trials)
    source = session.source_sha256, np.asarray(spikes).tolist()
    identity = (_LAYOUT, *source, trials, bin_ns, sorted(merge.items()), protocol)
    return cache_directory() / 'bins' / f'{hashlib.sha256(repr(identity).encode()).hexdigest()[:32]}.npz'
