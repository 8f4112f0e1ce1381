# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""HandWatch: a hand that is silent or does not open is a fault, one that has met an object is not."""

import numpy as np
import pytest

from grasp_decoder.control.fault_policies import FaultKind
from grasp_decoder.control.grasp_state_machine import UNSEEN, Seen
from grasp_decoder.control.hand_watch import FeedbackSettings, HandWatch

MS = 1_000_000
JOINTS = ('thumb', 'index')
SETTINGS = FeedbackSettings(feedback=True)


def say(watch, positions, now_ms):
    watch.take(list(JOINTS), list(positions), now_ms * MS)


def test_without_feedback_nothing_is_expected():
    assert HandWatch(FeedbackSettings(), JOINTS).fault(np.zeros(2), 10**12) is None


def test_a_hand_that_was_never_heard_is_missing():
    assert 'waiting for joint_states' in HandWatch(SETTINGS, JOINTS).fault(np.zeros(2), 0).reason


def test_a_hand_that_falls_silent_is_a_fault_and_one_that_speaks_again_is_not():
    watch = HandWatch(SETTINGS, JOINTS)
    say(watch, (0.0, 0.0), 0)
    assert watch.fault(np.zeros(2), 500 * MS) is None
    fault = watch.fault(np.zeros(2), 501 * MS)
    assert fault.kind == FaultKind.HAND and 'said nothing for 0.5 s' in fault.reason
    assert watch.fault(np.zeros(2), 900 * MS) == fault, 'a fault that goes on is no news'
    say(watch, (0.0, 0.0), 600)
    assert watch.fault(np.zeros(2), 601 * MS) is None


def test_a_finger_that_has_met_an_object_is_no_fault():
    watch = HandWatch(SETTINGS, JOINTS)
    for ms in range(0, 5000, 20):
        say(watch, (0.4, 0.2), ms)
        assert watch.fault(np.array([1.0, 1.0]), ms * MS) is None


def test_a_finger_that_does_not_open_is_named():
    watch = HandWatch(SETTINGS, JOINTS)
    faults = {}
    for ms in range(0, 2000, 20):
        say(watch, (0.0, 0.9), ms)
        faults[ms] = watch.fault(np.zeros(2), ms * MS)
    assert faults[1000] is None
    assert 'index does not open' in faults[1020].reason
    assert faults[1980] == faults[1020], 'a fault that goes on is no news'


def test_a_finger_may_be_on_its_way():
    watch = HandWatch(SETTINGS, JOINTS)
    for ms in range(0, 900, 20):
        say(watch, (0.9 - ms * 1e-3, 0.0), ms)
        assert watch.fault(np.zeros(2), ms * MS) is None
    assert watch.measured == pytest.approx([0.02, 0.0])


@pytest.mark.parametrize('names, positions', [(['thumb'], [0.1]), (['thumb', 'index'], [0.1, float('nan')]), ([], [])])
def test_a_message_without_every_joint_is_no_news(names, positions):
    watch = HandWatch(SETTINGS, JOINTS)
    watch.take(names, positions, 0)
    assert watch.measured is None


def test_what_the_hand_feels_is_passed_on():
    watch = HandWatch(FeedbackSettings(contact=True), JOINTS)
    assert 'waiting for hand/state' in watch.fault(np.zeros(2), 0).reason
    assert watch.seen(np.zeros(2)) == UNSEEN
    watch.take(JOINTS, (0.1, 0.2), 0, Seen(True, False))
    assert watch.seen(np.zeros(2)) == Seen(True, False)


@pytest.mark.parametrize(
    'positions, touched',
    [
        (lambda ms: (0.5, 1.0), True),
        (lambda ms: (0.9, 1.0), False),
        (lambda ms: (0.5 + 0.5e-3 * ms, 1.0), False),
    ],
    ids=['stands still before its target', 'has arrived', 'is on its way'],
)
def test_a_joint_that_stands_still_before_its_target_has_met_an_object(positions, touched):
    watch = HandWatch(FeedbackSettings(feedback=True, stall_rad=0.3), JOINTS)
    assert watch.seen(np.ones(2)) == UNSEEN
    for ms in range(0, 200, 20):
        say(watch, positions(ms), ms)
    assert watch.seen(np.ones(2)) == Seen(touched, None)
