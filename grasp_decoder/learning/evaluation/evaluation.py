"""Evaluate a bundle on trials of a session, causally, through the decoder that also runs the hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from grasp_decoder.bundle.bundle import Bundle
from grasp_decoder.bundle.manifest import Movement
from grasp_decoder.bundle.task_network import DOF, OBJECT, PHASE
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.learning.evaluation import metrics
from grasp_decoder.learning.evaluation.decoded_trials import DecodedTrial, decode_endless, decode_trials
from grasp_decoder.recording.session import Session


@dataclass(frozen=True)
class Evaluation:
    """What a decoder and its competitors said about the test trials of one session; scores are computed from it.

    Attributes:
        name: of the session.
        classes: object ids, ascending.
        look_back: windows that end earlier in a trial are not scored.
        repeats: decoded test trials of each repeated split; the first by the bundle's float models.
        int8: the first repeat's trials by the bundle's int8 models.
        endless: the first repeat's trials with the whole session as one segment.
        baselines: name -> decodes of each repeat.
        curve: scores by training fraction (the paper's table 5).
        timing: seconds and megabytes.
        facts: what was decoded and how, for the report.
        edge_tpu: the bundle's `edge_report`, for training.
        movement: what the degree of freedom is, but for the aperture.
    """

    name: str
    classes: tuple[int, ...]
    look_back: int
    repeats: list[list[DecodedTrial]]
    int8: list[DecodedTrial]
    endless: list[DecodedTrial]
    baselines: dict[str, list[metrics.ObjectDecodes]] = field(default_factory=dict)
    curve: list[dict] = field(default_factory=list)
    timing: dict[str, float] = field(default_factory=dict)
    facts: dict = field(default_factory=dict)
    edge_tpu: dict = field(default_factory=dict)
    movement: Movement | None = None

    def hold_windows(self, decoded: Sequence[DecodedTrial]) -> metrics.ObjectDecodes:
        return metrics.hold_windows(decoded, self.classes, self.look_back)

    @property
    def object_repeats(self) -> list[metrics.ObjectDecodes]:
        """Decodes of the hold windows of each repeat."""
        return [self.hold_windows(repeat) for repeat in self.repeats]

    @property
    def decoded(self) -> list[DecodedTrial]:
        """The test trials of all repeats together."""
        return [trial for repeat in self.repeats for trial in repeat]

    @property
    def bin_ms(self) -> float:
        return self.repeats[0][0].trial.bin_ns / 1e6

    def has(self, task: str) -> bool:
        field_of = {PHASE: 'grasp', OBJECT: 'objects', DOF: 'dof'}
        return getattr(self.repeats[0][0], field_of[task]) is not None


def evaluate_bundle(bundle: Bundle, session: Session, trials: Sequence[TrialBins], look_back: int) -> Evaluation:
    """Decode ``trials`` as float and int8, each its own segment, and once more as parts of one endless segment.

    Raises:
        GraspDecoderError: the bundle decodes other units, or none of the trials' objects.
    """
    bundle.require_unit_count(session.unit_count, f'session {session.name}')
    known = sorted(
        (
            trial
            for trial in trials
            if OBJECT not in bundle.manifest.tasks or trial.object_id in bundle.manifest.classes
        ),
        key=lambda each: each.trial_id,
    )
    if not known:
        raise GraspDecoderError(
            f'session {session.name}: none of the trials to evaluate has an object that the bundle '
            f'{bundle.path} decodes'
        )
    return Evaluation(
        session.name,
        bundle.manifest.classes,
        look_back,
        [decode_trials(bundle, session, known, 'float')],
        decode_trials(bundle, session, known, 'int8'),
        decode_endless(bundle, session, known, 'float'),
        movement=bundle.manifest.movement,
    )


def scores(evaluation: Evaluation) -> dict:
    """The content of metrics.json for one session, but for ``timing``: deterministic."""
    found = {}
    if evaluation.has(OBJECT):
        found['object'] = _object_scores(evaluation)
    if evaluation.has(PHASE):
        found['phase'] = metrics.phase_summary(evaluation.repeats, evaluation.look_back)
    if evaluation.has(DOF):
        found['dof'] = metrics.dof_summary(evaluation.repeats, evaluation.look_back)
    found['int8'] = _int8_scores(evaluation)
    if evaluation.baselines:
        found['baselines'] = {
            name: metrics.object_summary(repeats) | {'shape_and_size': metrics.shape_and_size(metrics.pool(repeats))}
            for name, repeats in evaluation.baselines.items()
        }
    if evaluation.curve:
        found['training_curve'] = evaluation.curve
    if evaluation.edge_tpu:
        found['edge_tpu'] = evaluation.edge_tpu
    return found


def _object_scores(evaluation: Evaluation) -> dict:
    repeats = evaluation.object_repeats
    pooled = metrics.pool(repeats)
    return metrics.object_summary(repeats) | {
        'endless_accuracy': float(evaluation.hold_windows(evaluation.endless).correct.mean()),
        'chance': metrics.object_chance(len(evaluation.classes)),
        'classes': list(evaluation.classes),
        'confusion': metrics.confusion(pooled).tolist(),
        'per_object': metrics.per_object(pooled),
        'shape_and_size': metrics.shape_and_size(pooled),
        'calibration': metrics.calibration(pooled)['curve'],
        'over_time': metrics.accuracy_over_time(evaluation.decoded, evaluation.classes),
        'decision_times': metrics.decision_times(evaluation.decoded, evaluation.classes),
    }


def _int8_scores(evaluation: Evaluation) -> dict:
    """How the int8 models decode the first repeat's test trials, and how often they agree with the float models."""
    found: dict = {}
    both = list(zip(evaluation.repeats[0], evaluation.int8))
    first = evaluation.look_back - 1
    if evaluation.has(PHASE):
        same = np.concatenate([a.grasp[first : a.trial.n_bins] == b.grasp[first : a.trial.n_bins] for a, b in both])
        found[PHASE] = {
            'agreement': float(same.mean()),
            'accuracy': metrics.phase_summary([evaluation.int8], evaluation.look_back)['accuracy'],
        }
    if evaluation.has(OBJECT):
        same = np.concatenate([a.objects[first:].argmax(axis=1) == b.objects[first:].argmax(axis=1) for a, b in both])
        found[OBJECT] = {
            'agreement': float(same.mean()),
            'accuracy': float(evaluation.hold_windows(evaluation.int8).correct.mean()),
        }
    agreements = [task['agreement'] for task in found.values()]
    if agreements:
        found['agreement'] = min(agreements)
    if evaluation.has(DOF):
        found[DOF] = {'r2': metrics.dof_summary([evaluation.int8], evaluation.look_back)['r2']}
    return found
