# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Fit one task by the name of a model: the one entry from trials to a `TaskNetwork`."""

from __future__ import annotations

import math
from collections.abc import Sequence

from grasp_decoder.bundle.task_network import TaskNetwork
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.features.windows import DEFAULT_LOOK_BACK
from grasp_decoder.learning.models.families import MODELS, ModelFamily, default_model
from grasp_decoder.learning.models.training import FitProblem, Progress, make_deterministic


def fit(
    task: str,
    train: Sequence[TrialBins],
    validation: Sequence[TrialBins],
    classes: Sequence[int],
    *,
    model: str | ModelFamily | None = None,
    look_back: int = DEFAULT_LOOK_BACK,
    seed: int = 42,
    progress: Progress = lambda done, total, message: None,
    max_seconds: float = math.inf,
    negatives: Sequence[TrialBins] = (),
) -> TaskNetwork:
    """Fit a network of one task; the same arguments give the same network.

    Args:
        task: ``phase``, ``object`` or ``dof`` (targets `TrialBins.dof`, in 0..1).
        train, validation: trials; validation only stops and calibrates.
        classes: object ids of the outputs, ascending.
        model: a name of `families.MODELS`, or a function like those; default `families.default_model`.
        look_back: bins of a window, for models that take windows.
        seed: of everything random.
        progress: called as ``progress(epochs done, epochs at most, message)``.
        max_seconds: stop training then, with the best network so far; Ctrl-C does the same.
        negatives: further trials to train on, in which nothing was grasped or not what the object id says.

    Raises:
        GraspDecoderError: an unknown task or model, no trials, one class only, no spikes, or NaN kinematics.
    """
    problem = FitProblem(
        task, list(train), list(validation), tuple(classes), look_back, seed, progress, max_seconds, list(negatives)
    )
    family = model or default_model(problem.train)
    if isinstance(family, str):
        if family not in MODELS:
            raise GraspDecoderError(f'there is no model {family!r}; use one of {", ".join(MODELS)}')
        family = MODELS[family]
    make_deterministic(seed)
    return family(problem)
