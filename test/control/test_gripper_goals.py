# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Which goals a gripper gets, from servers that answer, refuse, abort, hang, die and come back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grasp_decoder.control.gripper_goals import (
    ANSWER_NS,
    DEAD_BAND,
    INTERVAL_NS,
    MOST_FAILURES,
    RETRY_NS,
    SLOW_RETRY_NS,
    GripperGoals,
)

MS = 1_000_000


def next_aperture(goals, now_ns):
    goal = goals.next_goal(now_ns)
    return None if goal is None else goal.aperture


def send(goals, now_ns):
    goal = goals.next_goal(now_ns)
    assert goal is not None
    return goal


def test_one_goal_for_each_change_and_the_latest_wins():
    goals = GripperGoals()
    goals.want(0.25)
    goal = send(goals, 0)
    assert goal.aperture == 0.25
    assert goals.next_goal(200 * MS) is None, 'one goal at a time'
    goals.want(1.0)
    goals.want(0.5)
    assert goals.next_goal(200 * MS) is None
    assert goals.accepted(goal)
    goal = send(goals, 200 * MS)
    assert goal.aperture == 0.5
    assert goals.accepted(goal)
    goals.want(0.5 + DEAD_BAND / 2)
    assert goals.next_goal(900 * MS) is None, 'inside the dead band'


def test_goals_keep_their_distance_unless_urgent():
    goals = GripperGoals()
    goals.want(1.0)
    goals.accepted(send(goals, 0))
    goals.want(0.5)
    assert goals.next_goal(INTERVAL_NS // 2) is None
    goals.accepted(send(goals, INTERVAL_NS))
    goals.want(0.0, urgent=True)
    assert next_aperture(goals, INTERVAL_NS + 1) == 0.0


def test_safe_overtakes_a_goal_that_is_not_answered_and_cancels_it_when_it_is():
    goals = GripperGoals()
    goals.want(1.0)
    closing = send(goals, 0)
    goals.want(0.0, urgent=True)
    opening = send(goals, MS)
    assert opening.aperture == 0.0
    assert not goals.accepted(closing), 'overtaken: to be cancelled'
    assert goals.accepted(opening)
    assert goals.next_goal(2 * MS) is None


def test_a_refused_goal_is_sent_again_later_if_it_is_still_wanted():
    goals = GripperGoals()
    goals.want(1.0)
    goals.refused(send(goals, 0), 10 * MS)
    assert goals.next_goal(9 * MS + RETRY_NS) is None
    goals.refused(send(goals, 10 * MS + RETRY_NS), 20 * MS + RETRY_NS)
    goals.want(0.0)
    assert next_aperture(goals, 20 * MS + 2 * RETRY_NS) == 0.0


def test_a_goal_without_an_answer_is_sent_again():
    goals = GripperGoals()
    goals.want(0.0, urgent=True)
    send(goals, 0)
    assert goals.next_goal(ANSWER_NS) is None
    assert next_aperture(goals, ANSWER_NS + 1) == 0.0


def test_an_aborted_safe_is_tried_again_and_an_aborted_grasp_is_not():
    goals = GripperGoals()
    goals.want(1.0)
    closing = send(goals, 0)
    goals.accepted(closing)
    goals.ended(closing, aborted=True, now_ns=100 * MS)
    assert goals.next_goal(10 * RETRY_NS) is None, 'it has met the object'
    goals.want(0.0, urgent=True)
    opening = send(goals, 10 * RETRY_NS)
    goals.accepted(opening)
    goals.ended(opening, aborted=True, now_ns=11 * RETRY_NS)
    assert next_aperture(goals, 12 * RETRY_NS) == 0.0


def test_a_server_that_returns_is_told_what_is_wanted():
    goals = GripperGoals()
    goals.want(0.0, urgent=True)
    goals.accepted(send(goals, 0))
    assert goals.next_goal(100 * RETRY_NS) is None
    goals.server_left()
    assert next_aperture(goals, 100 * RETRY_NS) == 0.0


def test_a_gripper_that_keeps_failing_is_reported_and_asked_less_often():
    goals = GripperGoals()
    goals.want(1.0)
    now_ns = 0
    for _ in range(MOST_FAILURES):
        assert goals.problem == ''
        goals.refused(send(goals, now_ns), now_ns)
        now_ns += RETRY_NS
    assert 'refused' in goals.problem
    assert goals.next_goal(now_ns) is None
    goal = send(goals, now_ns + SLOW_RETRY_NS)
    goals.accepted(goal)
    goals.ended(goal, aborted=False, now_ns=now_ns)
    assert goals.problem == ''


def test_a_gripper_that_is_to_stand_still_gets_no_goal():
    goals = GripperGoals()
    goals.want(1.0)
    goals.accepted(send(goals, 0))
    goals.stand_still()
    assert goals.next_goal(RETRY_NS) is None
    goals.want(1.0)
    assert next_aperture(goals, 2 * RETRY_NS) == 1.0


def test_nothing_is_sent_before_something_is_wanted():
    assert GripperGoals().next_goal(0) is None


@pytest.mark.parametrize('urgent', [True, False])
def test_an_aborted_goal_to_open_does_not_stand_for_safe(urgent):
    goals = GripperGoals()
    goals.want(0.0, urgent=urgent)
    goal = send(goals, 0)
    goals.accepted(goal)
    goals.want(0.5)
    goals.ended(goal, aborted=True, now_ns=MS)
    goals.want(0.0, urgent=True)
    assert next_aperture(goals, 2 * MS) == 0.0


@given(st.lists(st.sampled_from(['accept', 'refuse', 'abort', 'hang', 'leave', 'close', 'safe']), max_size=60))
def test_whatever_the_server_did_safe_reaches_it_once_it_answers(events):
    goals, now_ns, waiting = GripperGoals(), 0, []
    has = None  # the aperture that the gripper has taken last

    def pass_time():
        nonlocal now_ns
        now_ns += 50 * MS
        goal = goals.next_goal(now_ns)
        if goal is not None:
            waiting.append(goal)

    for event in events:
        pass_time()
        if event in ('close', 'safe'):
            goals.want(float(event == 'close'), urgent=event == 'safe')
        elif event == 'leave':
            goals.server_left()
            waiting.clear()
            has = None
        elif waiting and event != 'hang':
            goal = waiting.pop(0)
            if event == 'refuse':
                goals.refused(goal, now_ns)
            elif goals.accepted(goal):
                has = goal.aperture
                if event == 'abort':
                    goals.ended(goal, aborted=True, now_ns=now_ns)
                    has = None

    goals.want(0.0, urgent=True)
    for _ in range((ANSWER_NS + SLOW_RETRY_NS) // (50 * MS) + 2):
        pass_time()
        while waiting:
            goal = waiting.pop(0)
            if goals.accepted(goal):
                has = goal.aperture
                goals.ended(goal, aborted=False, now_ns=now_ns)
    assert has == 0.0
