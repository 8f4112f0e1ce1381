"""Going on from another day: today's units, in other numbers and order, speak that day's language."""

import math

import numpy as np
import pytest

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.read_in import ReadIn
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.learning.models.gru_graph import StepWeights
from grasp_decoder.learning.models.training import FitProblem
from grasp_decoder.learning.models.transfer import aligned_read_in, read_out_for, start_for_others

CLASSES = (21, 22, 31)
K = 3


def day(units, trials, seed, order=None):
    """Trials in which three latents, one per object, drive every unit by its own mixture."""
    rng = np.random.default_rng(seed)
    mixture = np.random.default_rng(7).gamma(1.0, 3.0, (K, units))
    if order is not None:
        mixture = mixture[:, order]
    made = []
    for index in range(trials):
        label = index % K
        rates = np.full((24, mixture.shape[1]), 1.0)
        rates[8:20] = mixture[label]
        made.append(
            TrialBins(
                index,
                CLASSES[label],
                CLASSES[label],
                40_000_000,
                0,
                rng.poisson(rates).astype(np.uint16),
                np.repeat([0, 1, 0], 8).astype(np.uint8),
                np.zeros(24, np.float32),
                {'Cue': 4, 'Hold': 8, 'Rew': 20},
            )
        )
    return FitProblem('object', made[:-6], made[-6:], CLASSES, 3, 0, lambda *_: None, math.inf)


@pytest.fixture
def start():
    rng = np.random.default_rng(1)
    problem = day(20, 60, 2)
    return start_for_others(
        problem,
        ReadIn(rng.normal(0, 0.1, (20, 4)), np.zeros(4)),
        StepWeights(
            4,
            [np.zeros((8, 6)), np.zeros((2, 6)), np.zeros((2, 6))],
            [np.arange(6.0).reshape(2, 3), np.arange(3.0)],
        ),
    )


def test_other_units_give_the_latents_of_that_day(start):
    today = day(20, 30, 3, order=np.random.default_rng(4).permutation(20)[:13])
    kernel, bias = aligned_read_in(today, start)
    assert kernel.shape == (13, 4) and kernel.dtype == np.float32
    outputs = np.array([np.sqrt(trial.counts[8:20]).mean(axis=0) @ kernel + bias for trial in today.validation])
    wanted = np.array(
        [start['latents'][CLASSES.index(trial.object_id), 4:12].mean(axis=0) for trial in today.validation]
    )
    for each, target in zip(outputs.T, wanted.T):
        assert np.corrcoef(each, target)[0, 1] > 0.9


def test_a_new_class_starts_from_the_mean_of_the_others(start):
    kernel, bias = read_out_for((22, 40), start)
    np.testing.assert_array_equal(kernel, [[1, 1], [4, 4]])
    np.testing.assert_array_equal(bias, [1, 1])


def test_a_session_without_the_events_is_refused(start):
    today = day(20, 12, 3)
    for trial in (*today.train, *today.validation):
        del trial.event_bins['Cue']
    with pytest.raises(GraspDecoderError, match='the event Cue, which this session lacks'):
        aligned_read_in(today, start)


def test_a_network_without_a_trace_is_refused(start):
    with pytest.raises(GraspDecoderError, match='older version'):
        aligned_read_in(day(20, 12, 3), {**start, 'gru_0': start['gru_0'][:4]})
