# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Recordings that come already binned, beside the hand's movement: MATLAB files with X (kinematics) and Y (counts)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from grasp_decoder.child_process import call_in_child
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording import mat5, mat73
from grasp_decoder.recording.session import Session, Trial, Unit
from grasp_decoder.safe_file import open_plain

_LONGEST_S = 600.0
KINEMATICS = ('x', 'y', 'vx', 'vy')


@dataclass(frozen=True)
class BinnedKinematics:
    """Trials of binned spikes and the movement in the same bins.

    Attributes:
        bin_ns: width of a bin.
        unit_count: units of every trial.
        counts: per trial, uint16 (n_bins, units).
        movement: per trial, float64 (n_bins, 4), columns as in `KINEMATICS`.
    """

    bin_ns: int
    unit_count: int
    counts: tuple[np.ndarray, ...]
    movement: tuple[np.ndarray, ...]


def read_binned_kinematics(path, bin_ns: int = 100_000_000) -> BinnedKinematics:
    """Read X (n_bins, 4: position and velocity) and Y (n_bins, units) of a .mat file, split into trials.

    A new trial starts where the velocity is 0; history must not be built across that line.

    Raises:
        GraspDecoderError: the file is missing, is not a MATLAB file, or has no such X and Y.
    """
    path = Path(path)
    variables = _variables(path)
    if not {'X', 'Y'} <= variables.keys():
        raise GraspDecoderError(f'{path}: no binned kinematics: expected the variables X (movement) and Y (counts)')
    movement, counts = np.asarray(variables['X'], dtype=np.float64), np.asarray(variables['Y'])
    if movement.ndim != 2 or movement.shape[1] != len(KINEMATICS) or counts.ndim != 2 or len(counts) != len(movement):
        raise GraspDecoderError(
            f'{path}: X is {movement.shape} and Y is {counts.shape}; expected (bins, 4) and (bins, units)'
        )
    if not np.isfinite(counts).all() or counts.min(initial=0) < 0:
        raise GraspDecoderError(f'{path}: Y does not hold spike counts, which are whole numbers from 0')
    starts = np.flatnonzero((movement[:, 2:] == 0).all(axis=1))
    starts = starts[starts > 0]
    return BinnedKinematics(
        bin_ns, counts.shape[1], tuple(np.split(counts.astype(np.uint16), starts)), tuple(np.split(movement, starts))
    )


def is_binned_kinematics(path) -> bool:
    """Whether a file is a .mat with the variables X and Y."""
    try:
        return {'X', 'Y'} <= _variables(Path(path)).keys()
    except GraspDecoderError:
        return False


def _variables(path: Path) -> dict[str, np.ndarray]:
    """X and Y, as far as they are there."""
    try:
        if mat73.is_mat73(path):
            found = mat73.read_variables(path, ('X', 'Y'))
            return {name: value for name, value in found.items() if isinstance(value, np.ndarray)}
        with open_plain(path) as file:
            return mat5.read_numbers(file, ('X', 'Y'))
    except GraspDecoderError:
        raise
    except FileNotFoundError:
        raise GraspDecoderError(f'{path}: no such file') from None
    except OSError as error:
        raise GraspDecoderError(f'{path}: cannot be read: {error.strerror}') from None
    except mat5.DamagedFile as damage:
        raise GraspDecoderError(f'{path}: the file is damaged: {damage}; copy it again') from None
    except Exception:  # another layout can fail anywhere; SciPy has the last word
        try:
            variables: dict[str, np.ndarray] = call_in_child(_read_with_scipy, path, seconds=_LONGEST_S)
            return variables
        except Exception as error:  # and raises many types on a file that is not MATLAB's
            raise GraspDecoderError(f'{path}: not a MATLAB file that can be read ({error})') from None


def _read_with_scipy(path: Path) -> dict[str, np.ndarray]:
    from scipy.io import loadmat

    return {name: value for name, value in loadmat(path, variable_names=('X', 'Y')).items() if name in ('X', 'Y')}


def kinematics_session(path: Path, sha256: str = '') -> Session:
    """The trials of `read_binned_kinematics` as a session, one after the other, without objects or events.

    The spikes of a bin are spread evenly over it, so that bins of the file's width have its counts again. The signals
    ``position`` and ``velocity`` have a sample at the end of every bin.
    """
    binned = read_binned_kinematics(path)
    trials, start_ns = [], 0
    for index, (counts, movement) in enumerate(zip(binned.counts, binned.movement)):
        times, units = _spread(counts, start_ns, binned.bin_ns)
        ends = start_ns + binned.bin_ns * np.arange(1, len(counts) + 1)
        trials.append(
            Trial(
                index,
                start_ns,
                int(ends[-1]),
                {},
                -1,
                None,
                times,
                units,
                {'position': (ends, movement[:, :2]), 'velocity': (ends, movement[:, 2:])},
            )
        )
        start_ns = int(ends[-1])
    return Session(path.stem, tuple(map(Unit, range(binned.unit_count))), tuple(trials), sha256)


def _spread(counts: np.ndarray, start_ns: int, bin_ns: int) -> tuple[np.ndarray, np.ndarray]:
    """Spike times, int64 ns ascending, and units of counts (n_bins, units)."""
    bins, units = np.nonzero(counts)
    repeats = counts[bins, units].astype(int)
    first = np.repeat(np.cumsum(repeats) - repeats, repeats)
    place = np.arange(repeats.sum()) - first
    times = start_ns + np.repeat(bins, repeats) * bin_ns + (2 * place + 1) * bin_ns // (2 * np.repeat(repeats, repeats))
    units = np.repeat(units, repeats).astype(np.uint16)
    order = np.lexsort((units, times))
    return times[order].astype(np.int64), units[order]
