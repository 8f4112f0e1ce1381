# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The course of a trial: the units' mean activity at the same moments of every trial, between its events."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from grasp_decoder.features.count_features import SQUARE_ROOT_LUT, count_features
from grasp_decoder.features.trial_bins import TrialBins

POINTS = 4
"""Moments of each stretch between two events."""


def moments(trials: Sequence[TrialBins], events: Sequence[str]) -> NDArray[np.float32]:
    """Mean square roots of counts in each quarter of each stretch between two events, float32 (n, moments, units)."""
    return np.array([_trial_moments(trial, events) for trial in trials], np.float32)


def _trial_moments(trial: TrialBins, events: Sequence[str]) -> list[np.ndarray]:
    features = count_features(trial.counts, SQUARE_ROOT_LUT)
    return [_mean(features, first, last) for first, last in _bounds(trial, events)]


def _mean(rows: np.ndarray, first: int, last: int) -> np.ndarray:
    first = min(first, len(rows) - 1)
    return rows[first : max(last, first + 1)].mean(axis=0)


def _bounds(trial: TrialBins, events: Sequence[str]) -> list[tuple[int, int]]:
    edges = [0, *sorted(min(trial.event_bins[event], trial.n_bins - 1) for event in events), trial.n_bins]
    cuts = [np.linspace(first, last, POINTS + 1).round().astype(int) for first, last in itertools.pairwise(edges)]
    return [(first, last) for each in cuts for first, last in itertools.pairwise(each)]
