# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Read-ins for another day: today's units, in other numbers and order, speak that day's language."""

import math
from dataclasses import replace

import numpy as np
import pytest

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.read_in import ReadIn
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.learning.models.alignment import align, course_of, recognised
from grasp_decoder.learning.models.earlier_sessions import common_read_ins
from grasp_decoder.learning.models.fisher_read_in import fisher_read_in
from grasp_decoder.learning.models.gru_graph import StepWeights
from grasp_decoder.learning.models.training import FitProblem
from grasp_decoder.learning.models.transfer import read_in_for, start_for_others
from grasp_decoder.recording.session import Unit

CLASSES = (21, 22, 31)
K = 3
UNITS = 20
SHUFFLED = np.random.default_rng(4).permutation(UNITS)[:13]
THAT_DAY = [Unit(index, index // 4) for index in range(UNITS)]
TODAY = [Unit(index, int(unit) // 4) for index, unit in enumerate(SHUFFLED)]


def trials_of(count, seed, units=None):
    """Trials in which three latents, one per object, drive every unit by its own mixture."""
    rng = np.random.default_rng(seed)
    mixture = np.random.default_rng(7).gamma(1.0, 3.0, (K, UNITS))
    mixture = mixture if units is None else mixture[:, units]
    made = []
    for index in range(count):
        label = index % K
        rates = np.full((24, mixture.shape[1]), 1.0)
        rates[8:20] = mixture[label]
        made.append(
            TrialBins(
                index,
                CLASSES[label],
                CLASSES[label],
                40_000_000,
                0,
                rng.poisson(rates).astype(np.uint16),
                np.repeat([0, 1, 0], 8).astype(np.uint8),
                np.zeros(24, np.float32),
                {'Cue': 4, 'Hold': 8, 'Rew': 20},
            )
        )
    return made


def problem_of(trials):
    return FitProblem('object', trials[:-6], trials[-6:], CLASSES, 3, 0, lambda *_: None, math.inf)


@pytest.fixture(scope='module')
def start():
    rng = np.random.default_rng(1)
    return start_for_others(
        problem_of(trials_of(60, 2)),
        ReadIn(rng.normal(0, 0.1, (UNITS, 4)).astype(np.float32), np.zeros(4, np.float32)),
        StepWeights(
            4,
            [np.zeros((8, 6)), np.zeros((2, 6)), np.zeros((2, 6))],
            [np.arange(6.0).reshape(2, 3), np.arange(3.0)],
        ),
    )


def correlations(start, read_in, trials):
    """Of each latent in the hold phases of trials with that of the earlier day."""
    seen = np.array([np.sqrt(trial.counts[8:20]).mean(axis=0) @ read_in.kernel + read_in.bias for trial in trials])
    wanted = np.array([start['latents'][CLASSES.index(trial.object_id), 4:12].mean(axis=0) for trial in trials])
    return [np.corrcoef(each, target)[0, 1] for each, target in zip(seen.T, wanted.T)]


@pytest.mark.parametrize('per_object, least', [(1, 0.8), (8, 0.9)])
def test_labelled_trials_give_the_latents_of_that_day(start, per_object, least):
    found = align(start, trials_of(3 * per_object, 3, SHUFFLED))
    assert found.read_in.kernel.shape == (13, 4) and found.read_in.kernel.dtype == np.float32
    assert (found.match == -1).all()
    assert min(correlations(start, found.read_in, trials_of(12, 5, SHUFFLED))) > least


def test_units_are_found_again_on_their_electrodes_without_any_label(start):
    today = trials_of(30, 3, SHUFFLED)
    found = align(start, (), today, units=TODAY, earlier_units=THAT_DAY)
    assert np.mean(found.match == SHUFFLED) > 0.8
    assert min(correlations(start, found.read_in, trials_of(12, 5, SHUFFLED))) > 0.9


def test_trials_without_labels_help_those_with_labels(start):
    labelled, others, test = trials_of(2, 3, SHUFFLED), trials_of(30, 8, SHUFFLED), trials_of(12, 5, SHUFFLED)
    alone, together = (align(start, labelled, more).read_in for more in ((), others))
    assert np.mean(correlations(start, together, test)) > np.mean(correlations(start, alone, test)) + 0.2


def test_two_sessions_get_read_ins_into_the_same_latents():
    sessions = trials_of(60, 2), trials_of(30, 3, SHUFFLED)
    read_ins = common_read_ins(sessions)
    assert [each.unit_count for each in read_ins] == [UNITS, 13]
    np.testing.assert_array_equal(read_ins[0].kernel, fisher_read_in(sessions[0])[0])
    course = course_of(sessions[0], read_ins[0])
    assert min(correlations(course, read_ins[1], trials_of(12, 5, SHUFFLED))) > 0.9


def test_objects_are_recognised_by_the_course_of_another_day(start):
    today = trials_of(30, 3, SHUFFLED)
    assert recognised(start, today) > 0.9
    order = np.random.default_rng(0).permutation(len(today))
    mixed_up = [replace(trial, object_id=today[index].object_id) for trial, index in zip(today, order)]
    assert recognised(start, mixed_up) < 0.6


def test_units_without_electrodes_are_not_matched(start):
    nowhere = [Unit(index) for index in range(13)]
    found = align(start, trials_of(9, 3, SHUFFLED), units=nowhere, earlier_units=THAT_DAY)
    assert (found.match == -1).all()


def test_without_labels_and_electrodes_the_same_trials_give_the_same_read_in(start):
    today = trials_of(30, 3, SHUFFLED)
    first, again = (align(start, (), today).read_in for _ in range(2))
    np.testing.assert_array_equal(first.kernel, again.kernel)
    assert np.isfinite(first.kernel).all() and first.kernel.any()


def test_a_silent_unit_says_nothing(start):
    today = trials_of(30, 3)
    for trial in today:
        trial.counts[:, 5] = 0
    kernel = align(start, today).read_in.kernel
    assert np.abs(kernel[5]).max() < 1e-6 < np.abs(kernel).max()


def test_trials_that_do_not_fit_are_refused(start):
    today = trials_of(12, 3)
    with pytest.raises(GraspDecoderError, match='no trial is of an object'):
        align({**start, 'objects': start['objects'] + 100}, today)
    for trial in today:
        del trial.event_bins['Cue']
    with pytest.raises(GraspDecoderError, match='the event Cue, which this session lacks'):
        align(start, today)


def test_training_does_not_go_on_from_a_network_without_a_trace(start):
    with pytest.raises(GraspDecoderError, match='no trace'):
        read_in_for(problem_of(trials_of(12, 3)), {**start, 'gru_0': start['gru_0'][:4]})
