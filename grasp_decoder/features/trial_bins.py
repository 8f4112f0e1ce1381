# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""TrialBins: trials as binned counts with a label for each bin, which every decoder is trained on.

Each trial has its own bin grid. Bin k is ``[start + k * bin, start + (k + 1) * bin)``, where start is the start of the
trial. A partial last bin is dropped. An event belongs to the bin that contains it.

The default protocol follows the words of Viviani et al. (2023): what a decoder says after a bin is about that bin.
Protocol ``published`` follows their published code, where it is about the next bin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.aperture import synthetic_aperture
from grasp_decoder.features.binning import bin_counts
from grasp_decoder.objects import load_objects
from grasp_decoder.recording.mapping import listed
from grasp_decoder.recording.session import Session, Trial

DEFAULT_BIN_NS = 40_000_000

DEFAULT_PROTOCOL, PUBLISHED = 'default', 'published'


@dataclass(frozen=True, eq=False)
class TrialBins:
    """One usable trial in bins. It equals itself only, so that what is computed from trials can be kept by them.

    Attributes:
        trial_id: position of the trial in its session, ``Trial.id``.
        object_id: id of the object after merging identical ones: the class to decode.
        recorded_object_id: id as recorded.
        bin_ns: bin width, ns.
        start_ns: start of bin 0 on the acquisition clock, ns.
        counts: uint16 (n_bins, units), spikes per bin and unit.
        phase: uint8 (n_bins,), `GRASP` while the bin is in [Hold, Rew), else `REST`.
        dof: what the task ``dof`` decodes. By default the aperture at the end of the bin, float32 (n_bins,), 0 open to
            1 closed, NaN if the trial lacks the events that define it. Or a recorded movement, float32 (n_bins, k).
        event_bins: event label -> bin that contains it.
    """

    trial_id: int
    object_id: int
    recorded_object_id: int
    bin_ns: int
    start_ns: int
    counts: np.ndarray
    phase: np.ndarray
    dof: np.ndarray
    event_bins: dict[str, int]

    @property
    def n_bins(self) -> int:
        """Number of whole bins."""
        return len(self.counts)

    def from_bin(self, first: int) -> TrialBins:
        """The trial from a bin on, as if it began there; events before that are in its first bin."""
        return replace(
            self,
            start_ns=self.start_ns + first * self.bin_ns,
            counts=self.counts[first:],
            phase=self.phase[first:],
            dof=self.dof[first:],
            event_bins={label: max(0, at - first) for label, at in self.event_bins.items()},
        )


def usable_trials(session: Session) -> list[Trial]:
    """The trials to learn from, `Session.is_usable`.

    Raises:
        GraspDecoderError: there is none; the message says why.
    """
    trials = [trial for trial in session.trials if session.is_usable(trial)]
    if not trials:
        raise GraspDecoderError(f'session {session.name}: {why_none_is_usable(session)}')
    return trials


def why_none_is_usable(session: Session) -> str:
    """The first thing that the trials of a session lack, of all that a usable trial needs."""
    if not session.is_grasping:
        return 'no trial is correct and has a spike'
    whole = [trial for trial in session.trials if 'Hold' in trial.events and 'Rew' in trial.events]
    if not whole:
        found = listed({label for trial in session.trials for label in trial.events})
        return (
            f'no trial has the events Hold and Rew, between which the hand grasps (found: {found}); say in a mapping'
            ' (--map) which events they are, such as "events: {GraspOn: Hold, GraspOff: Rew}"'
        )
    of_objects = [trial for trial in whole if trial.object_id >= 0]
    if not of_objects:
        return 'no trial has an object; name its annotation in a mapping file (--map)'
    if not any(len(trial.times_ns) for trial in of_objects):
        return 'no trial has a spike'
    return 'no trial is correct and of an object that the mapping (--map) does not exclude'


def bin_trials(
    session: Session,
    bin_ns: int = DEFAULT_BIN_NS,
    merge: Mapping[int, int] | None = None,
    protocol: str = DEFAULT_PROTOCOL,
) -> list[TrialBins]:
    """Bin every usable trial of a session.

    Args:
        session: the recording.
        bin_ns: bin width, ns.
        merge: recorded object id -> class id; by default the copies of the package's own catalogue of objects.
        protocol: ``default``, or ``published``, which labels each bin as the one after it.

    Raises:
        GraspDecoderError: no usable trial, or the bin is longer than the hold phase of every trial.
    """
    if bin_ns <= 0:
        raise GraspDecoderError(f'the bin width is {bin_ns / 1e6:g} ms: give a width above 0 (--bin-ms)')
    merge = load_objects().copies if merge is None else merge
    trials = [bin_trial(trial, session.unit_count, bin_ns, merge) for trial in usable_trials(session)]
    if session.is_grasping and not any(trial.phase.any() for trial in trials):
        raise GraspDecoderError(
            f'session {session.name}: a bin of {bin_ns / 1e6:g} ms is longer than the hold phase '
            'of every trial; give a shorter one (--bin-ms)'
        )
    return [label_by_next_bin(trial) for trial in trials] if protocol == PUBLISHED else trials


def bin_negatives(
    session: Session,
    bin_ns: int = DEFAULT_BIN_NS,
    merge: Mapping[int, int] | None = None,
    protocol: str = DEFAULT_PROTOCOL,
) -> list[TrialBins]:
    """Bin every trial in which nothing was grasped, or not what its object id says: catch and error trials.

    There is something to learn from them as well: when a hand must stay open. Arguments as of `bin_trials`.
    """
    merge = load_objects().copies if merge is None else merge
    trials = [
        bin_trial(trial, session.unit_count, bin_ns, merge)
        for trial in session.trials
        if session.is_grasping and not session.is_usable(trial) and not trial.excluded and len(trial.times_ns)
    ]
    trials = [trial for trial in trials if trial.n_bins > 1]
    return [label_by_next_bin(trial) for trial in trials] if protocol == PUBLISHED else trials


def bin_trial(trial: Trial, unit_count: int, bin_ns: int, merge: Mapping[int, int]) -> TrialBins:
    """Bin one trial. Without the events Hold and Rew all its bins are REST.

    Args:
        trial: the trial.
        unit_count: units of its session.
        bin_ns: bin width, ns.
        merge: recorded object id -> class id.
    """
    counts = bin_counts(trial.times_ns, trial.units, trial.start_ns, trial.stop_ns, bin_ns, unit_count)
    event_bins = {label: (time - trial.start_ns) // bin_ns for label, time in trial.events.items()}
    index = np.arange(len(counts))
    return TrialBins(
        trial_id=trial.id,
        object_id=merge.get(trial.object_id, trial.object_id),
        recorded_object_id=trial.object_id,
        bin_ns=bin_ns,
        start_ns=trial.start_ns,
        counts=counts,
        phase=((index >= event_bins.get('Hold', len(index))) & (index < event_bins.get('Rew', 0))).astype(np.uint8),
        dof=synthetic_aperture(trial.events, trial.start_ns + (index + 1) * bin_ns),
        event_bins=event_bins,
    )


def label_by_next_bin(trial: TrialBins) -> TrialBins:
    """The trial with each bin labelled as the bin after it. The last bin then has no label and is left out."""
    return replace(trial, counts=trial.counts[:-1], phase=trial.phase[1:], dof=trial.dof[1:])


def classes_of(trials: Sequence[TrialBins]) -> tuple[int, ...]:
    """The classes of some trials: their object ids, ascending."""
    return tuple(sorted({trial.object_id for trial in trials}))
