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

from grasp_decoder.features.novelty import LatentAverages
from grasp_decoder.features.read_in import ReadIn
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.learning.models.fisher_read_in import fisher_read_in
from grasp_decoder.learning.models.novelty_fitting import fit_novelty_model

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
