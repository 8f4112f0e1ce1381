"""What follows the end of a node."""

import pytest

from grasp_decoder.system.description import NodeDescription
from grasp_decoder.system.restarts import MOST, WITHIN_S, After, Restarts, started_again

KILLED = -9


@pytest.mark.parametrize('name', ['spike_replayer', 'decoder', 'hand_bridge', 'simulated_hand'])
def test_what_a_hand_needs_comes_back_after_a_crash_but_not_for_ever(name):
    restarts = Restarts()
    followed = [restarts.after(name, KILLED, now_s) for now_s in range(MOST + 1)]
    assert followed == [After.START_AGAIN] * MOST + [After.END]
    assert restarts.after(name, KILLED, WITHIN_S + MOST) == After.START_AGAIN
    assert restarts.after('decoder' if name != 'decoder' else 'hand_bridge', KILLED, MOST) == After.START_AGAIN


@pytest.mark.parametrize('name', ['recorder', 'run_monitor'])
def test_those_who_only_listen_end_nothing_when_they_crash(name):
    restarts = Restarts()
    assert {restarts.after(name, KILLED, now_s) for now_s in range(2 * MOST)} == {After.GO_ON}


def test_bad_input_is_not_tried_again():
    assert Restarts().after('decoder', 2, 0.0) == After.END


def test_a_run_ends_with_its_monitor_and_not_with_its_replayer():
    assert Restarts().after('spike_replayer', 0, 0.0) == After.GO_ON
    assert Restarts().after('run_monitor', 0, 0.0) == After.END


def test_a_replayer_that_comes_back_begins_by_itself():
    description = NodeDescription('spike_replayer', ('a.yaml',), {'session': 's', 'start_paused': True})
    assert started_again(description).parameters == {'session': 's'}
