# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Scores of decoded trials with known answers."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.learning.evaluation.decoded_trials import DecodedTrial
from grasp_decoder.learning.evaluation.dof_metrics import dof_summary
from grasp_decoder.learning.evaluation.intervals import mean_interval
from grasp_decoder.learning.evaluation.object_decodes import hold_windows
from grasp_decoder.learning.evaluation.object_metrics import (
    accuracy_over_time,
    calibration,
    confusion,
    decision_times,
    object_summary,
    per_object,
    shape_and_size,
)
from grasp_decoder.learning.evaluation.phase_metrics import DEBOUNCE_BINS, debounce, phase_summary
from grasp_decoder.objects import GraspObject, ObjectCatalogue, load_objects

CLASSES = (15, 21, 22, 31)


def decoded_trial(trial_id=0, object_id=21, answers=(), grasp=None, n_bins=12, hold=4, rew=8):
    """A trial whose decoder answers the given classes in its hold phase, and 15 elsewhere."""
    index = np.arange(n_bins)
    phase = ((index >= hold) & (index < rew)).astype(np.uint8)
    objects = np.full((n_bins, len(CLASSES)), 0.1, np.float32)
    said = np.full(n_bins, CLASSES[0])
    said[hold : hold + len(answers)] = answers
    objects[index, [CLASSES.index(each) for each in said]] = 0.7
    trial = TrialBins(
        trial_id=trial_id,
        object_id=object_id,
        recorded_object_id=object_id,
        bin_ns=40_000_000,
        start_ns=0,
        counts=np.zeros((n_bins, 1), np.uint16),
        phase=phase,
        dof=phase.astype(np.float32),
        event_bins={'Cue': 1, 'Go': 2, 'Hold': hold, 'Rew': rew, 'End': n_bins - 1},
    )
    return DecodedTrial(
        trial, phase.astype(bool) if grasp is None else np.array(grasp, bool), objects, trial.dof[:, None].copy()
    )


def windows_of(*decoded, look_back=2):
    return hold_windows(decoded, CLASSES, look_back)


def test_object_scores():
    repeat = windows_of(decoded_trial(0, 21, (21, 21, 22, 31)), decoded_trial(1, 31, (31, 31, 31, 31)))
    scores = object_summary([repeat])
    assert scores['accuracy'] == pytest.approx(6 / 8) and scores['n_windows'] == 8 and scores['n_trials'] == 2
    assert scores['relaxed_accuracy'] == pytest.approx(7 / 8)  # 22 is next to 21 in ascending id, 31 is not
    assert scores['trial_accuracy'] == 1
    assert scores['ci95'] == [pytest.approx(0.5), pytest.approx(1.0)]
    assert confusion(repeat).tolist() == [[0, 0, 0, 0], [0, 2, 1, 1], [0, 0, 0, 0], [0, 0, 0, 4]]
    assert [row['accuracy'] for row in per_object(repeat)] == [0.5, 1.0]


def test_repeats_are_averaged():
    first, second = windows_of(decoded_trial(0, 21, (21,) * 4)), windows_of(decoded_trial(1, 21, (31,) * 4))
    scores = object_summary([first, second])
    assert scores['accuracy'] == 0.5 and scores['accuracy_of_repeats'] == [1.0, 0.0] and scores['n_windows'] == 8


def test_shape_and_size_are_scored_apart_and_15_is_its_own_shape():
    windows = windows_of(decoded_trial(0, 21, (21, 22, 31, 15)), decoded_trial(1, 15, (15, 15, 15, 31)))
    scores = shape_and_size(windows, load_objects())
    assert scores['shape_15_accuracy'] == 0.75
    assert scores['shape_accuracy'] == 0.5 and scores['size_accuracy'] == 0.5 and scores['product'] == 0.25


def test_shape_and_size_are_the_catalogues():
    windows = windows_of(decoded_trial(0, 21, (21, 22, 31, 15)), decoded_trial(1, 15, (15, 15, 15, 31)))
    cups = [GraspObject(21, 'small cup', 'cup', 0.02), GraspObject(31, 'large cup', 'cup', 0.04)]
    scores = shape_and_size(windows, ObjectCatalogue((*cups, GraspObject(15, 'key'))))
    assert scores['shape_accuracy'] == 0.5 and scores['size_accuracy'] == 0.25 and scores['product'] == 0.125
    assert scores.keys() == {'shape_accuracy', 'shape_ci95', 'size_accuracy', 'size_ci95', 'product'}
    assert shape_and_size(windows, ObjectCatalogue((GraspObject(21, 'cup', 'cup', 0.02), GraspObject(15, 'key')))) == {}


def test_calibration_error_is_confidence_minus_accuracy():
    scores = calibration(windows_of(decoded_trial(0, 21, (21, 21, 21, 31))))
    assert scores['error'] == pytest.approx(0.05, abs=1e-6)  # 0.7 sure, 0.75 right
    assert [point['windows'] for point in scores['curve']] == [4]


def test_accuracy_over_time_and_decision_times():
    trial = decoded_trial(0, 21, (22, 21, 21, 21))
    course = accuracy_over_time([trial], CLASSES)
    at = dict(zip(course['bin'], course['accuracy']))
    assert (at[-1], at[0], at[1], at[4]) == (0, 0, 1, 0) and course['events']['Rew'] == 4
    objects = trial.objects.copy()
    objects[2:6] = [0.4, 0.3, 0.2, 0.1]  # not sure until the third bin of hold
    rows = decision_times([replace(trial, objects=objects)], CLASSES)
    assert rows[0] == {'confidence': 0.5, 'decided': 1.0, 'accuracy': 1.0, 'median_s_after_hold': pytest.approx(0.12)}
    assert rows[-1] == {'confidence': 0.95, 'decided': 0.0, 'accuracy': None, 'median_s_after_hold': None}


def test_phase_scores_count_every_window():
    early = [0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0]  # one bin early
    scores = phase_summary([[decoded_trial(0, grasp=early), decoded_trial(1)]], look_back=2)
    assert scores['confusion'] == [[13, 1], [0, 8]] and scores['n_windows'] == 22
    assert scores['accuracy'] == pytest.approx(21 / 22) and scores['f1'] == pytest.approx(16 / 17)
    assert scores['onset_error_bins'] == 1.5 and scores['offset_error_bins'] == 2  # two bins pass until it is known
    assert scores['missed_grasps'] == 0 and scores['false_onsets_per_minute'] == 0


def test_false_onsets_are_debounced_and_missed_grasps_counted():
    blip = [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    false = [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1]
    scores = phase_summary([[decoded_trial(0, grasp=blip), decoded_trial(1, grasp=false)]], look_back=1)
    rest_minutes = 2 * 8 * 0.04 / 60
    assert scores['missed_grasps'] == 1 and scores['onset_error_bins'] is None
    assert scores['false_onsets_per_minute'] == pytest.approx(1 / rest_minutes)


@given(st.lists(st.booleans(), max_size=40))
def test_debounced_decisions_hold_for_three_bins(grasp):
    steady = debounce(np.array(grasp, bool))
    changes = np.flatnonzero(np.diff(np.concatenate([[False], steady])))
    assert (np.diff(changes) >= DEBOUNCE_BINS).all()
    for n_bins in range(len(grasp)):  # no later decision changes an earlier bin
        assert steady[:n_bins].tolist() == debounce(np.array(grasp[:n_bins], bool)).tolist()


def test_a_debounced_change_is_dated_when_it_is_known():
    assert debounce(np.array([0, 1, 0, 1, 1, 1, 1, 0, 0, 0], bool)).astype(int).tolist() == [0] * 5 + [1] * 4 + [0]


def test_r2_of_the_degree_of_freedom():
    exact = decoded_trial(0)
    mean = exact.trial.dof[1:].mean()
    assert dof_summary([[exact]], look_back=2)['r2'] == pytest.approx(1)
    constant = replace(exact, dof=np.full((12, 1), mean))
    assert dof_summary([[constant]], look_back=2)['r2'] == pytest.approx(0, abs=1e-6)


def test_intervals_resample_trials_not_windows():
    correct = np.repeat([True, False] * 10, 50)
    low, high = mean_interval(correct, np.repeat(np.arange(20), 50))
    assert low < 0.32 and high > 0.68  # 20 trials, not 1000 windows
    assert mean_interval(correct, np.repeat(np.arange(20), 50)) == [low, high]
