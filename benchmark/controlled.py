# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Decoder and controller in simulated time, without a hand: what a session would make the hand do."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.results import add_merge_argument
from grasp_decoder.bundle.bundle import Bundle
from grasp_decoder.bundle.engines.bundle_engines import BundleEngines, EngineOptions
from grasp_decoder.cli.command_line import add_map_argument
from grasp_decoder.control.grasp_controller import GraspController
from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.control.settings import ControlSettings
from grasp_decoder.decoding.streaming import StreamingDecoder
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.trial_bins import TrialBins, bin_trial
from grasp_decoder.recording.playback import Playback
from grasp_decoder.recording.session import Session, Trial
from grasp_decoder.system.selection import select_trials
from grasp_decoder.types.decoded_grasp import VALIDITY_LIMIT, DecodedGrasp
from grasp_decoder.types.hand_command import HandCommand, HandMode
from grasp_decoder.types.time import NS_PER_S

SPLITS = ('test', 'validation', 'all')
AFTER_REW_NS = 300_000_000


def add_played_arguments(parser: argparse.ArgumentParser) -> None:
    """Which bundles decode which trials of which session, or ``--merge`` for what was measured elsewhere."""
    parser.add_argument(
        '--bundle',
        nargs='+',
        type=Path,
        default=[],
        metavar='DIR',
        help='bundles that train has written, of splits (default: none, for --merge)',
    )
    parser.add_argument('--session', type=Path, metavar='FILE', help='recording to play (default: none, for --merge)')
    parser.add_argument('--split', default='test', choices=SPLITS, help='which trials (default: %(default)s)')
    add_map_argument(parser)
    add_merge_argument(parser)


@dataclass(frozen=True)
class ControlledTrial:
    """A trial as it went through decoder and controller; all sequences have an entry for each bin.

    Attributes:
        trial: the trial as it was played.
        truth: its bins and labels.
        right_grip: the grip that holds its object.
    """

    trial: Trial
    truth: TrialBins
    right_grip: str
    decodes: Sequence[DecodedGrasp]
    commands: Sequence[HandCommand]

    @property
    def right_bins(self) -> tuple[int, int]:
        """In how many bins of the hold phase the object is right, and how many these are."""
        held = [decode.object_id for decode, label in zip(self.decodes, self.truth.phase) if label]
        return sum(object_id == self.truth.object_id for object_id in held), len(held)

    @property
    def closings(self) -> int:
        """How often the hand began to close when it was not to: outside Go to Rew + 0.3 s."""
        events = self.trial.events
        start, stop = events.get('Go', events.get('Hold', 0)), events.get('Rew', -AFTER_REW_NS) + AFTER_REW_NS
        states = [HandMode.SAFE, *(command.state for command in self.commands)]
        return sum(
            state == HandMode.CLOSE != before and not start <= command.stamp_ns < stop
            for before, state, command in zip(states, states[1:], self.commands)
        )

    @property
    def closes_rightly(self) -> bool:
        """Whether the hand begins to close with a grip that holds the object, when it is to close."""
        events = self.trial.events
        start, stop = events.get('Go', events['Hold']), events['Rew'] + AFTER_REW_NS
        return any(
            command.state == HandMode.CLOSE and command.grip == self.right_grip
            for command in self.commands
            if start <= command.stamp_ns < stop
        )

    @property
    def idle_s(self) -> float:
        """Time in which the hand is not to close."""
        events = self.trial.events
        start, stop = events.get('Go', events.get('Hold', 0)), events.get('Rew', 0) + AFTER_REW_NS
        busy = max(0, min(stop, self.trial.stop_ns) - max(start, self.trial.start_ns)) if 'Rew' in events else 0
        return (self.trial.stop_ns - self.trial.start_ns - busy) / NS_PER_S


def trials_to_play(session: Session, bundle: Bundle, split: str) -> list[Trial]:
    """The trials of one of `SPLITS` of a bundle's training; those of validation only chose between networks.

    Raises:
        GraspDecoderError: there are none.
    """
    if split != 'validation':
        return select_trials(session, bundle.manifest, split)
    for source in bundle.manifest.sessions:
        if source.sha256 == session.source_sha256:
            return [trial for trial in session.trials if trial.id in source.validation]
    raise GraspDecoderError(f'bundle {bundle.path} was not trained on session {session.name}: use --split all')


def run_controlled(session: Session, bundle: Bundle, trials: Sequence[Trial]) -> list[ControlledTrial]:
    """Play ``trials``, each a segment, through the int8 decoder and the controller with its default settings."""
    manifest = bundle.manifest
    decoder = StreamingDecoder(BundleEngines(bundle, EngineOptions(backend='cpu')))
    grips = load_grip_table()
    controller = GraspController(ControlSettings(), grips)
    controller.configure(manifest.classes, manifest.bin_s, manifest.look_back, evidence=manifest.evidence)
    played: list[tuple[list[DecodedGrasp], list[HandCommand]]] = [([], []) for _ in trials]
    for step in Playback(session, trials, manifest.bin_ns):
        for decode in decoder.push(step.batch):
            decodes, commands = played[decode.segment]
            decodes.append(decode)
            commands.append(controller.step(decode, step.due_ns))
    truths = [bin_trial(trial, session.unit_count, manifest.bin_ns, manifest.merge) for trial in trials]
    return [
        ControlledTrial(trial, truth, grips.grip_of(truth.object_id), *both)
        for trial, truth, both in zip(trials, truths, played)
    ]


def summarize(trials: Sequence[ControlledTrial], classes: Sequence[int]) -> dict[str, float]:
    """The keys of a row of ``bench perturb``; rates and accuracies 0..1, NaN where nothing was measured."""
    right, confidence, phase, decoded_phase, refused = [], [], [], [], []
    alarms, valid = 0, False
    for each in trials:
        for decode, label in zip(each.decodes, each.truth.phase):
            refused.append(decode.validity < VALIDITY_LIMIT)
            alarms += valid and refused[-1]
            valid = not refused[-1]
            phase.append(label)
            decoded_phase.append(decode.phase)
            if label and each.truth.object_id in classes:
                right.append(decode.object_id == each.truth.object_id)
                confidence.append(decode.confidence)
    hits = np.logical_and(phase, decoded_phase).sum()
    idle_s = sum(each.idle_s for each in trials)
    minutes = sum(each.trial.stop_ns - each.trial.start_ns for each in trials) / NS_PER_S / 60
    held = [each for each in trials if {'Hold', 'Rew'} <= each.trial.events.keys()]
    return {
        'object_accuracy': _mean(right),
        'phase_f1': float(2 * hits / max(1, np.sum(phase) + np.sum(decoded_phase))),
        'confidence': _mean(confidence),
        'refused': _mean(refused),
        'closings_per_minute': 60 * sum(each.closings for each in trials) / idle_s if idle_s else float('nan'),
        'closes_rightly': _mean([each.closes_rightly for each in held if each.truth.object_id in classes]),
        'alarms_per_minute': alarms / minutes if minutes else float('nan'),
    }


def _mean(values: list) -> float:
    return float(np.mean(values)) if values else float('nan')
