# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""How trials ended, told while the run goes on."""

import pytest

from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.page.live_outcomes import LiveOutcomes
from grasp_decoder.types.hand_command import HandCommand
from grasp_decoder.types.hand_state import HandState
from grasp_decoder.types.trial_event import TrialEvent

from helpers.told_trials import EVENTS, told


def run(trials, **options):
    outcomes = LiveOutcomes(load_grip_table())
    take = {TrialEvent: outcomes.take_event, HandState: outcomes.take_state, HandCommand: outcomes.take_command}
    for _, thing in told(trials, **options):
        take[type(thing)](thing)
    return outcomes


@pytest.mark.parametrize('live', [False, True])
def test_a_trial_is_judged_once_the_next_one_has_its_cue(live):
    outcomes = run(4, closes=lambda trial: trial != 1, live=live)
    assert [each.trial for each in outcomes.outcomes] == [0, 1, 2]
    assert [each.success for each in outcomes.outcomes] == [True, False, True]
    assert (outcomes.good, outcomes.scored) == (2, 3)
    assert outcomes.outcomes[1].failure == 'not closed in time'
    assert outcomes.outcomes[0].kept_s > 1.0


def test_without_a_hand_a_trial_is_good_when_the_hand_was_told_to_close_in_time():
    outcomes = run(3, hand=False)
    assert [each.success for each in outcomes.outcomes] == [None, None]
    assert (outcomes.good, outcomes.scored) == (2, 2)


@pytest.mark.parametrize('missing', ['Hold', 'Rew'])
def test_a_trial_without_its_events_is_not_judged(missing):
    assert not run(3, events={name: at_s for name, at_s in EVENTS.items() if name != missing}).outcomes
