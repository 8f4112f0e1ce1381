# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What a decoder said about every bin of some trials: what all scores and figures are computed from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from grasp_decoder.bundle.bundle import Bundle
from grasp_decoder.bundle.engines.bundle_engines import BundleEngines, EngineOptions
from grasp_decoder.bundle.task_network import DOF, OBJECT, PHASE, TaskNetwork
from grasp_decoder.decoding.streaming import StreamingDecoder
from grasp_decoder.features.trial_bins import TrialBins, bin_trial
from grasp_decoder.learning.movement import with_movement
from grasp_decoder.recording.batches import batches, trial_batches
from grasp_decoder.recording.cache import release
from grasp_decoder.recording.resting import RestingActivity
from grasp_decoder.recording.session import Session, Trial
from grasp_decoder.types.decoded_grasp import GRASP, DecodedGrasp
from grasp_decoder.types.spike_batch import SpikeBatch


@dataclass(frozen=True)
class DecodedTrial:
    """One trial as it was decoded; None for a task that the decoder does not have.

    Attributes:
        trial: its bins and labels; rows below are for its bins.
        grasp: bool (n_bins,), the decided phase.
        objects: float32 (n_bins, n_classes), probability of each class; NaN before the first window is full.
        dof: float32 (n_bins, k), decoded aperture or kinematics; NaN before the first window is full.
    """

    trial: TrialBins
    grasp: np.ndarray | None = None
    objects: np.ndarray | None = None
    dof: np.ndarray | None = None


def predict_trials(networks: Mapping[str, TaskNetwork], trials: Sequence[TrialBins]) -> list[DecodedTrial]:
    """Decode trials with float networks that are not in a bundle (yet)."""
    answers = {task: network.predict(trials) for task, network in networks.items()}
    return [
        DecodedTrial(
            trial,
            answers[PHASE][i][:, GRASP] >= networks[PHASE].threshold if PHASE in answers else None,
            answers[OBJECT][i] if OBJECT in answers else None,
            answers[DOF][i].reshape(trial.n_bins, -1) if DOF in answers else None,
        )
        for i, trial in enumerate(trials)
    ]


def decode_trials(bundle: Bundle, session: Session, trials: Sequence[TrialBins], precision: str) -> list[DecodedTrial]:
    """Decode trials as the running system does, each its own segment."""
    decoder = _decoder(bundle, precision)
    recorded = [session.trials[trial.trial_id] for trial in trials]
    decodes: list[dict[int, DecodedGrasp]] = [{} for _ in trials]
    for batch in batches(session, bundle.manifest.bin_ns, recorded):
        for decode in decoder.push(batch):
            decodes[decode.segment][decode.bin] = decode
    release(session)
    return [_decoded_trial(bundle, trial, decodes[i]) for i, trial in enumerate(trials)]


def decode_endless(bundle: Bundle, session: Session, trials: Sequence[TrialBins], precision: str) -> list[DecodedTrial]:
    """Decode trials as one segment, in which only the decoder itself clears its state.

    One follows the other, after as much rest as was recorded before it. They then lie on the bin grid that begins with
    the first of them, so their bins and labels are made anew.
    """
    manifest = bundle.manifest
    moves = _one_after_the_other(session, [session.trials[trial.trial_id] for trial in trials])
    origin = moves[0][0].start_ns
    placed = []
    for trial in (trial.moved(by_ns) for trial, by_ns in moves):
        first = -((origin - trial.start_ns) // manifest.bin_ns)
        on_grid = replace(trial, start_ns=origin + first * manifest.bin_ns)
        bins = bin_trial(on_grid, session.unit_count, manifest.bin_ns, manifest.merge)
        if manifest.movement:
            bins = with_movement(bins, trial, manifest.movement)
        placed.append((first, bins))
    wanted = {first + k for first, bins in placed for k in range(bins.n_bins)}
    decoder = _decoder(bundle, precision)
    stream = (decode for batch in _endless_batches(session, moves, manifest.bin_ns) for decode in decoder.push(batch))
    kept = {decode.bin: decode for decode in stream if decode.bin in wanted}
    return [
        _decoded_trial(bundle, bins, {k: kept[first + k] for k in range(bins.n_bins) if first + k in kept})
        for first, bins in placed
    ]


def _one_after_the_other(session: Session, trials: Sequence[Trial]) -> list[tuple[Trial, int]]:
    """Trials, and by how many ns each has to be moved to follow the one before it; the first one stays."""
    now = trials[0].start_ns
    moves: list[tuple[Trial, int]] = []
    for trial in trials:
        rest = trial.start_ns - session.trials[trial.id - 1].stop_ns if moves else 0
        # Float times of the source may let a trial begin a little before the last one's end.
        by_ns = now + max(0, rest) - trial.start_ns
        moves.append((trial, by_ns))
        now = trial.stop_ns + by_ns
    return moves


def _decoder(bundle: Bundle, precision: str) -> StreamingDecoder:
    return StreamingDecoder(BundleEngines(bundle, EngineOptions(precision, 'cpu')))


def _endless_batches(session: Session, moves: Sequence[tuple[Trial, int]], period_ns: int) -> Iterator[SpikeBatch]:
    """The trials as one segment, each moved by so many ns, the time between them filled with activity of rest."""
    sequence, now = 0, moves[0][0].start_ns
    resting = RestingActivity(session.trials)
    for trial in (trial.moved(by_ns) for trial, by_ns in moves):
        stretches = [trial]
        if trial.start_ns > now:
            times, units = resting.fill(now, trial.start_ns)
            stretches.insert(0, replace(trial, start_ns=now, stop_ns=trial.start_ns, times_ns=times, units=units))
        for stretch in stretches:
            for batch in trial_batches(stretch, session.unit_count, period_ns, sequence=sequence):
                yield batch
                sequence, now = batch.sequence + 1, batch.end_ns
        release(session)


def _decoded_trial(bundle: Bundle, trial: TrialBins, decodes: Mapping[int, DecodedGrasp]) -> DecodedTrial:
    """A trial with what was decoded at its bins, which are the keys of ``decodes``."""
    tasks = bundle.manifest.tasks
    grasp, objects, dof = None, None, None
    if PHASE in tasks:
        grasp = np.array([k in decodes and decodes[k].phase == GRASP for k in range(trial.n_bins)], bool)
    if OBJECT in tasks:
        objects = _rows(decodes, 'object_probability', trial.n_bins, len(bundle.manifest.classes))
    if DOF in tasks:
        movement = bundle.manifest.movement
        dof = _rows(decodes, 'dof', trial.n_bins, len(movement.low) if movement else 1)
    return DecodedTrial(trial, grasp, objects, dof)


def _rows(decodes: Mapping[int, DecodedGrasp], name: str, n_bins: int, width: int) -> np.ndarray:
    """float32 (n_bins, width), NaN where there is no answer."""
    rows = np.full((n_bins, width), np.nan, np.float32)
    for k, decode in decodes.items():
        if k < n_bins and len(answer := getattr(decode, name)):
            rows[k] = answer
    return rows
