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
from grasp_decoder.types.hand_command import HandCommand, HandMode
from grasp_decoder.types.hand_state import HandState
from grasp_decoder.types.time import NS_PER_MS
from grasp_decoder.types.trial_event import TrialEvent

BIN_MS, TRIAL_MS, OBJECT = 40, 3660, 44
EVENTS = {'Start': 0, 'Cue': 680, 'Go': 2190, 'Hold': 2740, 'Rew': 3130, 'End': 3619}
CLOSES_MS, HOLDS_MS, OPENS_MS = 2800, 2960, 4200


def run(trials, hand=True, closes=lambda trial: True, events=EVENTS):
    """A run in which the hand closes in some trials, and lifts what it holds."""
    outcomes = LiveOutcomes(load_grip_table())
    for now_ms in range(0, trials * TRIAL_MS, BIN_MS):
        trial, since_ms = divmod(now_ms, TRIAL_MS)
        for label, at_ms in events.items():
            if at_ms <= since_ms < at_ms + BIN_MS:
                stamp_ns = (trial * TRIAL_MS + at_ms) * NS_PER_MS
                outcomes.take_event(TrialEvent(stamp_ns, trial, trial, label, OBJECT))
        # It holds until shortly before the next trial's Cue.
        before, after_ms = divmod(now_ms - CLOSES_MS, TRIAL_MS)
        grasping = before >= 0 and closes(before) and after_ms < OPENS_MS - CLOSES_MS
        lifted = grasping and after_ms >= HOLDS_MS - CLOSES_MS
        state = HandMode.HOLD if lifted else HandMode.CLOSE if grasping else HandMode.OPEN
        now_ns = now_ms * NS_PER_MS
        if hand:
            outcomes.take_state(HandState(now_ns, now_ns, 0.08 if lifted else 0.0, contact=grasping))
        outcomes.take_command(HandCommand(now_ns, now_ns, state, 'spherical', 1.0, 'test'))
    return outcomes


def test_a_trial_is_judged_once_the_next_one_has_its_cue():
    outcomes = run(4, closes=lambda trial: trial != 1)
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
