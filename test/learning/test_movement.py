# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Continuous signals as what the task dof decodes, from the recording to the report."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.io import savemat

from grasp_decoder.bundle.bundle import load_bundle
from grasp_decoder.bundle.manifest import Movement
from grasp_decoder.cli.adapt import main as adapt
from grasp_decoder.cli.evaluate import main as evaluate
from grasp_decoder.cli.inspect import summary_text
from grasp_decoder.cli.train import main as train
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.trial_bins import TrialBins, bin_trial
from grasp_decoder.learning.models import causal_gru
from grasp_decoder.learning.models.fitting import fit
from grasp_decoder.learning.movement import movement_range, with_movement
from grasp_decoder.objects import load_objects
from grasp_decoder.recording.reading import read_session
from grasp_decoder.recording.session import Trial
from grasp_decoder.recording.summary import summarize
from grasp_decoder.recording.synthetic import synthesize
from grasp_decoder.recording.writing import write_session

from helpers.without_elapsed_time import without_elapsed_time

BIN_NS = 40_000_000


def trial(times_ns, values):
    return Trial(
        0,
        1000,
        1000 + 10 * BIN_NS,
        {'Hold': 1000 + 3 * BIN_NS, 'Rew': 1000 + 6 * BIN_NS},
        21,
        True,
        np.array([2000]),
        np.zeros(1, np.uint16),
        {'hand': (times_ns, values)},
    )


def slope():
    times = 1000 + np.arange(0, 11 * BIN_NS, BIN_NS // 4)
    return trial(times, np.stack([(times - 1000) / 1e9, 3 - (times - 1000) / 1e9], axis=1))


def test_position_is_that_at_the_end_of_the_bin_and_velocity_its_slope():
    recorded = slope()
    bins = bin_trial(recorded, 1, BIN_NS, {})
    position = with_movement(bins, recorded, Movement('hand', False, (0.0, 0.0), (1.0, 1.0))).dof
    np.testing.assert_allclose(position[:, 0], 0.04 * np.arange(1, 11), atol=1e-6)
    velocity = with_movement(bins, recorded, Movement('hand', True, (0.0, 0.0), (1.0, 1.0))).dof
    np.testing.assert_allclose(velocity, np.tile([1.0, -1.0], (10, 1)), atol=1e-5)


@pytest.mark.parametrize(
    'change, message',
    [
        ({'signals': {}}, "has no signal 'hand'; it has none"),
        ({'signals': {'hand': (np.array([1000]), np.ones((1, 1)))}}, 'does not cover trial 0'),
        ({'signals': {'hand': (slope().signals['hand'][0], np.full((44, 1), np.nan))}}, 'contains NaN in trial 0'),
    ],
)
def test_movement_that_cannot_be_decoded_is_refused(change, message):
    recorded = slope()
    bins = bin_trial(recorded, 1, BIN_NS, {})
    with pytest.raises(GraspDecoderError, match=message):
        with_movement(bins, replace(recorded, **change), Movement('hand', False, (0.0,), (1.0,)))


@pytest.fixture(scope='module')
def moving(tmp_path_factory):
    """A synthetic session whose signal follows the grasp, and beside it one that never moves."""
    session = synthesize(units=12, trials=24, objects=2)[0]
    trials = []
    for each in session.trials:
        times = np.arange(each.start_ns, each.stop_ns + 10_000_000, 10_000_000)
        closed = ((times >= each.events['Hold']) & (times < each.events['Rew'])).astype(float)
        closed = np.convolve(closed, np.ones(31) / 31, mode='same')
        trials.append(
            replace(
                each, signals={'finger': (times, 20 * closed[:, None]), 'still': (times, np.full((len(times), 1), 4.0))}
            )
        )
    path = tmp_path_factory.mktemp('moving') / 'Moving.neo.mat'
    write_session(replace(session, trials=tuple(trials)), path)
    return path


@pytest.mark.slow
def test_a_signal_is_trained_evaluated_and_kept_from_the_hand(moving, tmp_path):
    out = tmp_path / 'out'
    assert train(['--session', str(moving), '--out', str(out), '--tasks', 'phase,dof', '--dof', 'finger']) == 0
    movement = load_bundle(out).manifest.movement
    assert movement.signal == 'finger' and movement.low[0] < 0 < 20 * 0.3 < movement.high[0] < 30
    found = json.loads((out / 'report' / 'metrics.json').read_text())
    assert found['dof']['r2'] > 0.2
    assert 'signal “finger”' in (out / 'report' / 'report.html').read_text()
    assert evaluate(['--bundle', str(out), '--session', str(moving), '--json', str(tmp_path / 'e.json')]) == 0
    assert json.loads((tmp_path / 'e.json').read_text())['dof'] == without_elapsed_time(found['dof'])
    session, day, adapted = read_session(moving), tmp_path / 'Turned.neo.mat', tmp_path / 'adapted'
    turned = tuple(replace(each, units=session.unit_count - 1 - each.units) for each in session.trials)
    units = tuple(replace(unit, index=index) for index, unit in enumerate(session.units[::-1]))
    write_session(replace(session, units=units, trials=turned), day)
    assert adapt([str(out), '--session', str(day), '--out', str(adapted)]) == 0
    assert load_bundle(adapted).manifest.movement == movement
    assert evaluate(['--bundle', str(adapted), '--session', str(day), '--json', str(tmp_path / 'a.json')]) == 0
    assert json.loads((tmp_path / 'a.json').read_text())['dof']['r2'] > 0.2


@pytest.mark.parametrize(
    'change, message',
    [
        (['--dof', 'still'], 'is constant (4) in all training trials'),
        (['--dof', 'nose'], "has no signal 'nose'; it has finger, still"),
        (['--velocity'], 'name it (--dof)'),
    ],
)
def test_bad_signals_are_one_line(moving, tmp_path, capsys, change, message):
    assert train(['--session', str(moving), '--out', str(tmp_path / 'out'), *change]) == 2
    assert message in capsys.readouterr().err.strip().splitlines()[-1]


def test_a_movement_is_learnt_from_counts_as_they_were_recorded(monkeypatch):
    rng = np.random.default_rng(0)
    counts = rng.poisson(2, (12, 20, 5)).astype(np.uint16)
    rest, moves = np.zeros(20, np.uint8), rng.random((20, 2), np.float32)
    trials = [TrialBins(i, 0, 0, BIN_NS, i * 10**9, each, rest, moves, {}) for i, each in enumerate(counts)]
    monkeypatch.setattr(causal_gru, '_fit', causal_gru._Batches)
    batches = fit('dof', trials[:10], trials[10:], (), model='causal_gru')
    seen = np.concatenate([batches[index][0] for index in range(len(batches))])
    assert sorted(each.tolist() for each in seen) == sorted(each.tolist() for each in counts[:10])


@pytest.fixture(scope='module')
def kinematics(tmp_path_factory):
    rng = np.random.default_rng(0)
    velocity = rng.normal(0, 1, (600, 2)).cumsum(axis=0) * 0.2
    velocity[::30] = 0
    position = velocity.cumsum(axis=0)
    rates = np.exp(0.3 + np.tanh(np.concatenate([position, velocity], axis=1)) @ rng.normal(0, 0.6, (4, 15)))
    path = tmp_path_factory.mktemp('kinematics') / 'reach.mat'
    savemat(path, {'X': np.concatenate([position, velocity], axis=1), 'Y': rng.poisson(rates).astype(np.uint8)})
    return path


def test_binned_kinematics_are_a_session_with_the_same_counts(kinematics):
    from grasp_decoder.features.trial_bins import bin_trials
    from grasp_decoder.recording.binned_kinematics import read_binned_kinematics

    binned, session = read_binned_kinematics(kinematics), read_session(kinematics)
    trials = bin_trials(session, 100_000_000)
    for each, counts, movement in zip(trials, binned.counts, binned.movement, strict=True):
        np.testing.assert_array_equal(each.counts, counts)
        np.testing.assert_allclose(
            with_movement(each, session.trials[each.trial_id], Movement('velocity', False, (0, 0), (1, 1))).dof,
            movement[:, 2:],
            atol=1e-5,
        )
    described = summary_text(session, summarize(session), load_objects())
    assert f'trials  {len(trials)} usable' in described and 'movement but no grasps' in described
    found = movement_range(session, trials, 'position', False)
    assert found.low[0] < min(movement[:, 0].min() for movement in binned.movement)


@pytest.mark.slow
def test_binned_kinematics_through_train_and_evaluate(kinematics, tmp_path, capsys):
    common = ['--session', str(kinematics), '--bin-ms', '100']
    out = tmp_path / 'out'
    assert train([*common, '--out', str(out), '--dof', 'position', '--max-seconds', '20']) == 0
    found = json.loads((out / 'report' / 'metrics.json').read_text())
    assert found.keys() >= {'dof', 'int8'} and 'object' not in found and len(found['dof']['r2_each']) == 2
    assert evaluate(['--bundle', str(out), '--session', str(kinematics), '--json', str(tmp_path / 'e.json')]) == 0
    capsys.readouterr()
    assert adapt([str(out), '--session', str(kinematics), '--out', str(tmp_path / 'adapted')]) == 2
    assert 'decodes nothing but a movement' in capsys.readouterr().err
    assert train([*common, '--out', str(out), '--tasks', 'phase']) == 2
    assert 'movement and no grasps' in capsys.readouterr().err
