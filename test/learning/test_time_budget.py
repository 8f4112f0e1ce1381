"""The time for training is shared evenly among the fits that are left."""

import math

import pytest

from grasp_decoder.learning.experiment import time_budget
from grasp_decoder.learning.experiment.time_budget import TimeBudget


class Clock:
    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(time_budget, 'time', clock)
    return clock


def test_what_a_fit_leaves_goes_to_the_others(clock):
    budget = TimeBudget(60)
    budget.fits_left = 3
    assert budget.take_share() == 20
    clock.now += 10  # half of its share
    assert budget.take_share() == 25
    clock.now += 40  # more than its share
    assert budget.take_share() == 10
    clock.now += 20
    assert budget.take_share() == 0 and budget.seconds_left == -10


def test_a_search_has_a_budget_of_its_own(clock):
    budget = TimeBudget(60)
    clock.now += 50
    budget.restart()
    assert budget.seconds_left == 60


def test_without_a_limit_every_share_is_endless():
    assert TimeBudget(math.inf).take_share() == math.inf
