"""Trials as binned counts with labels per bin: what every decoder is trained on.

A trial starts its own bin grid at its start; bin k is ``[start + k * bin, start + (k + 1) * bin)`` and a partial last
bin is dropped. An event falls into the bin that contains it.

The default protocol follows the paper's words: what a decoder says after a bin is about that bin. Protocol ``seed`` is
the paper's published code, where it is about the next bin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.binning import bin_counts
from grasp_decoder.objects import load_objects
from grasp_decoder.recording.session import Session, Trial

DEFAULT_BIN_NS = 40_000_000


@dataclass(frozen=True)
class TrialBins:
    """One usable trial in bins.

    Attributes:
        trial_id: position of the trial in its session, ``Trial.id``.
        object_id: id of the object after merging identical ones: the class to decode.
        recorded_object_id: id as recorded.
        bin_ns: bin width, ns.
        start_ns: start of bin 0 on the acquisition clock, ns.
        counts: uint16 (n_bins, units), spikes per bin and unit.
        phase: uint8 (n_bins,), `GRASP` while the bin is in [Hold, Rew), else `REST`.
        dof: float32 (n_bins,), target aperture at the end of the bin, 0 open to 1 closed; NaN without the events that
            define it. float32 (n_bins, k) once real kinematics replace it.
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
        return len(self.counts)


def usable_trials(session: Session) -> list[Trial]:
    """The trials to learn from, `Session.is_usable`.

    Raises:
        GraspDecoderError: no trial is left, with the reason.
    """

    def keep(condition, problem):
        nonlocal trials
        trials = [trial for trial in trials if condition(trial)]
        if not trials:
            raise GraspDecoderError(f'session {session.name}: {problem}')

    trials = list(session.trials)
    if not session.is_grasping:
        keep(session.is_usable, 'no trial is correct and has a spike')
        return trials
    keep(
        lambda t: 'Hold' in t.events and 'Rew' in t.events,
        'no trial has the events Hold and Rew; name yours in a mapping file (--map)',
    )
    keep(lambda t: t.object_id >= 0, 'no trial has an object; name its annotation in a mapping file (--map)')
    keep(lambda t: t.times_ns.size, 'no trial has a spike')
    keep(lambda t: t.usable, 'no trial is correct and of an object that the mapping (--map) does not exclude')
    return trials


def bin_trials(
    session: Session, bin_ns: int = DEFAULT_BIN_NS, merge: Mapping[int, int] | None = None, protocol: str = 'default'
) -> list[TrialBins]:
    """Bin every usable trial of a session.

    Args:
        bin_ns: bin width, ns.
        merge: recorded object id -> class id; by default the copies of the package's own catalogue of objects.
        protocol: ``default``, or ``seed``, which labels each bin as the one after it.

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
    return [label_by_next_bin(trial) for trial in trials] if protocol == 'seed' else trials


def bin_trial(trial: Trial, unit_count: int, bin_ns: int, merge: Mapping[int, int]) -> TrialBins:
    """Bin one trial; without the events Hold and Rew it is rest."""
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
    """The trial with every bin labelled as the one after it; its last bin, which has no label then, is left out."""
    return replace(trial, counts=trial.counts[:-1], phase=trial.phase[1:], dof=trial.dof[1:])


def synthetic_aperture(events: Mapping[str, int], times_ns: np.ndarray) -> np.ndarray:
    """The synthetic degree of freedom of the paper's authors (its section 5.3.3) at ``times_ns``, float32.

    0 until Go, a logistic from -5 to 5 between Go and Hold, 1 until Rew, the logistic back to 0 at End; NaN where one
    of these events is missing or they are out of order.
    """
    try:
        go, hold, rew, end = (events[label] for label in ('Go', 'Hold', 'Rew', 'End'))
    except KeyError:
        return np.full(len(times_ns), np.nan, np.float32)
    if not go < hold <= rew < end:
        return np.full(len(times_ns), np.nan, np.float32)

    def logistic(start, stop):
        return 1 / (1 + np.exp(-10 * ((times_ns - start) / (stop - start) - 0.5)))

    pieces = [times_ns < go, times_ns < hold, times_ns < rew, times_ns < end]
    return np.select(pieces, [0, logistic(go, hold), 1, 1 - logistic(rew, end)], default=0).astype(np.float32)


def classes_of(trials: Sequence[TrialBins]) -> tuple[int, ...]:
    """The classes of some trials: their object ids, ascending."""
    return tuple(sorted({trial.object_id for trial in trials}))
