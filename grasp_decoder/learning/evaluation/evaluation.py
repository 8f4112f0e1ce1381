# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What was decoded of the test trials, from which all scores and figures are computed."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from grasp_decoder.bundle.bundle import Bundle
from grasp_decoder.bundle.manifest import Movement
from grasp_decoder.bundle.task_network import DOF, OBJECT, PHASE
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.evidence import EvidenceRule
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.learning.evaluation.decoded_trials import DecodedTrial, decode_endless, decode_trials
from grasp_decoder.learning.evaluation.elapsed_time import ElapsedTime
from grasp_decoder.learning.evaluation.late_starts import decode_late
from grasp_decoder.learning.evaluation.object_decodes import ObjectDecodes, hold_windows
from grasp_decoder.objects import ObjectCatalogue, load_objects
from grasp_decoder.recording.session import Session


@dataclass(frozen=True)
class TrainingFacts:
    """How the decoder that is evaluated was trained, for the report.

    Attributes:
        units: of the session.
        trials, usable_trials: of the session; all, and those that something can be learnt from.
        bin_ms: bin width, ms.
        split_sizes: training, validation and test trials of the first split.
        random_states: of each split that was finished.
        final: whether the bundle was fitted once more, on all trials.
        started_from: id of the bundle of another day that training went on from.
        earlier: names of the sessions of earlier days that it learnt from as well.
        ended_early: the fits that the clock or Ctrl-C ended.
        left_out: what was asked for and is missing, because the time was over or Ctrl-C came.
        models: task -> name of its model family.
    """

    units: int
    trials: int
    usable_trials: int
    bin_ms: float
    split_sizes: tuple[int, int, int]
    random_states: tuple[int, ...]
    final: bool
    started_from: str | None
    earlier: tuple[str, ...]
    ended_early: tuple[str, ...]
    left_out: tuple[str, ...]
    models: Mapping[str, str]


@dataclass(frozen=True)
class Evaluation:
    """What a decoder and the baselines said about the test trials of one session.

    Attributes:
        name: of the session.
        classes: object ids, ascending.
        look_back: windows that end earlier in a trial are not scored.
        repeats: decoded test trials of each repeated split; the first by the bundle's float models.
        int8: the first repeat's trials by the bundle's int8 models.
        endless: the first repeat's trials one after the other, as one segment; empty: there was no time.
        baselines: name -> decodes of each repeat.
        curve: scores by training fraction (the paper's table 5).
        timing: seconds and megabytes.
        facts: how it was trained; None outside of training.
        edge_tpu: the bundle's `edge_report`; empty outside of training.
        movement: what the degree of freedom is, but for the aperture.
        evidence: how the controller counts evidence about the object; None: nothing was fitted.
        late: the phase of the first repeat's trials, by how many seconds late their segments begin; empty: there was
            no time.
        elapsed_time: the elapsed-time baseline, of the first repeat; None outside of training.
        objects: the catalogue that has the objects' labels, shapes and sizes.
    """

    name: str
    classes: tuple[int, ...]
    look_back: int
    repeats: list[list[DecodedTrial]]
    int8: list[DecodedTrial]
    endless: list[DecodedTrial]
    baselines: dict[str, list[ObjectDecodes]] = field(default_factory=dict)
    curve: list[dict] = field(default_factory=list)
    timing: dict[str, float] = field(default_factory=dict)
    facts: TrainingFacts | None = None
    edge_tpu: dict = field(default_factory=dict)
    movement: Movement | None = None
    evidence: EvidenceRule | None = None
    late: dict[float, list[DecodedTrial]] = field(default_factory=dict)
    elapsed_time: ElapsedTime | None = None
    objects: ObjectCatalogue = field(default_factory=load_objects)

    def hold_windows(self, decoded: Sequence[DecodedTrial]) -> ObjectDecodes:
        """Their windows that end in a hold phase."""
        return hold_windows(decoded, self.classes, self.look_back)

    @property
    def object_repeats(self) -> list[ObjectDecodes]:
        """Decodes of the hold windows of each repeat."""
        return [self.hold_windows(repeat) for repeat in self.repeats]

    @property
    def decoded(self) -> list[DecodedTrial]:
        """The test trials of all repeats together."""
        return [trial for repeat in self.repeats for trial in repeat]

    @property
    def left_out(self) -> list[str]:
        """What there was no time to decode."""
        missing = [] if self.endless else ['trials as one endless segment']
        return missing if self.late or not self.has(PHASE) else [*missing, 'segments that begin late']

    @property
    def bin_ms(self) -> float:
        return self.repeats[0][0].trial.bin_ns / 1e6

    def has(self, task: str) -> bool:
        field_of = {PHASE: 'grasp', OBJECT: 'objects', DOF: 'dof'}
        return getattr(self.repeats[0][0], field_of[task]) is not None


def evaluate_bundle(
    bundle: Bundle,
    session: Session,
    trials: Sequence[TrialBins],
    look_back: int,
    objects: ObjectCatalogue,
    seconds: float = math.inf,
) -> Evaluation:
    """Decode trials causally, with the decoder that also runs the hand.

    The float and the int8 models decode every trial as a segment of its own. The float models also decode the
    trials as one endless segment, and the int8 model the phase of segments that begin late.

    Args:
        bundle: decodes.
        session: has the trials.
        trials: usable ones.
        look_back: windows that end earlier in a trial are not scored.
        objects: the catalogue of the objects.
        seconds: the endless segment and late segments are left out when they would not be ready by then.

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
    began_s = time.monotonic()
    as_float = decode_trials(bundle, session, known, 'float')
    once_s = time.monotonic() - began_s

    def has_time() -> bool:
        """Whether the trials can be decoded once more."""
        return time.monotonic() + once_s <= began_s + seconds

    return Evaluation(
        session.name,
        bundle.manifest.classes,
        look_back,
        [as_float],
        decode_trials(bundle, session, known, 'int8'),
        decode_endless(bundle, session, known, 'float') if has_time() else [],
        movement=bundle.manifest.movement,
        evidence=bundle.manifest.evidence,
        late=decode_late(bundle, known, look_back) if PHASE in bundle.manifest.tasks and has_time() else {},
        objects=objects,
    )
