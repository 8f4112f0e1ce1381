# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Trial outcomes from hand-made traces: success, and each way to fail."""

import dataclasses

import numpy as np
import pytest

from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.control.outcome import TrialMarks, score_trials, summarize
from grasp_decoder.types.hand_command import HandCommand, HandMode
from grasp_decoder.types.hand_state import HandState

GRIPS = load_grip_table()
BIN_S = 0.04
TRIAL_S = 3.66


def ns(seconds):
    return round(seconds * 1e9)


def trial(number, object_id=44, length_s=TRIAL_S, cue=0.68, go=2.19, hold=2.74, rew=3.13):
    start = number * length_s
    times = (ns(start + t) for t in (0.0, cue, go, hold, rew, length_s))
    return TrialMarks(number, number, object_id, *times)


def in_a_row(*trials):
    """Trials of a run, each over with the Cue of the next."""
    following = [*(after.cue_ns for after in trials[1:]), np.inf]
    return [dataclasses.replace(marks, over_ns=over_ns) for marks, over_ns in zip(trials, following)]


TRIALS = in_a_row(trial(0), trial(1))


def trace(close=2.82, hold=3.0, release=4.2, grip='spherical', lifted=(3.1, 4.2), height=0.08, stop=7.32):
    """Commands and hand samples of one grasp at the given times in s; None: it did not happen."""
    commands, samples = [], []
    for t in np.arange(0.0, stop, BIN_S):
        state = HandMode.OPEN
        if close is not None and close <= t < release:
            state = HandMode.HOLD if hold is not None and t >= hold else HandMode.CLOSE
        commands.append(HandCommand(ns(t), 0, state, grip, 0.0, 'test'))
        for later in (0.0, 0.02):
            lift = height if lifted[0] <= t + later < lifted[1] else 0.0
            samples.append(HandState(ns(t), ns(100.0 + t + later), lift, contact=t < lifted[1]))
    return commands, samples


def outcome(**changes):
    return score_trials(TRIALS, *trace(**changes), GRIPS)[0]


def test_a_grasp_that_lifts_keeps_and_lets_go_is_a_success():
    result = outcome()
    assert result.success is True
    assert (result.failure, result.closed, result.right_grip, result.grip) == ('', True, True, 'spherical')
    assert result.time_to_grasp_s == pytest.approx(3.0 - 2.74)
    assert result.kept_s == pytest.approx(1.1, abs=0.05)


@pytest.mark.parametrize(
    'failure, changes',
    [
        ('closed before Go', {'close': 2.0, 'hold': 2.2, 'lifted': (2.3, 4.2)}),
        ('not closed in time', {'close': None}),
        ('not closed in time', {'hold': None}),
        ('not closed in time', {'close': 3.3, 'hold': 3.5, 'release': 4.3, 'lifted': (3.6, 4.2)}),
        ('not lifted', {'height': 0.049}),
        ('not lifted', {'lifted': (9.0, 9.0)}),
        ('not kept', {'lifted': (3.1, 4.0)}),
        ('not released', {'release': 4.5, 'lifted': (3.1, 4.5)}),
        ('not released', {'lifted': (3.1, 6.0)}),
    ],
)
def test_each_way_to_fail(failure, changes):
    result = outcome(**changes)
    assert result.success is False
    assert result.failure == failure


def test_an_object_that_slips_and_is_lifted_again_was_not_kept():
    commands, samples = trace()
    samples = [dataclasses.replace(s, lift=0.0) if ns(103.6) <= s.monotonic_ns < ns(103.66) else s for s in samples]
    assert score_trials(TRIALS, commands, samples, GRIPS)[0].failure == 'not kept'


def test_an_object_that_still_falls_at_the_next_cue_is_not_down():
    commands, samples = trace(release=4.3, lifted=(3.1, 4.5))
    samples = [dataclasses.replace(s, contact=s.contact and s.stamp_ns < ns(4.32)) for s in samples]
    assert score_trials(TRIALS, commands, samples, GRIPS)[0].failure == 'not released'


def test_a_trial_is_over_with_the_cue_of_the_next_although_nothing_is_to_be_grasped_in_that():
    catch_cue_ns = TRIALS[1].cue_ns
    commands, samples = trace(release=5.0, lifted=(3.1, 5.2))
    alone = dataclasses.replace(TRIALS[0], over_ns=catch_cue_ns)
    assert score_trials([alone], commands, samples, GRIPS)[0].failure == 'not released'


def test_a_catch_trial_is_all_rest_and_counts_for_nothing_else():
    end_ns = TRIALS[1].end_ns
    catch = dataclasses.replace(TRIALS[1], go_ns=end_ns, hold_ns=end_ns, rew_ns=end_ns, counts=False)
    commands, samples = trace()
    closed = [dataclasses.replace(each, stamp_ns=each.stamp_ns + ns(TRIAL_S)) for each in commands]
    commands = [each for each in commands if each.stamp_ns < ns(TRIAL_S)] + closed
    result = summarize(score_trials([TRIALS[0], catch], commands, samples, GRIPS))
    assert (result['trials'], result['closed_rate'], len(result['outcomes'])) == (1, 1.0, 1)
    rest_s = 2.19 + TRIAL_S - 3.43 + TRIAL_S
    assert result['false_closings_per_minute'] == pytest.approx(60 / rest_s)


def test_a_wrong_grip_may_hold_but_is_reported():
    result = outcome(grip='hook')
    assert (result.success, result.right_grip) == (True, False)


def test_a_grasp_that_is_never_let_go_does_not_count_for_the_next_trial():
    results = score_trials(
        in_a_row(*TRIALS, trial(2)), *trace(release=99.0, lifted=(3.1, 99.0), stop=3 * TRIAL_S), GRIPS
    )
    assert [r.failure for r in results] == ['not released', 'not closed in time', '']
    assert results[2].success is None


def test_a_closing_in_rest_is_false_whether_before_go_or_after_the_reward():
    assert outcome(close=1.0, hold=1.2, release=1.8).false_closings == 1
    late = outcome(close=3.5, hold=3.6, release=4.0)
    assert (late.false_closings, late.failure) == (1, 'not closed in time')
    assert outcome().false_closings == 0
    assert outcome().rest_s == pytest.approx(2.19 + TRIAL_S - 3.43)


def test_without_a_hand_there_is_no_success():
    commands, _ = trace()
    result = score_trials(TRIALS, commands, [], GRIPS)[0]
    assert (result.success, result.closed) == (None, True)


def test_trials_too_short_to_keep_an_object_report_only_whether_the_hand_closed():
    short = in_a_row(*(trial(i, object_id=3, length_s=0.7, cue=0.2, go=0.35, hold=0.4, rew=0.6) for i in range(3)))
    results = score_trials(short, *trace(close=0.48, hold=0.6, release=0.8, grip='power', lifted=(0.7, 0.8)), GRIPS)
    assert [r.success for r in results] == [None] * 3
    assert [r.closed for r in results] == [True, False, False]
    summary = summarize(results)
    assert summary['success_rate'] is None
    assert summary['closed_rate'] == pytest.approx(1 / 3)
    assert 'too short' in summary['note']


def test_the_time_that_counts_is_the_hand_s_which_a_replay_shortens_between_two_trials():
    far_apart = in_a_row(trial(0), dataclasses.replace(trial(1), start_ns=ns(20.0), cue_ns=ns(20.7), end_ns=ns(24.0)))
    commands, samples = trace(stop=3.66)
    samples += [HandState(ns(20.0 + t), ns(103.66 + t), 0.0, contact=False) for t in np.arange(0.0, 4.0, 0.02)]
    assert score_trials(far_apart, commands, samples, GRIPS)[0].failure == 'not kept'
    hurried = [dataclasses.replace(s, monotonic_ns=ns(100.0) + (s.monotonic_ns - ns(100.0)) // 2) for s in samples]
    result = score_trials(far_apart, commands, hurried, GRIPS)[0]
    assert (result.too_short, result.success, result.failure) == (True, None, '')


def test_the_summary_counts_over_trials_and_objects():
    trials = in_a_row(trial(0), trial(1, object_id=31), trial(2))
    summary = summarize(score_trials(trials, *trace(stop=3 * TRIAL_S), GRIPS))
    assert (summary['trials'], summary['trials_scored']) == (3, 2)
    assert summary['success_rate'] == 0.5
    assert summary['success_rate_right_grip'] == 1.0
    assert summary['right_grip_rate'] == pytest.approx(1 / 3)
    assert summary['closed_rate'] == pytest.approx(1 / 3)
    assert summary['failures'] == {'not closed in time': 1}
    assert summary['outcomes'][1] == {
        'trial': 1,
        'object_id': 31,
        'grip': '',
        'right_grip': False,
        'success': False,
        'failure': 'not closed in time',
    }
    assert summary['false_closings_per_minute'] == 0.0
    assert summary['objects']['44'] == {'trials': 2, 'success_rate': 1.0, 'right_grip_rate': 0.5, 'closed_rate': 0.5}
    assert summary['objects']['31']['success_rate'] == 0.0


def test_nothing_measured_is_none():
    summary = summarize([])
    assert summary['trials'] == 0
    assert summary['note'] == ''
    assert summary['success_rate'] is summary['false_closings_per_minute'] is None
