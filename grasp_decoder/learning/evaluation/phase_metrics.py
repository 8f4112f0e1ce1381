# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Scores of the decoded phase, REST or GRASP."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from grasp_decoder.features.windows import phase_windows
from grasp_decoder.learning.evaluation.decoded_trials import DecodedTrial
from grasp_decoder.learning.evaluation.intervals import interval, mean_scores
from grasp_decoder.types.decoded_grasp import GRASP

DEBOUNCE_BINS = 3


def phase_summary(repeats: Sequence[Sequence[DecodedTrial]], look_back: int) -> dict:
    """Main scores of the phase, means over the repeats; ``confusion`` (rows are true, REST first) is the sum of all."""
    decoded = [trial for repeat in repeats for trial in repeat]
    tables, ids = phase_confusions(decoded, look_back), [each.trial.trial_id for each in decoded]
    return mean_scores([_phase_scores(repeat, look_back) for repeat in repeats]) | {
        'confusion': tables.sum(axis=0).reshape(2, 2).tolist(),
        'ci95': interval(tables, ids, _phase_accuracy),
        'f1_ci95': interval(tables, ids, _phase_f1),
        'n_windows': int(tables.sum()),
        'chance': {'accuracy': float(tables[:, :2].sum() / tables.sum()), 'f1': 0.0},
    }


def _phase_scores(decoded: Sequence[DecodedTrial], look_back: int) -> dict:
    table = phase_confusions(decoded, look_back).sum(axis=0)
    onset, offset, missed, false_onsets = _transitions(decoded)
    rest_s = sum(np.count_nonzero(each.trial.phase != GRASP) * each.trial.bin_ns for each in decoded) / 1e9
    return {
        'accuracy': float(_phase_accuracy(table)),
        'f1': float(_phase_f1(table)),
        'onset_error_bins': float(np.median(np.abs(onset))) if onset else None,
        'offset_error_bins': float(np.median(np.abs(offset))) if offset else None,
        'missed_grasps': missed / len(decoded),
        'false_onsets_per_minute': false_onsets / (rest_s / 60),
    }


def phase_confusions(decoded: Sequence[DecodedTrial], look_back: int) -> np.ndarray:
    """Windows of each trial, int (n_trials, 4): rest as rest, rest as grasp, grasp as rest, grasp as grasp."""
    windows = phase_windows([each.trial for each in decoded], look_back)
    answer = np.concatenate([each.grasp[look_back - 1 : each.trial.n_bins] for each in decoded])
    table = np.zeros((len(decoded), 4), int)
    np.add.at(table, (windows.trial, 2 * windows.label + answer), 1)
    return table


def _phase_accuracy(table):
    return (table[..., 0] + table[..., 3]) / table.sum(axis=-1)


def _phase_f1(table):
    errors = table[..., 1] + table[..., 2]
    return 2 * table[..., 3] / np.maximum(2 * table[..., 3] + errors, 1)


def _transitions(decoded: Sequence[DecodedTrial]) -> tuple[list[int], list[int], int, int]:
    """Errors in bins of decoded onsets and offsets, grasps without an onset, and onsets without a grasp.

    Runs of fewer than `DEBOUNCE_BINS` bins are debounced away on both sides.
    """
    onset, offset, missed, false_onsets = [], [], 0, 0
    for each in decoded:
        true = np.flatnonzero(each.trial.phase == GRASP)
        matches = []
        for start, stop in _runs(debounce(each.grasp)):
            if len(true) and start <= true[-1] and stop > true[0]:
                matches.append((start, stop))
            else:
                false_onsets += 1
        if matches:
            onset.append(matches[0][0] - true[0])
            offset.append(matches[-1][1] - 1 - true[-1])
        missed += bool(len(true)) and not matches
    return onset, offset, missed, false_onsets


def release_by_hold(decoded: Sequence[DecodedTrial], groups: int = 3) -> list[dict]:
    """When GRASP ends, after holds of different lengths: trials in groups from the shortest holds to the longest.

    Times are s from the last bin of the hold to the last one of GRASP, debounced; negative: it ended too early.
    """
    holds = [(np.count_nonzero(each.trial.phase == GRASP) * each.trial.bin_ns / 1e9, each) for each in decoded]
    holds = sorted((hold for hold in holds if hold[0]), key=lambda hold: hold[0])
    rows = []
    for first in np.array_split(np.arange(len(holds)), groups):
        group = [holds[index] for index in first]
        late = [bins * each.trial.bin_ns / 1e9 for _, each in group for bins in _transitions([each])[1]]
        if group:
            rows.append(
                {
                    'shortest_hold_s': group[0][0],
                    'longest_hold_s': group[-1][0],
                    'trials': len(group),
                    'missed': len(group) - len(late),
                    'median_release_s': float(np.median(late)) if late else None,
                    'worst_release_s': float(late[int(np.argmax(np.abs(late)))]) if late else None,
                }
            )
    return rows


def debounce(grasp: np.ndarray) -> np.ndarray:
    """Decisions (n,) without changes that last fewer than `DEBOUNCE_BINS` bins.

    A change counts from the bin in which it is known to last, as for the hand, which cannot know it earlier.
    """
    steady = np.zeros(len(grasp), bool)
    state, run = False, 0
    for k, value in enumerate(grasp):
        run = run + 1 if value != state else 0
        if run == DEBOUNCE_BINS:
            state, run = bool(value), 0
        steady[k] = state
    return steady


def _runs(mask: np.ndarray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return list(zip(edges[::2], edges[1::2]))
