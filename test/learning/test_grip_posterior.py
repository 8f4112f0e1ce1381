# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The calibration of evidence: a posterior over grips that means what it says, whatever the network's manner."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.special import softmax

from grasp_decoder.bundle.task_network import OBJECT, WINDOW, TaskNetwork
from grasp_decoder.evidence import EvidenceAccumulator, EvidenceRule
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.learning.evaluation.reliability import error_by_sampling, reliability
from grasp_decoder.learning.grip_posterior import (
    PERIODS,
    accumulated,
    calibrate_evidence,
    grip_of_classes,
    grip_posterior,
    periods,
)
from grasp_decoder.objects import load_objects

CLASSES = (21, 22, 31, 32, 41, 43, 61)
BIN_NS = 40_000_000
EVENTS = {'Cue': 20, 'Go': 40, 'Hold': 50, 'Rew': 70}


def make_trials(count, seed):
    """Trials whose "counts" are the class and the number of the trial, for `says` to look up."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(len(CLASSES), count, p=[0.3, 0.1, 0.2, 0.1, 0.1, 0.1, 0.1])
    counts = [np.full((80, 2), [label, number + 1000 * seed]) for number, label in enumerate(labels)]
    phase = np.zeros(80, np.uint8)
    phase[50:70] = 1
    return [
        TrialBins(number, CLASSES[label], CLASSES[label], BIN_NS, 0, each, phase, phase.astype(float), EVENTS)
        for number, (label, each) in enumerate(zip(labels, counts))
    ]


def says(trial, sharpness):
    """Probabilities of a decoder that sways before the cue, and then hears of the object in slow noise."""
    label, number = trial.counts[0]
    rng = np.random.default_rng([number, 3])
    slow = lfilter([1.0], [1.0, -0.9], rng.normal(0, 0.3, (80, len(CLASSES))), axis=0)
    signal = np.zeros((80, len(CLASSES)))
    signal[20:, label] = np.minimum(np.arange(60) * 0.1, 3.0)
    probability = softmax(sharpness * (signal + slow), axis=1)
    probability[:3] = np.nan
    return probability


def by_grip(trials, rule, sharpness, period):
    """Posterior over grips of every bin of a period, and the index of the right grip."""
    grip = grip_of_classes(CLASSES, load_objects())
    posteriors = [
        grip_posterior(rule, says(trial, sharpness), BIN_NS, grip)[periods(trial)[period]] for trial in trials
    ]
    right = [np.full(len(each), grip[CLASSES.index(t.object_id)]) for each, t in zip(posteriors, trials)]
    return np.concatenate(posteriors), np.concatenate(right)


def loss(trials, rule, sharpness):
    likely = []
    for period in PERIODS:
        posterior, right = by_grip(trials, rule, sharpness, period)
        likely.append(np.log(posterior[np.arange(len(right)), right] + 1e-12).mean())
    return -np.mean(likely)


def test_evidence_of_a_trial_is_what_the_controller_counts_bin_by_bin():
    rule = EvidenceRule((0.3, 0.1, 0.2, 0.1, 0.1, 0.1, 0.1), 0.4, 0.2, 0.3)
    probability = says(make_trials(1, 0)[0], 1.0)
    accumulator = EvidenceAccumulator(rule, 0.04)
    for each in probability[3:]:
        accumulator.update(each)
    evidence = accumulated(rule, probability, BIN_NS)
    np.testing.assert_allclose(evidence[-1], accumulator.evidence)
    assert not evidence[:3].any()


def network(sharpness):
    return TaskNetwork(
        OBJECT, 'made up', WINDOW, 4, np.arange(256.0), None, lambda trials: [says(each, sharpness) for each in trials]
    )


@pytest.mark.parametrize('sharpness', [1.0, 2.0, 4.0])
def test_on_other_trials_the_posterior_over_grips_is_about_as_sure_as_it_is_right(sharpness):
    train, validation, others = (make_trials(100, seed) for seed in (0, 1, 2))
    rule = calibrate_evidence(network(sharpness), train, validation, CLASSES, load_objects())
    frequency = [np.mean([trial.object_id == each for trial in train]) for each in CLASSES]
    np.testing.assert_allclose(rule.prior, frequency)
    assert rule.problem(len(CLASSES)) == ''
    for period in ('cue_to_go', 'hold'):
        posterior, right = by_grip(others, rule, sharpness, period)
        assert abs(posterior.max(axis=1).mean() - np.mean(posterior.argmax(axis=1) == right)) < 0.12
    for gain in (1.0, 0.02):
        assert loss(others, rule, sharpness) < loss(others, EvidenceRule(rule.prior, gain), sharpness)


def test_a_sharper_decoder_gets_a_smaller_gain():
    train, validation = make_trials(100, 0), make_trials(100, 1)
    gains = [
        calibrate_evidence(network(each), train, validation, CLASSES, load_objects()).gain for each in (0.5, 1.0, 2.0)
    ]
    assert gains == sorted(gains, reverse=True)


def test_objects_that_all_take_one_grip_are_told_apart():
    classes = (61, 62, 63)
    rng = np.random.default_rng(0)
    trials = [
        TrialBins(i, classes[i % 3], classes[i % 3], BIN_NS, 0, np.zeros((80, 2)), np.zeros(80), np.zeros(80), EVENTS)
        for i in range(60)
    ]
    answers = [softmax(rng.normal(0, 1, (80, 3)) + 3 * (np.arange(3) == i % 3), axis=1) for i in range(60)]
    made_up = TaskNetwork(OBJECT, 'made up', WINDOW, 4, np.arange(256.0), None, lambda trials: answers)
    assert grip_of_classes(classes, load_objects()).tolist() == [0, 1, 2]
    assert calibrate_evidence(made_up, trials, trials, classes, load_objects()).gain > 0.1


def test_the_periods_of_a_trial_without_cue_and_go():
    trial = make_trials(1, 0)[0]
    assert periods(trial) == {'before_cue': slice(0, 20), 'cue_to_go': slice(20, 40), 'hold': slice(50, 70)}
    trial = replace(trial, event_bins={'Hold': 50, 'Rew': 70})
    assert periods(trial) == {'cue_to_go': slice(0, 50), 'hold': slice(50, 70)}


@pytest.mark.parametrize('bins', [1, 3])
def test_the_error_by_sampling_is_that_of_drawn_labels_however_many_bins_a_trial_has(bins):
    error = error_by_sampling([np.tile([0.5, 0.5], (bins, 1))] * 4)
    assert error == {'median': 0.25, 'p95': 0.5}  # 0, 1, 2, 3 or 4 trials of four are right
    assert error_by_sampling([np.tile([0.0, 1.0], (bins, 1))] * 4) == {'median': 0.0, 'p95': 0.0}


def test_the_error_by_sampling_shows_what_is_not_sampling():
    rng = np.random.default_rng(1)
    posteriors = list(rng.dirichlet(np.ones(4), (200, 1)))
    sure = np.concatenate(posteriors)
    drawn = (rng.random((200, 1)) < sure.cumsum(axis=1)).argmax(axis=1)
    right = drawn == sure.argmax(axis=1)
    usual = error_by_sampling(posteriors)
    assert usual == error_by_sampling(posteriors)
    assert reliability(sure.max(axis=1), right)['error'] < usual['p95']
    assert reliability(np.sqrt(sure.max(axis=1)), right)['error'] > usual['p95']
