# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Windows of the last ``look_back`` bins, labelled by their last bin.

A window is named by its trial and the bin that it ends with. Nothing is copied, because overlapping windows share
their bins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.types.decoded_grasp import GRASP

DEFAULT_LOOK_BACK = 12
SHORTEST_LOOK_BACK = 3
HOLD, GO_AND_HOLD = 'hold', 'go_and_hold'


@dataclass(frozen=True)
class Windows:
    """Windows into a list of trials, in trial order and then in time order.

    Attributes:
        trial: int32 (n,), index into the list of trials.
        last_bin: int32 (n,), bin that the window ends with (inclusive).
        label: int32 (n,), the phase, or the object id.
    """

    trial: np.ndarray
    last_bin: np.ndarray
    label: np.ndarray

    def __len__(self) -> int:
        return len(self.label)


def phase_windows(trials: Sequence[TrialBins], look_back: int) -> Windows:
    """Every full window of every trial, labelled REST or GRASP."""
    trial, last_bin, label = [], [], []
    for index, bins in enumerate(trials):
        last = np.arange(look_back - 1, bins.n_bins)
        trial.append(np.full(len(last), index))
        last_bin.append(last)
        label.append(bins.phase[last])
    return Windows(*(np.concatenate(parts or [[]]).astype(np.int32) for parts in (trial, last_bin, label)))


def object_windows(trials: Sequence[TrialBins], look_back: int, region: str = HOLD) -> Windows:
    """The windows that end in a region of the trial, labelled with the object id.

    Args:
        trials: the trials.
        look_back: bins in a window.
        region: ``hold``, the windows labelled GRASP; or ``go_and_hold``, those from Go on until the end of the hold
            phase, which the online decoder of Fabiani (2021) is scored on. It needs the event Go in every trial.
    """
    windows = phase_windows(trials, look_back)
    within = windows.label == GRASP
    if region == GO_AND_HOLD:
        go = np.array([trial.event_bins['Go'] for trial in trials])
        end = np.array([np.flatnonzero(trial.phase == GRASP).max(initial=-1) for trial in trials])
        within = (windows.last_bin >= go[windows.trial]) & (windows.last_bin <= end[windows.trial])
    objects = np.array([trial.object_id for trial in trials], np.int32)
    return Windows(windows.trial[within], windows.last_bin[within], objects[windows.trial[within]])


def choose_look_back(trials: Sequence[TrialBins], requested: int | None = None) -> int:
    """The look-back to use, in bins.

    A look-back fits if it is no longer than the time from the start of a trial to Hold, in 95 % of the trials. Without
    Hold the trial's end counts.

    Args:
        trials: the trials, all of one bin width.
        requested: the look-back asked for. None takes 12 bins, or as many as fit, but at least 3.

    Raises:
        GraspDecoderError: the requested look-back, or the shortest one, does not fit.
    """
    room = int(np.quantile([trial.event_bins.get('Hold', trial.n_bins) for trial in trials], 0.05, method='lower'))
    bin_ms = trials[0].bin_ns / 1e6
    if requested is None:
        look_back = min(DEFAULT_LOOK_BACK, room)
        if look_back >= SHORTEST_LOOK_BACK:
            return look_back
        raise GraspDecoderError(
            f'only {room} bins of {bin_ms:g} ms fit between the start of a trial and Hold, but at '
            f'least {SHORTEST_LOOK_BACK} are needed: give a shorter bin (--bin-ms)'
        )
    if requested < 1:
        raise GraspDecoderError(f'the look-back is {requested} bins: give at least 1 (--look-back)')
    if requested > room:
        raise GraspDecoderError(
            f'a look-back of {requested} bins of {bin_ms:g} ms does not fit between the start of a '
            f'trial and Hold: only {room} do; give a shorter one (--look-back, --bin-ms)'
        )
    return requested
