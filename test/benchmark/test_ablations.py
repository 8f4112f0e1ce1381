# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The ablations: a state that is cleared on the way hears nothing of what was before."""

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from benchmark import ablations, results
from benchmark.ablations import cleared
from grasp_decoder.bundle.task_network import OBJECT, RECURRENT, TaskNetwork
from grasp_decoder.features.count_features import IDENTITY_LUT
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.recording.synthetic import synthesize
from grasp_decoder.recording.writing import write_session


def running_sums(trials):
    return [np.cumsum(trial.counts, axis=0).astype(np.float32) for trial in trials]


NETWORK = TaskNetwork(OBJECT, 'sum', RECURRENT, 1, IDENTITY_LUT, None, running_sums)
NETWORK_OF_TWO = TaskNetwork(
    OBJECT, 'sum', RECURRENT, 1, IDENTITY_LUT, None, lambda trials: [sums[:, :2] for sums in running_sums(trials)]
)


@given(st.integers(0, 14), st.integers(0, 9))
def test_a_cleared_state_has_heard_the_bins_since_then(bin_, seed):
    counts = np.random.default_rng(seed).poisson(2, (15, 3)).astype(np.uint16)
    phase, dof = np.zeros(15, np.uint8), np.zeros(15, np.float32)
    trial = TrialBins(0, 21, 21, 40_000_000, 0, counts, phase, dof, {'Cue': 2, 'Hold': 9})
    found = cleared(NETWORK, trial, bin_)
    assert found.trial is trial and np.isnan(found.objects[:bin_]).all()
    assert np.array_equal(found.objects[bin_:], np.cumsum(counts[bin_:], axis=0))


def test_every_row_is_measured_and_written(tmp_path, monkeypatch):
    session, out = tmp_path / 'Small.neo.mat', tmp_path / 'out.json'
    write_session(synthesize(units=9, trials=40, objects=2)[0], session)
    monkeypatch.setattr(results, 'ROOT', tmp_path)
    fitted = []

    def fit(task, train, validation, classes, **options):
        fitted.append(train)
        return NETWORK_OF_TWO

    monkeypatch.setattr(ablations, 'fit', fit)
    parts = [tmp_path / f'{part}.json' for part in ('first', 'areas')]
    measured = ['--session', str(session), '--json']
    assert ablations.main([*measured, str(parts[0]), '--only', 'evidence', 'session']) == 0
    assert ablations.main([*measured, str(parts[1]), '--only', 'areas']) == 0
    assert ablations.main(['--merge', *map(str, parts), '--json', str(out)]) == 0
    rows = json.loads(out.read_text())['rows']
    assert list(rows) == [
        'state from the start of the trial',
        'state cleared 12 bins before Hold',
        'state cleared at Go',
        'first 60% of the session, tested on the rest',
        'any 60% of the trials, tested on the rest',
        'AIP alone, 3 units',
        'F5 alone, 3 units',
        'M1 alone, 3 units',
    ]
    assert len(fitted) == 6 and {trial.counts.shape[1] for trial in fitted[-1]} == {3}
    assert all(0 <= row['decoder']['accuracy'] <= 1 for row in rows.values())
    assert ['lda' in row for row in rows.values()] == [True, False, False, True, True, True, True, True]
    assert (tmp_path / 'bench' / 'ablations' / 'ablations.png').exists()
