# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The read-in finds tuning under noise that units share, with few trials per object."""

from dataclasses import replace

import numpy as np
import pytest

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.learning.models import fisher_read_in as read_in_module
from grasp_decoder.learning.models.fisher_read_in import (
    _class_means,
    _Whitening,
    correlation_shrinkage,
    fisher_read_in,
)

UNITS = 40
OBJECTS = 6


def make_trials(trials_per_object=6, shared_noise=1.0, events=('Cue', 'Go', 'Hold', 'Rew')):
    """Trials of 30 bins, tuned along one known direction from bin 5 on, and noise along another, stronger one."""
    rng = np.random.default_rng(0)
    tuning, noise = np.linalg.qr(rng.normal(size=(UNITS, 2)))[0].T
    trials = []
    for index in range(trials_per_object * OBJECTS):
        drive = np.full((30, UNITS), 8.0)
        drive[5:] += 3 * (index % OBJECTS - OBJECTS / 2) / OBJECTS * tuning * np.sqrt(UNITS)
        drive += shared_noise * rng.normal(size=(6, 1)).repeat(5, axis=0) * noise * np.sqrt(UNITS)
        trials.append(
            TrialBins(
                trial_id=index,
                object_id=20 + index % OBJECTS,
                recorded_object_id=20 + index % OBJECTS,
                bin_ns=40_000_000,
                start_ns=0,
                counts=rng.poisson(np.clip(drive, 0, None) ** 2).astype(np.uint16),
                phase=(np.arange(30) // 5 == 4).astype(np.uint8),
                dof=np.zeros(30, np.float32),
                event_bins={
                    label: bin_ for label, bin_ in zip(('Cue', 'Go', 'Hold', 'Rew'), (5, 15, 20, 25)) if label in events
                },
            )
        )
    return trials, tuning, noise


def outputs(trials, kernel, bias):
    return np.concatenate([np.sqrt(trial.counts) @ kernel + bias for trial in trials])


def test_it_looks_along_the_tuning_and_away_from_shared_noise():
    trials, tuning, noise = make_trials()
    first = fisher_read_in(trials)[0][:, 0]
    first /= np.linalg.norm(first)
    assert abs(first @ tuning) > 0.8
    assert abs(first @ noise) < 0.1


def test_shrunk_class_means_are_closer_to_the_truth_than_those_of_the_trials():
    rng = np.random.default_rng(0)
    label = np.arange(2 * OBJECTS) % OBJECTS
    truth = rng.normal(size=(OBJECTS, 2)) @ rng.normal(size=(2, 200)) / 2
    trials = truth[label] + rng.normal(size=(len(label), 200))
    plain = np.array([trials[label == each].mean(axis=0) for each in range(OBJECTS)])
    assert np.square(_class_means(trials, label) - truth).sum() < 0.9 * np.square(plain - truth).sum()


def test_noise_with_fewer_rows_than_units_is_made_white_as_with_more(monkeypatch):
    monkeypatch.setattr(read_in_module, 'correlation_shrinkage', lambda rows: 0.3)
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(UNITS // 2, UNITS)) @ rng.normal(size=(UNITS, UNITS))
    few, many = _Whitening(noise, len(noise)), _Whitening(np.tile(noise, (3, 1)), 3 * len(noise))
    of_few, of_many = (white.of_rows(np.eye(UNITS)) for white in (few, many))
    np.testing.assert_allclose(of_few @ of_few.T, of_many @ of_many.T, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(few.kernel(np.eye(UNITS)), of_few, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize('rows', [UNITS // 2, 2 * UNITS])
def test_correlations_are_shrunk_by_their_variance_over_their_squares(rows):
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(rows, UNITS)) + rng.normal(size=(rows, 1))
    noise = (noise - noise.mean(axis=0)) / noise.std(axis=0)
    products = noise[:, :, None] * noise[:, None, :]
    apart = ~np.eye(UNITS, dtype=bool)
    expected = products.var(axis=0)[apart].sum() / rows / np.square(products.mean(axis=0))[apart].sum()
    assert correlation_shrinkage(noise) == pytest.approx(expected)


def test_outputs_have_about_zero_mean_and_unit_variance():
    trials, _, _ = make_trials()
    found = outputs(trials, *fisher_read_in(trials))
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=0.2)
    np.testing.assert_allclose(found.std(axis=0), 1, atol=0.2)


def test_the_read_in_of_the_same_trials_is_computed_once():
    trials, _, _ = make_trials()
    first = fisher_read_in(trials)
    assert fisher_read_in(list(trials)) is first
    again = fisher_read_in([replace(trial) for trial in trials])
    assert again is not first and np.array_equal(again[0], first[0])


def test_silent_units_get_no_weight_and_do_no_harm():
    trials, _, _ = make_trials()
    for trial in trials:
        trial.counts[:, :3] = 0
    kernel, bias = fisher_read_in(trials)
    assert np.isfinite(kernel).all() and np.isfinite(bias).all()
    np.testing.assert_allclose(kernel[:3], 0, atol=1e-6)


def test_events_that_a_trial_lacks_are_left_out():
    (trials, _, _), (without_cue, _, _) = make_trials(), make_trials(events=('Hold', 'Rew'))
    kernel, _ = fisher_read_in([*trials, *without_cue])
    assert np.isfinite(kernel).all()


def test_one_object_only_still_gives_the_time_course():
    trials, _, _ = make_trials()
    kernel, _ = fisher_read_in([trial for trial in trials if trial.object_id == 20])
    assert kernel.shape[1] > 0 and np.isfinite(kernel).all()


def test_trials_without_events_are_refused_with_a_way_out():
    trials, _, _ = make_trials(events=())
    with pytest.raises(GraspDecoderError, match='use the model causal_gru'):
        fisher_read_in(trials)
