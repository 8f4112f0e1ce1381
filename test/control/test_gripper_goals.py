"""Which goals a gripper gets."""

from grasp_decoder.control.gripper_goals import GripperGoals

MS = 1_000_000


def test_one_goal_for_each_change_and_the_latest_wins():
    goals = GripperGoals(interval_s=0.1)
    goals.want(0.25)
    assert goals.next_goal(0) == 0.25
    assert goals.next_goal(200 * MS) is None, 'one goal at a time'
    goals.want(1.0)
    goals.want(0.5)
    assert goals.next_goal(200 * MS) is None
    goals.accepted()
    assert goals.next_goal(200 * MS) == 0.5
    goals.accepted()
    goals.want(0.51)
    assert goals.next_goal(900 * MS) is None, 'inside the dead band'


def test_goals_keep_their_distance_unless_urgent():
    goals = GripperGoals(interval_s=0.1)
    goals.want(1.0)
    goals.next_goal(0)
    goals.accepted()
    goals.want(0.5)
    assert goals.next_goal(50 * MS) is None
    assert goals.next_goal(100 * MS) == 0.5
    goals.accepted()
    goals.want(0.0, urgent=True)
    assert goals.next_goal(101 * MS) == 0.0


def test_a_refused_goal_is_sent_again_later_if_it_is_still_wanted():
    goals = GripperGoals(retry_s=0.5)
    goals.want(1.0)
    goals.next_goal(0)
    goals.refused(10 * MS)
    assert goals.next_goal(500 * MS) is None
    assert goals.next_goal(510 * MS) == 1.0
    goals.refused(520 * MS)
    goals.want(0.0)
    assert goals.next_goal(1020 * MS) == 0.0


def test_nothing_is_sent_before_something_is_wanted():
    assert GripperGoals().next_goal(0) is None
