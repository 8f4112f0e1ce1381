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

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from benchmark.soak import growth_mb_h, unreported_losses
from grasp_decoder.features.binning import Binner
from grasp_decoder.types.spike_batch import SpikeBatch

from helpers.healthy_decodes import Decoder


def test_growth_is_the_slope_and_one_step_does_not_move_it():
    minutes = [number / 6 for number in range(120)]
    assert growth_mb_h([(minute, 100 + minute / 10) for minute in minutes]) == pytest.approx(6.0)
    assert growth_mb_h([(minute, 100 + 30 * (minute > 15)) for minute in minutes]) == 0.0
    assert growth_mb_h([(1.0, 100.0)]) == 0.0


TRIAL_BINS = [3, 6]


def decodes(*bins, segment=0, lost=0):
    return [Decoder().decode(bin=number, segment=segment, lost_batches=lost) for number in bins]


def test_a_gap_is_unreported_unless_the_decoder_counts_lost_batches():
    whole = decodes(0, 1, 2) + decodes(0, 1, 2, 3, 4, 5, segment=1) + decodes(0, 1, 2, segment=2)
    assert unreported_losses(whole, TRIAL_BINS, 0.25) == 0
    assert unreported_losses(decodes(0, 1, 4, 5, segment=1), TRIAL_BINS, 0.25) == 2
    assert unreported_losses(decodes(0, 1) + decodes(2, 3, segment=1), TRIAL_BINS, 0.25) == 3
    assert unreported_losses([each for each in whole if each.segment != 1], TRIAL_BINS, 0.25) == 6
    assert unreported_losses(decodes(0, 1, segment=1) + decodes(4, 5, segment=1, lost=1), TRIAL_BINS, 0.25) == 0
    assert unreported_losses(decodes(0, 1, segment=1) + decodes(5, segment=1, lost=1), TRIAL_BINS, 0.25) == 1


@pytest.mark.slow
@given(st.data())
def test_whatever_is_lost_the_decoder_counts_it(data):
    """The batches of the decoder's own binner, of which any may be missing."""
    bin_ns, batch_ns = 40, 10
    binner, sequence, told = Binner(bin_ns, 1), 0, []
    lost = data.draw(st.sets(st.integers(3, 4 * sum(TRIAL_BINS) * 2 - 1)))
    for segment in range(4):
        for number in range(4 * TRIAL_BINS[segment % 2]):
            start = 1000 * segment + number * batch_ns
            if sequence not in lost:
                empty = np.zeros(0, np.uint16), np.zeros(0, np.uint32)
                closed = binner.push(SpikeBatch(sequence, segment, start, start + batch_ns, 1, *empty))
                for each in closed:
                    told += decodes(each.index, segment=each.segment, lost=binner.health.lost_batches)
            sequence += 1
    assert unreported_losses(told, TRIAL_BINS, batch_ns / bin_ns) == 0
