# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Evidence over bins: what accumulates, what is forgotten, and that knowing nothing is no evidence."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from grasp_decoder.evidence import EvidenceAccumulator, EvidenceRule, posterior_of

PRIORS = arrays(np.float64, st.integers(1, 60), elements=st.floats(0.01, 1.0)).map(lambda each: each / each.sum())


@given(PRIORS, st.floats(0.01, 1.0), st.floats(0.01, 5.0))
def test_a_decoder_that_says_the_prior_leaves_the_prior(prior, gain, memory_s):
    accumulator = EvidenceAccumulator(EvidenceRule(tuple(prior), gain, memory_s), 0.04)
    for _ in range(50):
        posterior = accumulator.update(prior)
    np.testing.assert_allclose(posterior, prior, atol=1e-9)


def test_without_forgetting_and_with_gain_1_it_is_bayes_rule():
    prior, said = np.array([0.5, 0.3, 0.2]), np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3]])
    accumulator = EvidenceAccumulator(EvidenceRule(tuple(prior), 1.0, 1e12), 0.04)
    for each in said:
        posterior = accumulator.update(each)
    expected = prior * np.prod(said / prior, axis=0)
    np.testing.assert_allclose(posterior, expected / expected.sum())


def test_evidence_is_forgotten_with_its_time_constant_and_by_a_reset():
    rule = EvidenceRule((0.5, 0.5), 1.0, 0.2)
    accumulator = EvidenceAccumulator(rule, 0.04)
    accumulator.update(np.array([0.9, 0.1]))
    before = accumulator.evidence.copy()
    for _ in range(5):
        accumulator.update(np.array([0.5, 0.5]))
    np.testing.assert_allclose(accumulator.evidence, before * np.exp(-1.0))
    accumulator.reset()
    np.testing.assert_allclose(accumulator.posterior(), rule.prior)


def test_small_ratios_are_no_evidence_and_larger_ones_less_by_as_much():
    rule = EvidenceRule((0.5, 0.5), 1.0, 0.2, dead_band=0.5)
    accumulator = EvidenceAccumulator(rule, 0.04)
    accumulator.update(np.array([0.8, 0.4]))
    np.testing.assert_allclose(accumulator.evidence, [0.0, 0.0])
    accumulator.update(np.array([0.9, 0.1]))
    np.testing.assert_allclose(accumulator.evidence, [np.log(1.8) - 0.5, np.log(0.2) + 0.5])


def test_posteriors_of_many_bins_are_those_of_each():
    prior, evidence = np.array([0.7, 0.3]), np.array([[0.0, 0.0], [800.0, 0.0], [0.0, 1.0]])
    many = posterior_of(prior, evidence)
    np.testing.assert_allclose(many, [posterior_of(prior, each) for each in evidence])
    np.testing.assert_allclose(many[:2], [prior, [1.0, 0.0]])


@pytest.mark.parametrize(
    ('rule', 'problem'),
    [
        (EvidenceRule((0.5, 0.5)), ''),
        (EvidenceRule.for_unknown(2), ''),
        (EvidenceRule((1.0,)), 'of 1 objects'),
        (EvidenceRule((1.0, 0.0)), 'impossible'),
        (EvidenceRule((0.5, 0.4)), 'together'),
        (EvidenceRule((0.5, float('nan'))), 'impossible'),
        (EvidenceRule((0.5, 0.5), gain=0.0), 'gain'),
        (EvidenceRule((0.5, 0.5), gain=float('nan')), 'gain'),
        (EvidenceRule((0.5, 0.5), memory_s=float('inf')), 'memory'),
        (EvidenceRule((0.5, 0.5), dead_band=-0.1), 'dead band'),
        (EvidenceRule((0.5, 0.5), dead_band=float('nan')), 'dead band'),
    ],
)
def test_a_rule_that_makes_no_sense_says_why(rule, problem):
    assert problem in rule.problem(2)
    assert bool(problem) == bool(rule.problem(2))
