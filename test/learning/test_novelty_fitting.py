# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""A NoveltyModel knows the objects that it was fitted to, and takes most others for new."""

import numpy as np
import pytest

from grasp_decoder.features.novelty import LatentAverages, NoveltyModel, distances
from grasp_decoder.features.read_in import ReadIn
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.learning.models.fisher_read_in import fisher_read_in
from grasp_decoder.learning.models.novelty_fitting import adapt_novelty_model, fit_novelty_model

UNITS, OBJECTS, HOLD = 60, 8, 24


def make_trials(per_object, seed):
    """Trials of 36 bins; from bin 8 on every unit has a rate of its own for every object."""
    tuning = np.random.default_rng(0).gamma(4, 0.25, (OBJECTS, UNITS))
    rng, trials = np.random.default_rng(seed), []
    for index in range(per_object * OBJECTS):
        rates = np.ones((36, UNITS))
        rates[8:] = tuning[index % OBJECTS]
        phase = np.zeros(36, np.uint8)
        phase[HOLD:33] = 1
        trials.append(
            TrialBins(
                index,
                index % OBJECTS,
                index % OBJECTS,
                40_000_000,
                0,
                rng.poisson(rates).astype(np.uint16),
                phase,
                phase.astype(np.float32),
                {'Cue': 8, 'Go': 18, 'Hold': HOLD, 'Rew': 33},
            )
        )
    return trials


def novelty(model, read_in, trial):
    averages = LatentAverages(read_in.width)
    answers = [model.probability(averages.step(read_in(np.sqrt(row, dtype=np.float32)))) for row in trial.counts]
    return answers[HOLD + 3]


def test_a_new_object_is_told_from_those_of_training():
    new = (2, 5)
    train, validation = ([each for each in make_trials(10, seed) if each.object_id not in new] for seed in (1, 2))
    read_in = ReadIn(*fisher_read_in(train))
    model = fit_novelty_model(read_in, train, validation)
    found = [(each.object_id in new, novelty(model, read_in, each) > 0.5) for each in make_trials(10, 3)]
    assert np.mean([told for is_new, told in found if is_new]) > 0.9
    assert np.mean([told for is_new, told in found if not is_new]) < 0.05


def test_few_trials_or_objects_give_no_model():
    trials = make_trials(10, 1)
    read_in = ReadIn(*fisher_read_in(trials))
    assert fit_novelty_model(read_in, trials[: OBJECTS + 5], trials) is None
    assert fit_novelty_model(read_in, trials, trials[:5]) is None
    two = [each for each in trials if each.object_id < 2]
    assert fit_novelty_model(read_in, two, two) is None


@pytest.mark.parametrize('per_object', [2, 30])
def test_on_another_day_objects_lie_elsewhere_and_vary_more(per_object):
    rng = np.random.default_rng(0)
    then = np.array([[0, 0], [9, 0], [0, 9]], np.float32)
    today = then + np.array([[2, 0], [0, -2], [-2, 0]])
    earlier = NoveltyModel(np.eye(2, dtype=np.float32), then, np.log(3), 3.0)
    label = np.repeat(np.arange(3), per_object)
    model = adapt_novelty_model(earlier, today[label] + rng.normal(0, 1.3, (len(label), 2)), label)
    known = today[np.repeat(np.arange(3), 500)] + rng.normal(0, 1.3, (1500, 2))

    def refused(novelty):
        return (np.log(distances(known, novelty.centres).min(axis=1)) > novelty.limit).mean()

    assert refused(model) < refused(earlier) / 2
    assert np.abs(model.centres - today).mean() < np.abs(then - today).mean() / 1.5
    unknown = adapt_novelty_model(earlier, known, np.full(len(known), -1))
    assert np.array_equal(unknown.centres, then) and refused(unknown) < refused(earlier)
