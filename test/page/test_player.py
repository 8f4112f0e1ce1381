# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Player: which moment of a finished run is shown."""

import pytest

pytest.importorskip('viser', reason='viser, which serves the page, is not installed')

from grasp_decoder.page.player import Player

TRIALS_S = (0.0, 3.0, 6.0)


class Clock:
    """A clock that stands still until it is set."""

    now_s = 0.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def player_at():
    """``player_at(now_s)``: the player, once its clock says so."""
    clock = Clock()
    player = Player('run', 10.0, TRIALS_S, clock)

    def at(now_s):
        clock.now_s = now_s
        return player

    return at


def test_it_plays_until_the_end_stands_still_there_and_begins_anew(player_at):
    assert player_at(2.0).time_s() == 2.0
    player_at(2.0).play(False)
    assert player_at(50.0).time_s() == 2.0
    player_at(50.0).play(True)
    assert player_at(53.0).time_s() == 5.0
    assert player_at(70.0).time_s() == player_at(80.0).time_s() == 10.0
    player_at(80.0).play(True)
    assert player_at(81.0).time_s() == 1.0


def test_it_goes_from_trial_to_trial(player_at):
    player = player_at(4.0)
    player.time_s()
    for direction, found_s in ((-1, 3.0), (-1, 0.0), (-1, 0.0), (1, 3.0), (1, 6.0), (1, 6.0)):
        player.go_to_trial(direction)
        assert player.time_s() == found_s
