# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Pieces of a benchmark: kept when finished, made again when the code is another, none begun out of time."""

import numpy as np
import pytest

from benchmark import pieces
from benchmark.pieces import OutOfTime, Pieces
from grasp_decoder.learning.evaluation.object_decodes import ObjectDecodes

DECODES = ObjectDecodes(np.eye(2), np.array([0, 1]), np.array([5, 7]), (21, 33))


@pytest.fixture(autouse=True)
def code(tmp_path, monkeypatch):
    monkeypatch.setattr(pieces, 'ROOT', tmp_path)
    monkeypatch.setattr(pieces, 'CODE', ('*.py',))
    return tmp_path / 'code.py'


def made():
    return {'seconds': 1.5}, {'object': DECODES}


def never():
    raise AssertionError('it is there already')


def test_a_finished_piece_comes_back_as_it_was():
    Pieces('decoding').get('split', made)
    data, decodes = Pieces('decoding', 0).get('split', never)
    assert data == {'seconds': 1.5} and decodes['object'].classes == (21, 33)
    for field in ('probability', 'label', 'trial'):
        np.testing.assert_array_equal(getattr(decodes['object'], field), getattr(DECODES, field))


def test_nothing_is_begun_when_the_time_is_over_or_kept_of_what_failed():
    with pytest.raises(OutOfTime):
        Pieces('decoding', 0).get('split', never)
    with pytest.raises(AssertionError):
        Pieces('decoding').get('split', never)
    with pytest.raises(OutOfTime):
        Pieces('decoding', 0).get('split', never)


def test_other_code_does_not_find_the_pieces_of_this_one(code):
    code.write_text('a = 1')
    Pieces('decoding').get('split', made)
    code.write_text('a = 2')
    with pytest.raises(OutOfTime):
        Pieces('decoding', 0).get('split', never)


def test_benchmarks_have_pieces_of_their_own():
    Pieces('decoding').get('split', made)
    with pytest.raises(OutOfTime):
        Pieces('days', 0).get('split', never)
