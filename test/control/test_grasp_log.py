# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""GraspLog: what counts as tried, closed and held."""

import pytest

from grasp_decoder.control.grasp_log import GraspLog
from grasp_decoder.control.grasp_state_machine import UNSEEN, Seen
from grasp_decoder.types.hand_command import HandCommand, HandMode

SAFE, OPEN, CLOSE, HOLD = HandMode.SAFE, HandMode.OPEN, HandMode.CLOSE, HandMode.HOLD
BIN_NS = 40_000_000


def logged(*stretches):
    """The log after stretches of (state, seconds, what is seen)."""
    log, stamp_ns = GraspLog(1.0), 0
    for state, seconds, seen in stretches:
        for _ in range(round(seconds * 1e9 / BIN_NS)):
            stamp_ns += BIN_NS
            log.take(HandCommand(stamp_ns, 0, state, 'power', 0.0, 'why'), seen)
    return log


@pytest.mark.parametrize(
    'stretches, closed, held, last',
    [
        ([(HOLD, 0.2, Seen(True, False)), (HOLD, 1.04, Seen(True, True))], 1, 1, 'power: held, lifted for 1.04 s'),
        ([(HOLD, 0.2, Seen(True, False)), (HOLD, 0.8, Seen(True, True))], 1, 0, 'power: not held, lifted for 0.80 s'),
        ([(HOLD, 1.2, Seen(True))], 1, 1, 'power: held'),
        ([(HOLD, 1.0, Seen(True)), (HOLD, 0.2, Seen(False))], 1, 0, 'power: not held'),
        ([(HOLD, 1.2, UNSEEN)], 1, None, 'power: closed; whether it held is not known'),
        ([], 0, None, 'power: not closed (why)'),
        (
            [(HOLD, 0.4, Seen(True, True)), (SAFE, 0.2, Seen(True, True)), (HOLD, 0.6, Seen(True, True))],
            1,
            1,
            'power: held, lifted for 1.20 s',
        ),
    ],
    ids=['lifted', 'too short', 'touched', 'lost', 'unknown', 'aborted', 'kept through a fault'],
)
def test_a_grasp_is_followed_from_closing_to_opening(stretches, closed, held, last):
    seen = stretches[-1][2] if stretches else UNSEEN
    log = logged((OPEN, 1.0, UNSEEN), (CLOSE, 0.2, UNSEEN), *stretches, (OPEN, 0.04, seen))
    assert (log.tried, log.closed, log.held, log.last) == (1, closed, held, last)


def test_grasps_are_counted():
    held = [(CLOSE, 0.2, UNSEEN), (HOLD, 1.2, Seen(True, True)), (OPEN, 1.0, Seen(False, False))]
    lost = [(CLOSE, 0.2, UNSEEN), (HOLD, 1.2, Seen(False, False)), (OPEN, 1.0, Seen(False, False))]
    log = logged((OPEN, 1.0, UNSEEN), *held, *lost, *held)
    assert (log.tried, log.closed, log.held) == (3, 3, 2)
