# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Which of several earlier days is adapted to today."""

import numpy as np
import pytest

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.read_in import ReadIn
from grasp_decoder.learning import adaptation
from grasp_decoder.learning.adaptation import Adapted, Day, adapt_best
from grasp_decoder.learning.evaluation.object_decodes import ObjectDecodes
from grasp_decoder.learning.models.alignment import Alignment

TRIALS = 40


def adapted(right=None, matched=0):
    """An earlier day that decodes so many of 40 labelled trials, in two windows each, and has so many units of 40."""
    nothing = np.zeros((1, TRIALS), np.float32)
    match = np.where(np.arange(TRIALS) < matched, 0, -1)
    alignment = Alignment(ReadIn(nothing.T, nothing[0, :1]), nothing, nothing, nothing[0], match)
    expected = None
    if right is not None:
        answer = np.repeat(np.arange(TRIALS) >= right, 2).astype(int)
        trial = np.repeat(np.arange(TRIALS), 2)
        expected = ObjectDecodes(np.eye(2)[answer], np.zeros_like(answer), trial, (21, 22))
    return Adapted(None, Day(()), {'object': alignment}, expected)


def chosen(monkeypatch, *days):
    """The index of the one of several earlier days, the newest one last, that is taken, and what is said."""

    def adapt(day, _):
        if isinstance(day, str):
            raise GraspDecoderError(day)
        return day

    said = []
    monkeypatch.setattr(adaptation, 'adapt', adapt)
    best = adapt_best(days, lambda bundle: Day(()), said.append)
    return next(index for index, day in enumerate(days) if day is best), said


@pytest.mark.parametrize('what', ['right', 'matched'])
def test_the_newest_day_is_taken_unless_another_one_is_surely_better(monkeypatch, what):
    fair, better, best = (adapted(**{what: count}) for count in (20, 21, 36))
    assert chosen(monkeypatch, better, fair) == (1, [])
    assert chosen(monkeypatch, best, fair) == (0, [])
    assert chosen(monkeypatch, fair, best, better) == (1, [])


def test_a_day_that_does_not_fit_is_said_and_not_taken(monkeypatch):
    assert chosen(monkeypatch, adapted(20), 'it is of another animal') == (0, ['it is of another animal'])
    with pytest.raises(GraspDecoderError, match='the first'):
        chosen(monkeypatch, 'the first', 'the second')
