"""What the baselines of a report decode on a split, to be scored as the decoder is."""

from __future__ import annotations

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
from grasp_decoder.learning.evaluation.object_decodes import ObjectDecodes

NAIVE_BAYES = 'naive_bayes'
LDA = 'lda'
LEAVE_ONE_OUT = 'naive_bayes_leave_one_out'
FIXED_WINDOW = 'lda_fixed_window'
SEED_BILSTM = 'seed_bilstm'
FAST, ALL, NONE = 'fast', 'all', 'none'


def decode_baselines(split: Split, look_back: int) -> dict[str, ObjectDecodes]:
    """What the fast baselines decode of the test trials.

    They have nothing to tune, so they are fitted on training and validation trials together.

    - ``naive_bayes`` and ``lda`` decode the windows that end in the hold phase.
    - ``lda_fixed_window`` decodes one fixed window per trial, around Hold (Fabiani 2021).
    - ``naive_bayes_leave_one_out`` decodes the whole hold phase of every trial, each left out in turn (Schaffelhofer et
      al. 2015).
    """
    known = split.train + split.validation
    known_windows, test_windows = object_windows(known, look_back), object_windows(split.test, look_back)
    known_counts = window_counts(known, known_windows, look_back)
    test_counts = window_counts(split.test, test_windows, look_back)
    test_ids = np.array([trial.trial_id for trial in split.test])
    found = {
        name: _decodes(
            model.fit(known_counts, known_windows.label),
            test_counts,
            test_windows.label,
            test_ids[test_windows.trial],
            split.classes,
        )
        for name, model in ((NAIVE_BAYES, PoissonNaiveBayes()), (LDA, shrinkage_lda()))
    }
    found[FIXED_WINDOW] = _decodes(
        shrinkage_lda().fit(fixed_window_counts(known, look_back), [trial.object_id for trial in known]),
        fixed_window_counts(split.test, look_back),
        np.array([trial.object_id for trial in split.test]),
        test_ids,
        split.classes,
    )
    found[LEAVE_ONE_OUT] = _leave_one_out(split)
    return found


def _decodes(model, counts, object_ids, trial_ids, classes) -> ObjectDecodes:
    return ObjectDecodes(
        _all_classes(model.predict_proba(counts), model.classes_, classes),
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


def _all_classes(probability, known, classes) -> np.ndarray:
    """Probabilities (n, n_known) as (n, n_classes): a class without training windows has none."""
    full = np.zeros((len(probability), len(classes)))
    full[:, np.searchsorted(classes, known)] = probability
    return full
