# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The best causal linear decoders that are known here: what a network has to beat, on the same windows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from grasp_decoder.evidence import EvidenceRule
from grasp_decoder.features.count_features import SQUARE_ROOT_LUT, count_features
from grasp_decoder.features.splits import Split
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.features.windows import Windows, object_windows
from grasp_decoder.learning.evaluation.baseline_decodes import lda_is_ready
from grasp_decoder.learning.evaluation.baselines import shrinkage_lda, window_counts
from grasp_decoder.learning.evaluation.decoded_trials import DecodedTrial
from grasp_decoder.learning.evaluation.object_decodes import ObjectDecodes, all_classes, hold_windows
from grasp_decoder.learning.grip_posterior import class_posterior
from grasp_decoder.learning.models.fisher_read_in import fisher_read_in

BLOCKS, BLOCK_BINS = 3, 2
MOST_COLUMNS = 6000
MEMORIES_S = (0.1, 0.2, 0.5, 1.0, 2.0)


def decode_by_blocks(split: Split, look_back: int, seconds: float) -> ObjectDecodes | None:
    """Shrinkage LDA that sees the last three blocks of two bins one by one, of windows that end in the hold phase.

    It learns from training and validation trials, since it has nothing to tune. None: it would not be ready in
    ``seconds``, or there are too many units for its covariance.
    """
    deadline = time.monotonic() + seconds
    known = split.train + split.validation
    known_windows, test_windows = object_windows(known, look_back), object_windows(split.test, look_back)
    if BLOCKS * known[0].counts.shape[1] > MOST_COLUMNS:
        return None
    counts = block_counts(known, known_windows, look_back)
    if not lda_is_ready(counts, known_windows.label, deadline):
        return None
    model = shrinkage_lda().fit(counts, known_windows.label)
    probability = model.predict_proba(block_counts(split.test, test_windows, look_back))
    return ObjectDecodes(
        all_classes(probability, model.classes_, split.classes),
        np.searchsorted(split.classes, test_windows.label),
        np.array([trial.trial_id for trial in split.test])[test_windows.trial],
        split.classes,
    )


def block_counts(trials: Sequence[TrialBins], windows: Windows, look_back: int) -> np.ndarray:
    """Spikes per unit in the last blocks of each window, latest first, float32 (n, blocks * units).

    A window of ``look_back`` bins holds at most `BLOCKS` blocks of `BLOCK_BINS` bins.
    """
    size = min(BLOCK_BINS, look_back)
    blocks = min(BLOCKS, look_back // size)
    ends = [replace(windows, last_bin=windows.last_bin - size * block) for block in range(blocks)]
    return np.concatenate([window_counts(trials, each, size) for each in ends], axis=1)


def decode_sequentially(split: Split, look_back: int) -> ObjectDecodes:
    """Sequential Bayes on the Fisher read-in: LDA of every bin, its evidence accumulated over bins with forgetting.

    It learns from training trials, from the cue to the release. The time constant of forgetting is the one that
    decodes most hold windows of validation trials.
    """
    kernel, bias = fisher_read_in(split.train)
    features = [_read(trial, kernel, bias)[_informed(trial)] for trial in split.train]
    labels = np.repeat([trial.object_id for trial in split.train], [len(each) for each in features])
    model = LinearDiscriminantAnalysis(solver='lsqr', shrinkage='auto').fit(np.concatenate(features), labels)
    prior = tuple((model.priors_ / model.priors_.sum()).tolist())

    def decoded(trials: Sequence[TrialBins], memory_s: float) -> ObjectDecodes:
        rule = EvidenceRule(prior, gain=1.0, memory_s=memory_s)
        answers = [
            class_posterior(rule, model.predict_proba(_read(trial, kernel, bias)), trial.bin_ns) for trial in trials
        ]
        full = [all_classes(each, model.classes_, split.classes) for each in answers]
        return hold_windows(
            [DecodedTrial(trial, objects=each) for trial, each in zip(trials, full)], split.classes, look_back
        )

    best = max(MEMORIES_S, key=lambda memory_s: decoded(split.validation, memory_s).accuracy)
    return decoded(split.test, best)


def _read(trial: TrialBins, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    outputs: np.ndarray = count_features(trial.counts, SQUARE_ROOT_LUT) @ kernel + bias
    return outputs


def _informed(trial: TrialBins) -> slice:
    """The bins in which neurons can know the object."""
    return slice(trial.event_bins.get('Cue', 0), trial.event_bins['Rew'])
