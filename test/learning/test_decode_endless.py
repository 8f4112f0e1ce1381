# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Trials decoded as one endless segment, however long the rest between them is and whichever of them it is."""

from dataclasses import replace

import numpy as np
import pytest

from grasp_decoder.bundle.bundle import load_bundle
from grasp_decoder.features.trial_bins import bin_trials
from grasp_decoder.learning.evaluation.decoded_trials import decode_endless, decode_trials
from grasp_decoder.recording.synthetic import synthesize
from grasp_decoder.system.demo_files import ready_bundle

LATER_NS = 61_000_000_000


@pytest.fixture(scope='module')
def session():
    """Six trials, a minute and more before the fourth."""
    made = synthesize(trials=6)[0]
    return replace(made, trials=(*made.trials[:3], *(trial.moved(LATER_NS) for trial in made.trials[3:])))


@pytest.mark.parametrize('chosen', ([0, 1, 2, 3, 4, 5], [1, 3, 5]))
def test_every_bin_of_every_trial_is_decoded_with_its_own_labels(session, chosen):
    bundle, trials = load_bundle(ready_bundle()), bin_trials(session)
    trials = [trials[index] for index in chosen]
    endless = decode_endless(bundle, session, trials, 'float')
    alone = decode_trials(bundle, session, trials, 'float')
    assert [each.trial.trial_id for each in endless] == chosen
    assert all(np.isfinite(each.objects).all() for each in endless)
    np.testing.assert_array_equal(endless[0].objects, alone[0].objects)  # it begins a segment in both
    assert [each.trial.object_id for each in endless] == [each.trial.object_id for each in alone]
    grasp = [np.mean(each.grasp == each.trial.phase) for each in endless]
    assert min(grasp) > 0.85  # labels and decodes lie on the same bins
