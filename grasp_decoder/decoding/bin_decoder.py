# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""BinDecoder: runs all networks of one bundle, bin by bin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from grasp_decoder.bundle.engines.bundle_engines import BundleEngines
from grasp_decoder.bundle.manifest import SelfReset
from grasp_decoder.bundle.task_network import DOF, OBJECT, PHASE, RECURRENT
from grasp_decoder.features.drift import TrackedReadIn
from grasp_decoder.features.novelty import LatentAverages
from grasp_decoder.types.decoded_grasp import GRASP, REST

NO_OBJECT = -1
NOTHING = np.empty(0, np.float32)


def do_nothing() -> None:
    """What happens before each network, where nothing is to happen."""


@dataclass(frozen=True, slots=True)
class Decode:
    """What the networks say about one bin; the fields are those of `DecodedGrasp`."""

    phase: int
    phase_probability: float
    object_id: int
    object_probability: np.ndarray
    confidence: float
    novelty: float
    aperture: float
    dof: np.ndarray


class BinDecoder:
    """Decodes bin after bin with the networks of one bundle. Without a phase network every bin is REST.

    Each decoder has its own state. Decoders on the same engines must not decode at the same time.

    By the bundle's rule ``self_reset`` (`SelfReset`) it clears the state of its recurrent networks after a grasp, since
    an endless segment has no trials that would. A network that decodes a movement keeps its state, since the movement
    continues.
    """

    def __init__(
        self,
        engines: BundleEngines,
        before_each: Callable[[], None] = do_nothing,
        read_ins: Mapping[str, TrackedReadIn] | None = None,
    ):
        """Decode with the networks that are open.

        Args:
            engines: of the bundle.
            before_each: called before each network; what it raises ends the decode.
            read_ins: task -> what its network takes in place of the bundle's read-in.
        """
        manifest = engines.bundle.manifest
        self.engines = engines
        self._before_each = before_each
        self._runners = {task: engines.runner(task, (read_ins or {}).get(task)) for task in manifest.tasks}
        self._novelty_model = engines.bundle.novelty_model
        self._averages = LatentAverages(self._novelty_model.width if self._novelty_model else 0)
        self._decodes_aperture = manifest.movement is None
        self._of_one_trial = [
            self._runners[task]
            for task, network in manifest.tasks.items()
            if network.kind == RECURRENT and (task != DOF or self._decodes_aperture)
        ]
        self._classes = manifest.classes
        self._grasp_threshold = manifest.thresholds.grasp
        self._self_reset = manifest.self_reset
        self.reset()

    def reset(self) -> None:
        """Clear the state: a new segment starts."""
        for runner in self._runners.values():
            runner.reset()
        self._averages.reset()
        self._grasp_run = self._rest_run = 0
        self._grasped = False

    def decode(self, counts: np.ndarray, roots: np.ndarray | None = None, activity: float = 1.0) -> Decode:
        """Decode the next bin of the segment.

        Args:
            counts: uint16 (units,), spikes of the bin.
            roots: float32 (units,), square roots of the counts to decode instead, once units were repaired.
            activity: spikes that are heard, relative to training, which ``roots`` make up for.
        """
        answers = {}
        for task, runner in self._runners.items():
            self._before_each()
            answers[task] = runner.step(counts, roots)
        phase_answer, object_answer, dof = answers.get(PHASE), answers.get(OBJECT), answers.get(DOF)
        phase, phase_probability = REST, float('nan')
        if phase_answer is not None:
            phase_probability = float(phase_answer[GRASP])
            phase = GRASP if phase_probability >= self._grasp_threshold else REST
        object_id, confidence = NO_OBJECT, 0.0
        if object_answer is not None:
            best = int(object_answer.argmax())
            object_id, confidence = self._classes[best], float(object_answer[best])
        novelty = 0.0
        if self._novelty_model:
            latents = self._runners[OBJECT].latents
            novelty = self._novelty_model.probability(self._averages.step(latents), activity)
        if self._self_reset is not None:
            self._reset_after_grasp(phase, self._self_reset)
        return Decode(
            phase,
            phase_probability,
            object_id,
            NOTHING if object_answer is None else object_answer,
            confidence,
            novelty,
            float('nan') if dof is None or not self._decodes_aperture else float(dof[0]),
            NOTHING if dof is None else dof,
        )

    def _reset_after_grasp(self, phase: int, rule: SelfReset) -> None:
        if phase == GRASP:
            self._grasp_run += 1
            self._rest_run = 0
            self._grasped |= self._grasp_run >= rule.grasp_bins
            return
        self._grasp_run = 0
        self._rest_run += 1
        if self._grasped and self._rest_run >= rule.rest_bins:
            self._grasped = False
            for runner in self._of_one_trial:
                runner.reset()
            self._averages.reset()
