# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Objects that training did not know: who is left out, and how the answers are counted."""

from benchmark.unknown import Answer, scores, without_objects
from grasp_decoder.features.splits import Split

from helpers.bundle_samples import CLASSES, make_trials


def test_no_trial_of_an_object_that_is_left_out_is_learnt_from():
    trials = make_trials(30)
    kept = without_objects(Split(trials[:10], trials[10:20], trials[20:], CLASSES), CLASSES[:2])
    assert kept.classes == CLASSES[2:]
    assert {trial.object_id for part in (kept.train, kept.validation, kept.test) for trial in part} == set(CLASSES[2:])


def test_answers_are_none_right_or_sure_and_wrong():
    answers = [
        Answer(known=False, right=False, posterior=0.95, certainty=0.94),
        Answer(known=False, right=False, posterior=0.8, certainty=0.6),
        Answer(known=False, right=True, posterior=0.8, certainty=0.6),
        Answer(known=False, right=False, posterior=0.3, certainty=0.1),
        Answer(known=True, right=True, posterior=0.99, certainty=0.98),
    ]
    found = scores(answers)
    assert found[0.5]['unknown'] == {'trials': 4, 'none': 0.25, 'none_or_right': 0.5, 'sure_and_wrong': 0.25}
    assert found[0.7]['unknown'] == {'trials': 4, 'none': 0.75, 'none_or_right': 0.75, 'sure_and_wrong': 0.25}
    assert found[0.9]['known'] == {'trials': 1, 'none': 0.0, 'none_or_right': 1.0, 'sure_and_wrong': 0.0}
