# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Which trials are replayed or evaluated."""

from dataclasses import replace

import pytest

from grasp_decoder.bundle.manifest import SourceSession
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording.synthetic import synthesize
from grasp_decoder.system.selection import select_trials

from helpers.bundle_samples import make_manifest

SHA256 = 'ab' * 32


@pytest.fixture(scope='module')
def session():
    made = synthesize(units=4, trials=6, objects=2)[0]
    trials = (replace(made.trials[0], correct=False), *made.trials[1:])
    return replace(made, source_sha256=SHA256, trials=trials)


def ids(trials):
    return [trial.id for trial in trials]


def holding_out(*test):
    return make_manifest(sessions=(SourceSession('made', SHA256, (1, 3), (5,), test),))


def test_all_trials_or_those_that_were_held_out(session):
    assert ids(select_trials(session, None)) == [0, 1, 2, 3, 4, 5]
    assert ids(select_trials(session, holding_out(4, 2), 'test')) == [2, 4]
    assert ids(select_trials(session, holding_out(4, 2), 'test', count=1)) == [2]
    assert ids(select_trials(session, None, only_correct=True)) == [1, 2, 3, 4, 5]


def test_of_another_session_all_trials_are_test_trials(session):
    other = replace(session, source_sha256='cd' * 32)
    assert ids(select_trials(other, holding_out(4, 2), 'test')) == [0, 1, 2, 3, 4, 5]


def test_what_cannot_be_selected_is_said(session):
    with pytest.raises(GraspDecoderError, match='held out no trial of session .* use --split all'):
        select_trials(session, holding_out(), 'test')
    with pytest.raises(GraspDecoderError, match='give the one that decodes'):
        select_trials(session, None, 'test')
    with pytest.raises(GraspDecoderError, match='no trial is left'):
        select_trials(session, holding_out(0), 'test', only_correct=True)
