# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What the page says that the decoder believes."""

import dataclasses

import numpy as np
import pytest

from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.page.belief import HISTORY_S, Belief

from helpers.healthy_decodes import BIN_S, INFO, OBJECTS, Decoder

GRIPS = load_grip_table()


def told(decoder=None, info=INFO, bins=12, **decode):
    belief = Belief(GRIPS)
    belief.take_info(info)
    decoder = decoder or Decoder()
    for _ in range(bins):
        belief.take_decode(decoder.decode(**decode))
    return belief


def test_evidence_for_an_object_is_evidence_for_its_grip():
    belief = told(object_id=44, confidence=0.9)
    objects, grips = belief.objects(), belief.grips()
    assert next(iter(objects)) == GRIPS.objects.find(44).label
    assert next(iter(grips)) == GRIPS.grip_of(44)
    assert sum(objects.values()) == pytest.approx(1) and sum(grips.values()) == pytest.approx(1)
    assert max(objects.values()) > 0.9
    assert set(grips) == set(GRIPS.postures)


def test_a_new_segment_begins_without_evidence():
    decoder = Decoder()
    belief = told(decoder, object_id=44, confidence=0.9)
    uniform = np.full(len(OBJECTS), 1 / len(OBJECTS), np.float32)
    belief.take_decode(decoder.decode(segment=1, object_probability=uniform))
    assert list(belief.objects().values()) == pytest.approx([0.25] * 4)


def test_the_same_decoder_may_announce_itself_again():
    decoder = Decoder()
    belief = told(decoder, confidence=0.9)
    before = belief.objects()
    belief.take_info(dataclasses.replace(INFO, stamp_ns=5))
    assert belief.objects() == before


@pytest.mark.parametrize(
    'info',
    [
        dataclasses.replace(INFO, object_id=(), object_prior=()),
        dataclasses.replace(INFO, object_prior=(0.5, 0.5)),
        dataclasses.replace(INFO, object_memory_s=0.0),
        dataclasses.replace(INFO, bin_s=0.0),
    ],
)
def test_a_decoder_without_objects_or_without_sense_has_no_belief_about_them(info):
    belief = told(info=info)
    assert belief.objects() == belief.grips() == {}
    assert belief.decode is not None


def test_bins_without_an_answer_are_no_evidence():
    for probability in (np.empty(0, np.float32), np.full(4, np.nan, np.float32)):
        assert list(told(object_probability=probability).objects().values()) == pytest.approx([0.25] * 4)


def test_the_history_of_the_phase_ends_now_and_goes_back_ten_seconds():
    belief = Belief(GRIPS)
    assert [len(each) for each in belief.phase_history()] == [0, 0]
    decoder = Decoder()
    for number in range(400):
        belief.take_decode(decoder.decode(grasp=number / 400))
    time_s, probability = belief.phase_history()
    assert time_s[-1] == 0 and -HISTORY_S <= time_s[0] < -HISTORY_S + 2 * BIN_S
    assert probability[-1] == 399 / 400 and (np.diff(time_s) > 0).all()
