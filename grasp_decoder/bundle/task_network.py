# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""TaskNetwork: a fitted network of one task, as learning hands it over to be exported into a bundle."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from grasp_decoder.features.novelty import NoveltyModel
from grasp_decoder.features.read_in import ReadIn

if TYPE_CHECKING:
    from grasp_decoder.features.trial_bins import TrialBins

PHASE = 'phase'
OBJECT = 'object'
DOF = 'dof'
TASKS = (PHASE, OBJECT, DOF)

WINDOW = 'window'
RECURRENT = 'recurrent'

PRECISIONS = ('int8', 'float')

GRAPH_INPUTS = {WINDOW: ('features',), RECURRENT: ('features', 'state')}
GRAPH_OUTPUTS = {WINDOW: ('logits',), RECURRENT: ('logits', 'update', 'candidate')}
FINE_LOGITS = 'fine_logits'
"""Last output of an int8 model of classes: the same logits in finer steps, saturated outside a smaller range."""


@dataclass(frozen=True)
class TaskNetwork:
    """A fitted network of one task.

    The host turns counts into features by ``lut``, and the features of all units into latents by ``read_in``, where
    there is one. It turns ``logits`` into probabilities by a softmax (phase, object),
    or into apertures by clipping to 0..1 (dof). It also keeps the state of a recurrent network, in float32::

        state = state + update * (candidate - state)

    Attributes:
        task: ``phase`` (2 outputs: REST, GRASP), ``object`` (one output per class) or ``dof`` (1 output: the aperture;
            or k outputs: the channels of a movement).
        model: name of the model family.
        kind: ``window`` or ``recurrent``.
        look_back: bins in one window; 1 for a recurrent network, which answers from the first bin on.
        lut: float32 (256,), feature of each count; counts above 255 take the last entry.
        graph: loop-free Keras functional model, static batch 1, with named inputs and a dict of outputs.
            Window: ``features`` (1, look_back, k) -> ``logits`` (1, n).
            Recurrent: ``features`` (1, k), ``state`` (1, S) -> ``logits`` (1, n), ``update`` (1, S),
            ``candidate`` (1, S).
            k is the number of units or, with a read-in, of latents.
        predict: from a list of trials to the float network's answers, per trial float32 (n_bins, n): probabilities or
            apertures. Rows before the first full window are NaN.
        temperature: logits are divided by it before the softmax (calibration, Guo et al. 2017).
        threshold: of the phase, the probability of GRASP from which it is GRASP.
        read_in: from features to the latents that the graph takes; None: it takes the features.
        novelty: of the object, where its objects lie, as the latents see them; None: nothing tells others from them.
        start: arrays from which training on another day starts; empty if the model family has none.
    """

    task: str
    model: str
    kind: str
    look_back: int
    lut: np.ndarray
    graph: Any
    predict: Callable[[Sequence[TrialBins]], list[np.ndarray]]
    temperature: float = 1.0
    threshold: float = 0.5
    read_in: ReadIn | None = None
    novelty: NoveltyModel | None = None
    start: Mapping[str, np.ndarray] = field(default_factory=dict)
