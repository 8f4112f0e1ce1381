# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What a soak concludes from memory and decodes."""

import pytest

pytest.importorskip('rclpy', reason='no ROS 2 in this environment')
pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')

from benchmark.soak import growth_mb_h, unreported_losses

from helpers.healthy_decodes import Decoder


def test_growth_is_the_slope_and_one_step_does_not_move_it():
    minutes = [number / 6 for number in range(120)]
    assert growth_mb_h([(minute, 100 + minute / 10) for minute in minutes]) == pytest.approx(6.0)
    assert growth_mb_h([(minute, 100 + 30 * (minute > 15)) for minute in minutes]) == 0.0
    assert growth_mb_h([(1.0, 100.0)]) == 0.0


def test_a_gap_is_unreported_unless_the_decoder_counts_lost_batches():
    decoder = Decoder()

    def decodes(*bins, segment=0, lost=0):
        return [decoder.decode(bin=number, segment=segment, lost_batches=lost) for number in bins]

    trial_bins = [3, 6]
    whole = decodes(0, 1, 2) + decodes(0, 1, 2, 3, 4, 5, segment=1) + decodes(0, 1, 2, segment=2)
    assert unreported_losses(whole, trial_bins) == 0
    assert unreported_losses(decodes(0, 1, 4, 5, segment=1), trial_bins) == 2
    assert unreported_losses(decodes(0, 1) + decodes(2, 3, segment=1), trial_bins) == 3
    assert unreported_losses([each for each in whole if each.segment != 1], trial_bins) == 6
    assert unreported_losses(decodes(0, 1, segment=1) + decodes(4, 5, segment=1, lost=3), trial_bins) == 0
    assert unreported_losses(decodes(2) + decodes(0, segment=2, lost=1), trial_bins) == 0
