"""The regression variant on real movement: position or velocity of a hand as the ``dof`` task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.recording.kinematics import KINEMATICS, BinnedKinematics

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
        raise GraspDecoderError(f'there is no movement {", ".join(sorted(unknown))}; '
                                f'use some of {", ".join(KINEMATICS)}')
    columns = [KINEMATICS.index(name) for name in names]
    if not all(np.isfinite(movement).all() for movement in binned.movement):
        raise GraspDecoderError('the movement contains NaN; leave those bins out or interpolate them')
    return [TrialBins(trial_id=index, object_id=-1, recorded_object_id=-1, bin_ns=binned.bin_ns, start_ns=0,
                      counts=counts, phase=np.zeros(len(counts), np.uint8), dof=movement[:, columns], event_bins={})
            for index, (counts, movement) in enumerate(zip(binned.counts, binned.movement))]
