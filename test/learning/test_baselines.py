# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The baselines against scikit-learn's rules, plain loops and known answers."""

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from grasp_decoder.features.splits import Split
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.features.windows import phase_windows
from grasp_decoder.learning.evaluation.baselines import (
    PoissonNaiveBayes,
    fixed_window_counts,
    hold_counts,
    shrinkage_lda,
    window_counts,
)
from grasp_decoder.learning.evaluation.linear_decodes import block_counts, decode_by_blocks, decode_sequentially


def poisson_samples(seed=0, n=120, units=10, classes=4):
    rng = np.random.default_rng(seed)
    label = np.arange(n) % classes + 20
    exposure = rng.integers(5, 15, n)
    rates = rng.gamma(2, 0.2, (classes, units))
    return rng.poisson(rates[label - 20] * exposure[:, None]).astype(float), label, exposure


def make_bins(n_bins, hold, rew, seed):
    index = np.arange(n_bins)
    return TrialBins(
        trial_id=seed,
        object_id=21,
        recorded_object_id=21,
        bin_ns=40_000_000,
        start_ns=0,
        counts=np.random.default_rng(seed).poisson(1, (n_bins, 3)).astype(np.uint16),
        phase=((index >= hold) & (index < rew)).astype(np.uint8),
        dof=np.zeros(n_bins, np.float32),
        event_bins={'Hold': hold, 'Rew': rew},
    )


@parametrize_with_checks([PoissonNaiveBayes()])
def test_naive_bayes_keeps_the_rules_of_scikit_learn(estimator, check):
    check(estimator)


def test_naive_bayes_finds_poisson_classes():
    counts, label, exposure = poisson_samples(n=800)
    model = PoissonNaiveBayes().fit(counts[:400], label[:400], exposure[:400])
    assert (model.predict(counts[400:], exposure[400:]) == label[400:]).mean() > 0.8
    probability = model.predict_proba(counts[400:], exposure[400:])
    assert np.allclose(probability.sum(axis=1), 1)
    assert np.array_equal(model.classes_[probability.argmax(axis=1)], model.predict(counts[400:], exposure[400:]))


def test_leave_one_out_in_closed_form_is_refitting_without_the_sample():
    counts, label, exposure = poisson_samples(n=40)
    label[0] = 99  # a class of one sample can never be predicted for it
    expected = []
    for left_out in range(len(label)):
        others = np.arange(len(label)) != left_out
        model = PoissonNaiveBayes().fit(counts[others], label[others], exposure[others])
        expected.append(model.predict(counts[left_out : left_out + 1], exposure[left_out : left_out + 1])[0])
    assert PoissonNaiveBayes().leave_one_out(counts, label, exposure).tolist() == expected


def test_lda_takes_square_roots_of_counts():
    counts, label, _ = poisson_samples(n=400)
    model = shrinkage_lda().fit(counts[:200], label[:200])
    assert (model.predict(counts[200:]) == label[200:]).mean() > 0.5
    linear = model.named_steps['lineardiscriminantanalysis']
    assert np.array_equal(linear.predict(np.sqrt(counts)), model.predict(counts))


@pytest.mark.parametrize('look_back', [1, 4])
def test_counts_of_windows_and_hold_phases(look_back):
    trials = [make_bins(12, 5, 9, seed=1), make_bins(9, 4, 6, seed=2)]
    windows = phase_windows(trials, look_back)
    expected = [
        trials[trial].counts[last - look_back + 1 : last + 1].sum(axis=0)
        for trial, last in zip(windows.trial, windows.last_bin)
    ]
    assert np.array_equal(window_counts(trials, windows, look_back), expected)
    counts, bins = hold_counts(trials)
    assert bins.tolist() == [4, 2]
    assert np.array_equal(counts, [trials[0].counts[5:9].sum(axis=0), trials[1].counts[4:6].sum(axis=0)])
    assert np.array_equal(
        fixed_window_counts(trials, 5), [trials[0].counts[0:10].sum(axis=0), trials[1].counts[0:9].sum(axis=0)]
    )


def test_blocks_are_the_last_bins_two_by_two_latest_first():
    trials = [make_bins(20, 8, 14, seed=seed) for seed in range(2)]
    windows = phase_windows(trials, 6)
    counts = block_counts(trials, windows, 6)
    units = trials[0].counts.shape[1]
    assert counts.shape == (len(windows), 3 * units)
    for row, trial, last in zip(counts, windows.trial, windows.last_bin):
        for block in range(3):
            stop = last + 1 - 2 * block
            expected = trials[trial].counts[stop - 2 : stop].sum(axis=0)
            np.testing.assert_array_equal(row[block * units : (block + 1) * units], expected)
    assert block_counts(trials, phase_windows(trials, 3), 3).shape[1] == units


def test_linear_decoders_tell_objects_apart_and_bring_no_knowledge_of_test_trials():
    rng = np.random.default_rng(0)
    rates = rng.gamma(2.0, 0.5, (3, 30))

    def trial(number):
        label = number % 3
        phase = np.repeat([0, 1, 0], [20, 12, 4]).astype(np.uint8)
        counts = rng.poisson(np.where(np.arange(36)[:, None] < 8, 0.5, rates[label])).astype(np.uint16)
        events = {'Cue': 8, 'Go': 14, 'Hold': 20, 'Rew': 32, 'End': 35}
        return TrialBins(number, 21 + label, 21 + label, 40_000_000, 0, counts, phase, phase.astype(float), events)

    trials = [trial(number) for number in range(60)]
    split = Split(trials[:30], trials[30:45], trials[45:], (21, 22, 23))
    for decodes in (decode_by_blocks(split, 6, float('inf')), decode_sequentially(split, 6)):
        assert decodes.accuracy > 0.9
        assert set(decodes.trial) == set(range(45, 60))
        assert decodes.probability.shape == (15 * 12, 3)
