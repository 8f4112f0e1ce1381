# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The table of perturbations: the worst draw of each bundle, and what is lost against trials as recorded."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.few_trials import few_of_each
from benchmark.perturb import MEASURES, pieces, summary
from grasp_decoder.features.splits import Split, split_trials
from grasp_decoder.features.trial_bins import bin_trials
from grasp_decoder.recording.synthetic import synthesize
from grasp_decoder.types.time import NS_PER_S

SESSION = synthesize(units=9, trials=40, objects=2)[0]
TRIALS = bin_trials(SESSION)


def run(bundle, row, draw, right):
    return dict.fromkeys(MEASURES, 0.0) | {
        'bundle': bundle,
        'row': row,
        'draw': draw,
        'object_accuracy': right / 10,
        'hold_bins': {'3': [right, 10]},
    }


def test_rows_are_means_over_bundles_of_the_worst_draw():
    runs = [run(bundle, 'natural', 0, 10) for bundle in 'ab']
    runs += [
        run('a', 'dead_20', 0, 9),
        run('a', 'dead_20', 1, 7),
        run('b', 'dead_20', 0, 8),
        run('b', 'dead_20', 1, 10),
    ]
    row = summary(runs)['rows']['dead_20']
    assert row['object_accuracy'] == pytest.approx((0.7 + 0.8) / 2)
    assert row['lost'] == pytest.approx((0.1 + 0.3 + 0.2 + 0.0) / 4)
    assert row['worst_lost'] == pytest.approx(0.3)


@given(st.sampled_from(SESSION.trials))
def test_who_starts_late_may_close_once_the_go_has_come(trial):
    late = {name: perturbation for name, _, perturbation in pieces(9, 0, False)}['late_2s'](trial, 9, None)
    if late is None:
        assert trial.events['Hold'] <= trial.start_ns + 2 * NS_PER_S
    else:
        assert late.start_ns == trial.start_ns + 2 * NS_PER_S
        assert late.events['Go'] == max(trial.events['Go'], late.start_ns)
        assert (late.times_ns >= late.start_ns).all()


@given(st.integers(2, 12), st.integers(0, 4))
def test_of_few_trials_a_fifth_is_for_validation(per_object, state):
    split = split_trials(TRIALS, state)
    few = few_of_each(split, per_object, state)
    assert isinstance(few, Split) and few.test == split.test
    ids = [trial.trial_id for trial in few.train + few.validation]
    assert len(set(ids)) == len(ids) <= 2 * per_object
    assert set(ids) <= {trial.trial_id for trial in split.train + split.validation}
    assert np.floor(len(ids) / 5) == len(few.validation)
