# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What follows the end of a node."""

import pytest

from grasp_decoder.system.description import NodeDescription
from grasp_decoder.system.restarts import MOST, ONLOOKERS, WITHIN_S, After, Restarts, started_again

KILLED = -9


@pytest.mark.parametrize('name', ['spike_replayer', 'spike_source', 'decoder', 'hand_bridge', 'simulated_hand'])
def test_what_a_hand_needs_comes_back_after_a_crash_but_not_for_ever(name):
    restarts = Restarts()
    followed = [restarts.after(name, KILLED, now_s) for now_s in range(MOST + 1)]
    assert followed == [After.START_AGAIN] * MOST + [After.END]
    assert restarts.after(name, KILLED, WITHIN_S + MOST) == After.START_AGAIN
    assert restarts.after('decoder' if name != 'decoder' else 'hand_bridge', KILLED, MOST) == After.START_AGAIN


@pytest.mark.parametrize('name', ONLOOKERS)
def test_an_onlooker_ends_nothing_when_it_crashes(name):
    restarts = Restarts()
    assert {restarts.after(name, KILLED, now_s) for now_s in range(2 * MOST)} == {After.GO_ON}
    assert restarts.failure == ''


@pytest.mark.parametrize(
    'name, status', [('decoder', 2), ('hand_bridge', 0), ('recorder', 2), ('run_monitor', 1), ('run_monitor', KILLED)]
)
def test_bad_input_a_node_that_gives_up_and_a_lost_monitor_end_the_run_and_are_remembered(name, status):
    restarts = Restarts()
    assert restarts.after(name, status, 0.0) == After.END
    assert restarts.failure == f'{name} has ended with status {status}'


def test_a_run_ends_with_its_monitor_and_not_with_its_replayer():
    assert Restarts().after('spike_replayer', 0, 0.0) == After.GO_ON
    restarts = Restarts()
    assert restarts.after('run_monitor', 0, 0.0) == After.END and restarts.failure == ''


def test_a_replayer_that_comes_back_begins_by_itself():
    description = NodeDescription('spike_replayer', ('a.yaml',), {'session': 's', 'start_paused': True})
    assert started_again(description).parameters == {'session': 's'}
