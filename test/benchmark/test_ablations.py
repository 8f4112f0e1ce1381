"""The ablations: a state that is cleared on the way hears nothing of what was before."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from benchmark.ablations import cleared
from grasp_decoder.bundle.task_network import OBJECT, RECURRENT, TaskNetwork
from grasp_decoder.features.count_features import IDENTITY_LUT
from grasp_decoder.features.trial_bins import TrialBins


def running_sums(trials):
    return [np.cumsum(trial.counts, axis=0).astype(np.float32) for trial in trials]


NETWORK = TaskNetwork(OBJECT, 'sum', RECURRENT, 1, IDENTITY_LUT, None, running_sums)


@given(st.integers(0, 14), st.integers(0, 9))
def test_a_cleared_state_has_heard_the_bins_since_then(bin_, seed):
    counts = np.random.default_rng(seed).poisson(2, (15, 3)).astype(np.uint16)
    phase, dof = np.zeros(15, np.uint8), np.zeros(15, np.float32)
    trial = TrialBins(0, 21, 21, 40_000_000, 0, counts, phase, dof, {'Cue': 2, 'Hold': 9})
    found = cleared(NETWORK, trial, bin_)
    assert found.trial is trial and np.isnan(found.objects[:bin_]).all()
    assert np.array_equal(found.objects[bin_:], np.cumsum(counts[bin_:], axis=0))
