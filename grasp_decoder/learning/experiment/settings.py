# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What an experiment was asked for."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

from grasp_decoder.bundle.signature import SigningKey
from grasp_decoder.features.splits import DEFAULT_TRAIN_FRACTION, FIRST_RANDOM_STATE
from grasp_decoder.features.trial_bins import DEFAULT_BIN_NS, DEFAULT_PROTOCOL
from grasp_decoder.learning.evaluation.baseline_decodes import FAST
from grasp_decoder.objects import ObjectCatalogue, load_objects
from grasp_decoder.recording.mapping import Mapping


@dataclass(frozen=True)
class Settings:
    """The options of `train` without sessions and output folder; None leaves the choice to the data.

    Attributes:
        tasks: tasks to learn.
        bin_ns: bin width, ns.
        look_back: bins of a window.
        model: model family of all tasks, by name.
        mapping: which names the recordings use; those of the paper by default.
        objects: the objects of the recording, and which of them are copies of one another.
        protocol: how windows are labelled and classes counted, ``default`` or ``published``.
        baselines: ``fast``, ``all`` or ``none``.
        repeats: number of splits that scores are averaged over.
        search_trials: architectures to try in every split before training; 0 searches nothing.
        train_fractions: shares of the trials for training and validation. The bundle is of the first; with further
            ones the report has a curve of them.
        final: whether the bundle is fitted once more, on all trials.
        max_seconds: time from reading the session to the end of its evaluation.
        all_or_nothing: whether Ctrl-C ends everything and leaves no bundle, instead of one that is not fully trained.
        seed: random state of the first split and of training.
        edge_tpu: whether the int8 models are compiled for an Edge TPU.
        init_from: bundles of other days, the newest last; `adapt_best` chooses one to go on from.
        earlier_sessions: recordings of earlier days, to learn from as well.
        dof: signal of the recording that the task ``dof`` decodes, in place of the aperture.
        velocity: whether the signal's rate of change is decoded in place of its value.
        accept_suspicious: whether a session is learnt from even if it looks tampered with.
        signing_key: signs the bundle; None leaves it unsigned.
    """

    tasks: tuple[str, ...] | None = None
    bin_ns: int = DEFAULT_BIN_NS
    look_back: int | None = None
    model: str | None = None
    mapping: Mapping | None = None
    objects: ObjectCatalogue = field(default_factory=load_objects)
    protocol: str = DEFAULT_PROTOCOL
    baselines: str = FAST
    repeats: int = 1
    search_trials: int = 0
    train_fractions: tuple[float, ...] = (DEFAULT_TRAIN_FRACTION,)
    final: bool = False
    max_seconds: float = math.inf
    all_or_nothing: bool = False
    seed: int = FIRST_RANDOM_STATE
    edge_tpu: bool = False
    init_from: tuple[Path, ...] = ()
    earlier_sessions: tuple[Path, ...] = ()
    dof: str | None = None
    velocity: bool = False
    accept_suspicious: bool = False
    signing_key: SigningKey | None = None
