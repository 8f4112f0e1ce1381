# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The time of an experiment is shared evenly among the steps that are left, and bounds baselines as well."""

import math

import numpy as np
import pytest

from grasp_decoder.features.splits import split_trials
from grasp_decoder.features.trial_bins import bin_trials
from grasp_decoder.learning.evaluation import baseline_decodes
from grasp_decoder.learning.evaluation.baseline_decodes import (
    FAST_BASELINES,
    FIXED_WINDOW,
    LDA,
    decode_baselines,
)
from grasp_decoder.learning.experiment import time_budget
from grasp_decoder.learning.experiment.time_budget import TimeBudget
from grasp_decoder.recording.synthetic import synthesize


class Clock:
    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(time_budget, 'time', clock)
    return clock


def test_what_a_step_leaves_goes_to_the_others(clock):
    budget = TimeBudget(60, steps=3)
    assert budget.take_share() == 20
    clock.now += 10  # half of its share
    assert budget.take_share() == 25
    clock.now += 40  # more than its share
    assert budget.take_share() == 10
    clock.now += 20
    assert budget.take_share() == 0 and budget.seconds_left == -10


def test_without_a_limit_every_share_is_endless():
    assert TimeBudget(math.inf).take_share() == math.inf


def test_lda_of_many_units_is_left_out_where_it_would_not_be_ready(monkeypatch):
    split = split_trials(bin_trials(synthesize(units=24, trials=24, objects=2)[0]))
    monkeypatch.setattr(baseline_decodes, 'TIMED_UNITS', 8)
    clock = Clock()
    monkeypatch.setattr(baseline_decodes, 'time', clock)
    fitted = []

    def lda():
        model = lda_of_units()
        fit = model.fit

        def timed_fit(counts, labels):
            clock.now += (counts.shape[1] / 8) ** 3
            fitted.append(counts.shape[1])
            return fit(counts, labels)

        model.fit = timed_fit
        return model

    lda_of_units = baseline_decodes.shrinkage_lda
    monkeypatch.setattr(baseline_decodes, 'shrinkage_lda', lda)
    assert decode_baselines(split, 3, 30).keys() == set(FAST_BASELINES) - {FIXED_WINDOW}
    assert fitted == [8, 24, 8] and clock.now == 100 + 1 + 27 + 1
    fitted.clear()
    assert decode_baselines(split, 3, 20).keys() == set(FAST_BASELINES) - {LDA, FIXED_WINDOW}
    assert fitted == [8, 8]
    assert np.array_equal(
        decode_baselines(split, 3)[LDA].probability, decode_baselines(split, 3, 1000)[LDA].probability
    )
