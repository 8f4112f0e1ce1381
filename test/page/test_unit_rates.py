# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Rates of units from batches of spikes, and their picture."""

import numpy as np
import pytest

from grasp_decoder.page.unit_rates import BRIGHTEST_HZ, MEMORY_S, UnitRates, rate_picture
from grasp_decoder.recording.playback import heartbeat_at
from grasp_decoder.types.spike_batch import SpikeBatch

PERIOD_NS = 10_000_000


def batch(number, units, unit_count=3, period_ns=PERIOD_NS):
    units = np.array(units, np.uint16)
    return SpikeBatch(
        number, 0, number * period_ns, (number + 1) * period_ns, unit_count, units, np.zeros(len(units), np.uint32)
    )


@pytest.mark.parametrize('period_ns', [PERIOD_NS, 4 * PERIOD_NS])
def test_the_rate_of_a_steady_unit_is_found_whatever_a_batch_lasts(period_ns):
    rates = UnitRates()
    per_batch = 2 * period_ns // PERIOD_NS
    for number in range(int(10 * MEMORY_S * 1e9) // period_ns):
        rates.take(batch(number, [1] * per_batch, period_ns=period_ns))
    assert rates.hz == pytest.approx([0, 200, 0], rel=1e-3)
    assert rates.total_hz == pytest.approx(200, rel=1e-3)


def test_heartbeats_change_nothing_and_another_source_begins_anew():
    rates = UnitRates()
    rates.take(batch(0, [0, 2, 2]))
    before = rates.hz.copy()
    rates.take(heartbeat_at(PERIOD_NS, 3))
    assert (rates.hz == before).all() and before.any()
    rates.take(batch(1, [], unit_count=5))
    assert (rates.hz == np.zeros(5)).all()


def test_spikes_of_units_that_a_batch_does_not_have_are_not_shown():
    rates, others = UnitRates(), UnitRates()
    for number in range(3):
        rates.take(batch(number, [1, 3, 65535]))
        others.take(batch(number, [1]))
    assert (rates.hz == others.hz).all() and rates.hz[1] > 0
    others.take(batch(3, [0], unit_count=0))
    assert others.hz.size == 0


@pytest.mark.parametrize('units', [0, 1, 7, 96, 552, 5000])
def test_a_picture_has_a_cell_for_each_unit_and_a_red_cross_for_those_that_are_left_out(units):
    picture = rate_picture(np.linspace(0, BRIGHTEST_HZ, units), {units // 2, 10**6})
    assert picture.dtype == np.uint8 and picture.shape[2] == 3
    assert picture.shape[0] < 700 and picture.shape[1] <= 700
    red = (picture[..., 0] > 200) & (picture[..., 1] < 60)
    assert red.any() == bool(units)
    colours = {tuple(each) for each in picture.reshape(-1, 3)} - {(255, 255, 255)}
    assert len(colours) >= min(units, 20)
