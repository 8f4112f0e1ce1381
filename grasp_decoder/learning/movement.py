# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Recorded movement, such as the position or velocity of a hand, as what the task ``dof`` decodes.

A movement is one of the continuous signals of a session (`Trial.signals`). The target of a bin is the value of the
signal at the end of the bin or, as velocity, its change over the bin per second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from grasp_decoder.bundle.manifest import Movement
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.recording.binned_kinematics import KINEMATICS, BinnedKinematics
from grasp_decoder.recording.session import Session, Trial
from grasp_decoder.types.time import NS_PER_S

MARGIN = 0.1


@dataclass(frozen=True)
class MovementScale:
    """Movement in its own units <-> targets in 0..1, which is what a ``dof`` network decodes.

    Attributes:
        low, high: float64 (k,), what 0 and 1 stand for.
    """

    low: np.ndarray
    high: np.ndarray

    @classmethod
    def of(cls, movement: Sequence[np.ndarray]) -> MovementScale:
        """The range of some training trials (n_bins, k) each, with a margin for faster ones."""
        rows = np.concatenate(movement)
        low, high = rows.min(axis=0), rows.max(axis=0)
        margin = MARGIN * (high - low)
        return cls(low - margin, high + margin)

    def to_targets(self, movement: np.ndarray) -> np.ndarray:
        return ((movement - self.low) / (self.high - self.low)).astype(np.float32)

    def to_movement(self, targets: np.ndarray) -> np.ndarray:
        return self.low + targets * (self.high - self.low)


def movement_trials(binned: BinnedKinematics, names: Sequence[str] = ('x', 'y')) -> list[TrialBins]:
    """Trials with movement instead of objects; ``dof`` is float (n_bins, len(names)) in the file's units.

    Args:
        names: columns of the movement, of `KINEMATICS`: position by default, or velocity.

    Raises:
        GraspDecoderError: an unknown name, or movement that contains NaN.
    """
    unknown = set(names) - set(KINEMATICS)
    if unknown:
        raise GraspDecoderError(
            f'there is no movement {", ".join(sorted(unknown))}; use some of {", ".join(KINEMATICS)}'
        )
    columns = [KINEMATICS.index(name) for name in names]
    if not all(np.isfinite(movement).all() for movement in binned.movement):
        raise GraspDecoderError('the movement contains NaN; leave those bins out or interpolate them')
    return [
        TrialBins(
            trial_id=index,
            object_id=-1,
            recorded_object_id=-1,
            bin_ns=binned.bin_ns,
            start_ns=0,
            counts=counts,
            phase=np.zeros(len(counts), np.uint8),
            dof=movement[:, columns],
            event_bins={},
        )
        for index, (counts, movement) in enumerate(zip(binned.counts, binned.movement))
    ]


def movement_range(session: Session, train: Sequence[TrialBins], signal: str, velocity: bool) -> Movement:
    """The movement to decode, scaled by its range in the training trials.

    Raises:
        GraspDecoderError: a channel does not move in them, or as `with_movement`.
    """
    scale = MovementScale.of([_movement(trial, session.trials[trial.trial_id], signal, velocity) for trial in train])
    for channel, (low, high) in enumerate(zip(scale.low, scale.high)):
        if low == high:
            raise GraspDecoderError(
                f'session {session.name}: channel {channel + 1} of the signal {signal} is constant '
                f'({low:g}) in all training trials: there is nothing to decode'
            )
    return Movement(signal, velocity, tuple(scale.low.tolist()), tuple(scale.high.tolist()))


def with_movement(trial: TrialBins, recorded: Trial, movement: Movement) -> TrialBins:
    """The trial with ``dof`` float32 (n_bins, k): the movement, scaled to 0..1.

    Raises:
        GraspDecoderError: the trial lacks the signal or a part of it, or it contains NaN.
    """
    scale = MovementScale(np.array(movement.low), np.array(movement.high))
    return replace(trial, dof=scale.to_targets(_movement(trial, recorded, movement.signal, movement.velocity)))


def _movement(trial: TrialBins, recorded: Trial, signal: str, velocity: bool) -> np.ndarray:
    """float64 (n_bins, k), in the recording's unit (per second)."""
    if signal not in recorded.signals:
        raise GraspDecoderError(
            f'trial {recorded.id} has no signal {signal!r}; it has '
            + (', '.join(sorted(recorded.signals)) or 'none')
            + ' (--dof)'
        )
    times, values = recorded.signals[signal]
    ends = trial.start_ns + trial.bin_ns * np.arange(1, trial.n_bins + 1)
    if not len(times) or times[0] > ends[0] or times[-1] < ends[-1] - trial.bin_ns:
        raise GraspDecoderError(f'the signal {signal!r} does not cover trial {recorded.id}: leave this trial out')
    if not np.isfinite(values).all():
        raise GraspDecoderError(
            f'the signal {signal!r} contains NaN in trial {recorded.id}: leave this trial out or interpolate it'
        )

    def at(moments):
        return np.stack([np.interp(moments, times, channel) for channel in values.T], axis=1)

    return (at(ends) - at(ends - trial.bin_ns)) * NS_PER_S / trial.bin_ns if velocity else at(ends)
