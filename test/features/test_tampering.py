# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Sessions that were tampered with are found out, and clean days are not accused."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grasp_decoder.features.tampering import changed_electrodes, label_noise, signs_of_tampering
from grasp_decoder.features.trial_bins import bin_trials
from grasp_decoder.recording.reading import read_session
from grasp_decoder.recording.synthetic import synthesize

from helpers.shared_data import shared_data
from helpers.tampered import copied_thirty_times, with_flipped_labels, with_injected_spikes

REAL = ('grasp_L_train.neo.mat', 'reach97_train.neo.mat')
DAYS = ('MSyn40.neo.mat', 'MSyn41.neo.mat', 'MVar50.neo.mat')


def signs(session):
    return signs_of_tampering(session, bin_trials(session))


@pytest.mark.parametrize('name', [*REAL, *(pytest.param(name, marks=pytest.mark.slow) for name in DAYS)])
def test_clean_days_are_not_suspicious(name):
    assert not [sign for sign in signs(read_session(shared_data(name))) if sign.suspicious]


@pytest.mark.parametrize('name', [*REAL, pytest.param('MVar50.neo.mat', marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    'tamper, words',
    [
        (with_flipped_labels, 'of the labels contradict the spikes'),
        (with_injected_spikes, 'fires within 1 ms of itself'),
        (copied_thirty_times, 'are 30 copies of trial 5'),
    ],
)
def test_tampered_sessions_are_suspicious(name, tamper, words):
    tampered, trials = tamper(read_session(shared_data(name)))
    (found,) = (sign for sign in signs(tampered) if sign.suspicious)
    assert words in found.text
    # Where a classifier knows little, some flipped labels are not pointed at; those that are, are flipped.
    assert len(set(found.trials) & trials) >= 0.8 * len(found.trials) > 0


@pytest.mark.parametrize('units, trials, objects', [(24, 6, 2), (24, 40, 4), (96, 160, 8), (40, 90, 8)])
def test_clean_synthetic_sessions_of_any_size_are_not_suspicious(units, trials, objects):
    for seed in range(3):
        assert not [sign for sign in signs(synthesize(units, trials, objects, seed)[0]) if sign.suspicious]


def test_a_trial_that_was_copied_with_another_label_and_time_is_found():
    session = synthesize(24, 20, 2)[0]
    copied, trials = copied_thirty_times(session, copies=1)
    (sign,) = signs(copied)
    assert set(sign.trials) == trials and sign.text == f'trial {sign.trials[0]} is a copy of trial 5'


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.05, 0.1, 0.2, 0.4]), st.sampled_from([2, 5, 30]))
def test_the_share_of_noise_among_labels_is_estimated(seed, share, classes):
    rng = np.random.default_rng(seed)
    log_odds = rng.normal(0, 2, (600, classes))
    log_odds -= np.log(np.exp(log_odds).sum(axis=1, keepdims=True))
    right = (np.exp(log_odds).cumsum(axis=1) > rng.random((600, 1))).argmax(axis=1)
    noisy = rng.random(600) < share
    label = np.where(noisy, rng.integers(0, classes, 600), right)
    # The classifier is three times as sure as it should be, which must not look like noise.
    estimate, least, probability = label_noise(3 * log_odds, label)
    assert least <= estimate < share + 0.3
    # Of two classes, noise and a classifier that is too sure look alike: then the estimate may be far too low.
    assert classes == 2 or estimate > share - 0.3
    assert probability.shape == label.shape and (probability >= 0).all() and (probability <= 1).all()


def test_rates_of_an_earlier_session_are_compared_by_electrode():
    session = synthesize(24, 10, 2)[0]
    seconds = sum(trial.stop_ns - trial.start_ns for trial in session.trials) / 1e9
    rates = np.bincount(np.concatenate([trial.units for trial in session.trials]), minlength=24) / seconds
    assert not list(changed_electrodes(session, session.units, rates))
    unit = int(rates.argmax())
    rates[unit] = 0.1
    (sign,) = changed_electrodes(session, session.units, rates, least_hz=1.0)
    assert f'{session.units[unit].electrode} (' in sign.text and not sign.suspicious
    assert not list(changed_electrodes(session, [replace(unit, electrode=None) for unit in session.units], rates))
