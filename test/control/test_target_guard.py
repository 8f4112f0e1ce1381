# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""TargetGuard: targets pass while they come, and a hand that is left alone ends up safe."""

import numpy as np
import pytest

from grasp_decoder.control.fault_policies import Policy
from grasp_decoder.control.joint_targets import JointTargets
from grasp_decoder.control.target_guard import TargetGuard
from grasp_decoder.types.hand_command import HandCommand, HandMode

from helpers.healthy_decodes import GRIPS

MS = 1_000_000
TIMEOUT_S = 0.15
CLOSED = np.full(len(JointTargets(GRIPS).names), 0.7)
OPENED = JointTargets(GRIPS).step(HandCommand(0, 0, HandMode.OPEN, GRIPS.default_grip, 0.0, ''), 0)


def heard(on_loss=Policy.OPEN):
    guard = TargetGuard(GRIPS, TIMEOUT_S, on_loss)
    for targets in (OPENED, CLOSED):
        guard.take(targets, 0)
    return guard


def test_targets_pass_while_they_come():
    guard = heard()
    for ms in range(0, 2000, 20):
        guard.take(CLOSED + ms * 1e-5, ms * MS)
        assert np.array_equal(guard.targets((ms + 100) * MS), CLOSED + ms * 1e-5)
    assert not guard.lost


def test_a_hand_that_is_left_alone_opens_without_a_jump():
    guard = heard()
    before, at_ms = guard.targets(140 * MS), 140
    for ms in range(160, 3000, 20):
        now = guard.targets(ms * MS)
        assert guard.lost
        limits = np.array([motor.max_velocity for motor in GRIPS.motors for _ in motor.joints])
        assert np.all(np.abs(now - before) <= limits * (ms - at_ms) * 1e-3 + 1e-9)
        before, at_ms = now, ms
    assert before == pytest.approx(OPENED)


def test_a_hand_may_hold_instead():
    guard = heard(Policy.HOLD)
    assert np.array_equal(guard.targets(3000 * MS), CLOSED)
    assert guard.lost


@pytest.mark.parametrize('on_loss', [Policy.OPEN, Policy.HOLD])
def test_targets_that_come_again_pass_as_soon_as_they_do_not_close_the_hand(on_loss):
    guard = heard(on_loss)
    for ms in range(160, 2000, 20):
        safe = guard.targets(ms * MS)
    closer = CLOSED + 0.3
    for ms in range(2000, 3000, 20):
        guard.take(closer, ms * MS)
        assert guard.targets(ms * MS) == pytest.approx(safe)
        assert guard.lost
    guard.take(OPENED, 3000 * MS)
    guard.take(closer, 3020 * MS)
    assert np.array_equal(guard.targets(3020 * MS), closer)
    assert not guard.lost


def test_a_hand_that_opens_is_taken_over_on_its_way():
    guard = heard()
    for ms in range(160, 260, 20):
        on_its_way = guard.targets(ms * MS)
    guard.take(on_its_way, 260 * MS)
    assert not guard.lost


def test_before_the_first_targets_nothing_is_known():
    assert TargetGuard(GRIPS, TIMEOUT_S).targets(10**12) is None


def test_a_guard_that_is_started_again_lets_nothing_close_the_hand_until_it_was_told_to_open():
    guard = TargetGuard(GRIPS, TIMEOUT_S)
    for ms in range(0, 1000, 20):
        guard.take(CLOSED, ms * MS)
        assert guard.targets(ms * MS) is None and guard.lost
    guard.take(OPENED, 1000 * MS)
    guard.take(CLOSED, 1020 * MS)
    assert np.array_equal(guard.targets(1020 * MS), CLOSED) and not guard.lost


@pytest.mark.parametrize('bad', (np.nan, np.inf))
def test_targets_without_a_number_are_none(bad):
    guard = heard()
    assert not guard.take(np.where(np.arange(len(CLOSED)) == 2, bad, CLOSED), 140 * MS)
    assert np.isfinite(guard.targets(160 * MS)).all()
    assert guard.lost.startswith('no joint targets')


def test_a_guard_that_stood_still_itself_takes_nothing_for_silence():
    guard = heard()
    guard.stood_still(1000 * MS)
    assert np.array_equal(guard.targets(1140 * MS), CLOSED)
    assert not guard.lost
