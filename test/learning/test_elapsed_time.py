# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The elapsed-time baseline, late starts and releases: what tells a decoder from a clock."""

from dataclasses import replace

import numpy as np
import pytest

from grasp_decoder.bundle.export.writing import write_bundle
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.learning.evaluation.decoded_trials import DecodedTrial
from grasp_decoder.learning.evaluation.elapsed_time import fit_elapsed_time
from grasp_decoder.learning.evaluation.late_starts import LATE_S, decode_late
from grasp_decoder.learning.evaluation.phase_metrics import phase_summary, release_by_hold

from helpers.bundle_samples import LOOK_BACK, make_manifest, make_network, make_trials

BIN_NS = 40_000_000


def trial_of(rest, hold, after=5, trial_id=0):
    phase = np.repeat([0, 1, 0], [rest, hold, after]).astype(np.uint8)
    events = {'Hold': rest, 'Rew': rest + hold}
    counts = np.zeros((len(phase), 1), np.uint16)
    return TrialBins(trial_id, 1, 1, BIN_NS, 0, counts, phase, phase.astype(np.float32), events)


def test_a_clock_decodes_what_is_regular_and_fails_where_lengths_differ():
    regular = [trial_of(20, 10, trial_id=i) for i in range(5)]
    clock = fit_elapsed_time(regular)
    assert phase_summary([[clock.decode(each) for each in regular]], 3)['f1'] == 1.0
    np.testing.assert_allclose(clock.decode(regular[0]).dof[:, 0], regular[0].dof)
    varied = [
        trial_of(int(rest), 10, trial_id=i) for i, rest in enumerate(np.random.default_rng(0).integers(5, 90, 40))
    ]
    assert phase_summary([[fit_elapsed_time(varied).decode(each) for each in varied]], 3)['f1'] < 0.6


def test_a_clock_stays_as_it_is_after_its_last_bin():
    clock = fit_elapsed_time([trial_of(4, 3, after=0)])
    told = clock.decode(trial_of(4, 10, after=2))
    assert told.grasp.tolist() == 4 * [False] + 12 * [True]
    assert told.dof.shape == (16, 1)


def test_releases_are_given_by_the_length_of_the_hold():
    decoded = []
    for trial_id, hold in enumerate((5, 6, 20, 21, 50, 51)):
        trial = trial_of(10, hold, after=20, trial_id=trial_id)
        late = 2 if hold < 30 else 7
        grasp = np.zeros(trial.n_bins, bool)
        if trial_id:
            grasp[10 : 10 + hold + late] = True
        decoded.append(DecodedTrial(trial, grasp))
    rows = release_by_hold(decoded)
    assert [row['trials'] for row in rows] == [2, 2, 2]
    assert [row['missed'] for row in rows] == [1, 0, 0]
    assert [(row['shortest_hold_s'], row['longest_hold_s']) for row in rows] == [(0.2, 0.24), (0.8, 0.84), (2.0, 2.04)]
    # debounced: REST is known two bins after it began
    assert [row['median_release_s'] for row in rows] == pytest.approx([0.16, 0.16, 0.36])


def test_late_segments_are_decoded_from_where_they_begin(tmp_path):
    trials = [replace(each, event_bins={**each.event_bins, 'Rew': 26}) for each in make_trials()]
    bundle = write_bundle(tmp_path / 'b', [make_network('phase')], trials, trials, make_manifest())
    found = decode_late(bundle, trials, LOOK_BACK)
    assert set(found) == {0.0}, f'no trial has {LOOK_BACK} bins before Hold later than {LATE_S[0]} s'
    longer = [replace(each, event_bins={'Hold': 28, 'Rew': 30}) for each in make_trials(n_bins=40)]
    found = decode_late(bundle, longer, LOOK_BACK)
    assert set(found) == {0.0, 0.5}
    assert {each.trial.n_bins for each in found[0.5]} == {40 - 12}
    assert {each.trial.event_bins['Hold'] for each in found[0.5]} == {28 - 12}
    assert all(len(each.grasp) == each.trial.n_bins for each in found[0.5])
