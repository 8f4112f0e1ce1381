# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The phase of segments that begin late: a decoder that follows the neurons does not care, a clock does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from grasp_decoder.bundle.bundle import Bundle
from grasp_decoder.bundle.engines.bundle_engines import BundleEngines, EngineOptions
from grasp_decoder.bundle.task_network import PHASE
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.learning.evaluation.decoded_trials import DecodedTrial
from grasp_decoder.types.decoded_grasp import GRASP

LATE_S = (0.0, 0.5, 1.0, 2.0)


def decode_late(bundle: Bundle, trials: Sequence[TrialBins], look_back: int) -> dict[float, list[DecodedTrial]]:
    """The phase by the int8 model, by how late the segments begin; trials that are not at rest then are left out.

    Args:
        bundle: with the task ``phase``.
        trials: usable trials with the events Hold and Rew.
        look_back: bins of a window; a segment has at least one before Hold.
    """
    runner = BundleEngines(bundle, EngineOptions('int8', 'cpu')).runner(PHASE)
    threshold = bundle.manifest.thresholds.grasp
    found = {}
    for late_s in LATE_S:
        decoded = []
        for trial in trials:
            first = round(late_s * 1e9 / trial.bin_ns)
            if trial.event_bins['Hold'] - first < look_back:
                continue
            late = trial.from_bin(first)
            runner.reset()
            answers = [runner.step(counts) for counts in late.counts]
            grasp = np.array([answer is not None and answer[GRASP] >= threshold for answer in answers])
            decoded.append(DecodedTrial(late, grasp))
        if decoded:
            found[late_s] = decoded
    return found
