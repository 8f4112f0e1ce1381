"""Pieces of the decoding benchmark: kept when finished, made again when the code is another, none begun out of time."""

import math

import numpy as np
import pytest

from benchmark import decoding_pieces
from benchmark.decoding_pieces import OutOfTime, Pieces
from grasp_decoder.learning.evaluation.object_decodes import ObjectDecodes

DECODES = ObjectDecodes(np.eye(2), np.array([0, 1]), np.array([5, 7]), (21, 33))


@pytest.fixture(autouse=True)
def code(tmp_path, monkeypatch):
    monkeypatch.setattr(decoding_pieces, 'ROOT', tmp_path)
    monkeypatch.setattr(decoding_pieces, 'CODE', ('*.py',))
    return tmp_path / 'code.py'


def made():
    return {'seconds': 1.5}, {'object': DECODES}


def never():
    raise AssertionError('it is there already')


def test_a_finished_piece_comes_back_as_it_was():
    Pieces(math.inf).get('split', made)
    data, decodes = Pieces(0).get('split', never)
    assert data == {'seconds': 1.5} and decodes['object'].classes == (21, 33)
    for field in ('probability', 'label', 'trial'):
        np.testing.assert_array_equal(getattr(decodes['object'], field), getattr(DECODES, field))


def test_nothing_is_begun_when_the_time_is_over_or_kept_of_what_failed():
    with pytest.raises(OutOfTime):
        Pieces(0).get('split', never)
    with pytest.raises(AssertionError):
        Pieces(math.inf).get('split', never)
    with pytest.raises(OutOfTime):
        Pieces(0).get('split', never)


def test_other_code_does_not_find_the_pieces_of_this_one(code):
    code.write_text('a = 1')
    Pieces(math.inf).get('split', made)
    code.write_text('a = 2')
    with pytest.raises(OutOfTime):
        Pieces(0).get('split', never)
