# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What the baselines of a report decode on a split, to be scored as the decoder is."""

from __future__ import annotations

import math
import time

import numpy as np

from grasp_decoder.features.splits import Split
from grasp_decoder.features.windows import object_windows
from grasp_decoder.learning.evaluation.baselines import (
    PoissonNaiveBayes,
    fixed_window_counts,
    hold_counts,
    shrinkage_lda,
    window_counts,
)
from grasp_decoder.learning.evaluation.object_decodes import ObjectDecodes, all_classes

NAIVE_BAYES = 'naive_bayes'
LDA = 'lda'
LEAVE_ONE_OUT = 'naive_bayes_leave_one_out'
FIXED_WINDOW = 'lda_fixed_window'
LDA_BLOCKS = 'lda_blocks'
SEQUENTIAL_BAYES = 'sequential_bayes'
SEED_BILSTM = 'seed_bilstm'
FAST, ALL, NONE = 'fast', 'all', 'none'
FAST_BASELINES = (NAIVE_BAYES, LEAVE_ONE_OUT, LDA, FIXED_WINDOW)
ALL_BASELINES = (*FAST_BASELINES, LDA_BLOCKS, SEQUENTIAL_BAYES, SEED_BILSTM)

TIMED_UNITS = 500
"""Units that LDA is fitted on first, to find out how long it will take with all."""


def decode_baselines(split: Split, look_back: int, seconds: float = math.inf) -> dict[str, ObjectDecodes]:
    """What the fast baselines decode of the test trials.

    They have nothing to tune, so they are fitted on training and validation trials together. Those that would not be
    ready in ``seconds`` are left out.

    - ``naive_bayes`` and ``lda`` decode the windows that end in the hold phase.
    - ``lda_fixed_window`` decodes one fixed window per trial, around Hold (Fabiani 2021).
    - ``naive_bayes_leave_one_out`` decodes the whole hold phase of every trial, each left out in turn (Schaffelhofer et
      al. 2015).
    """
    deadline = time.monotonic() + seconds
    known = split.train + split.validation
    known_windows, test_windows = object_windows(known, look_back), object_windows(split.test, look_back)
    known_counts = window_counts(known, known_windows, look_back)
    test_counts = window_counts(split.test, test_windows, look_back)
    test_ids = np.array([trial.trial_id for trial in split.test])
    found = {
        NAIVE_BAYES: _decodes(
            PoissonNaiveBayes().fit(known_counts, known_windows.label),
            test_counts,
            test_windows.label,
            test_ids[test_windows.trial],
            split.classes,
        ),
        LEAVE_ONE_OUT: _leave_one_out(split),
    }
    if lda_is_ready(known_counts, known_windows.label, deadline):
        found[LDA] = _decodes(
            shrinkage_lda().fit(known_counts, known_windows.label),
            test_counts,
            test_windows.label,
            test_ids[test_windows.trial],
            split.classes,
        )
    around_hold, labels = fixed_window_counts(known, look_back), np.array([trial.object_id for trial in known])
    if lda_is_ready(around_hold, labels, deadline):
        found[FIXED_WINDOW] = _decodes(
            shrinkage_lda().fit(around_hold, labels),
            fixed_window_counts(split.test, look_back),
            np.array([trial.object_id for trial in split.test]),
            test_ids,
            split.classes,
        )
    return found


def lda_is_ready(counts: np.ndarray, labels: np.ndarray, deadline: float) -> bool:
    """Whether LDA of counts (n, units) will be fitted by then; its time grows with the cube of the units at most."""
    units = counts.shape[1]
    if deadline == math.inf or units <= TIMED_UNITS:
        return True
    start = time.monotonic()
    shrinkage_lda().fit(counts[:, :TIMED_UNITS], labels)
    now = time.monotonic()
    return now + (now - start) * (units / TIMED_UNITS) ** 3 <= deadline


def _decodes(model, counts, object_ids, trial_ids, classes) -> ObjectDecodes:
    return ObjectDecodes(
        all_classes(model.predict_proba(counts), model.classes_, classes),
        np.searchsorted(classes, object_ids),
        trial_ids,
        classes,
    )


def _leave_one_out(split: Split) -> ObjectDecodes:
    trials = split.train + split.validation + split.test
    counts, bins = hold_counts(trials)
    labels = np.array([trial.object_id for trial in trials])
    answers = np.searchsorted(split.classes, PoissonNaiveBayes().leave_one_out(counts, labels, bins))
    return ObjectDecodes(
        np.eye(len(split.classes))[answers],
        np.searchsorted(split.classes, labels),
        np.array([trial.trial_id for trial in trials]),
        split.classes,
    )
