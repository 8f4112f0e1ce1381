# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""train and evaluate from the command line, on a small synthetic session."""

import json
import os
import re
import signal
from dataclasses import replace

import numpy as np
import pytest

from grasp_decoder.bundle.bundle import load_bundle
from grasp_decoder.cli.adapt import main as adapt
from grasp_decoder.cli.console_progress import ConsoleProgress
from grasp_decoder.cli.evaluate import main as evaluate
from grasp_decoder.cli.train import _parser
from grasp_decoder.cli.train import main as train
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.learning.adaptation import require_fit
from grasp_decoder.learning.experiment.measurements import Measurements
from grasp_decoder.learning.experiment.preparation import prepare
from grasp_decoder.learning.experiment.progress_report import ProgressReport
from grasp_decoder.learning.experiment.settings import Settings
from grasp_decoder.learning.models.fitting import fit
from grasp_decoder.recording.synthetic import synthesize
from grasp_decoder.recording.writing import write_session

from helpers.tampered import copied_thirty_times
from helpers.without_elapsed_time import without_elapsed_time

pytestmark = pytest.mark.usefixtures('short_training')


@pytest.fixture(scope='module')
def session(tmp_path_factory):
    path = tmp_path_factory.mktemp('session') / 'Small.neo.mat'
    write_session(synthesize(units=12, trials=24, objects=2)[0], path)
    return path


@pytest.fixture(scope='module')
def bundle(session, short_training):
    path = session.with_name('bundle')
    assert train(['--session', str(session), '--out', str(path)]) == 0
    return path


def metrics_of(bundle):
    found = json.loads((bundle / 'report' / 'metrics.json').read_text())
    return found, found.pop('timing')


@pytest.mark.slow
def test_metrics_have_the_promised_keys(bundle):
    found, timing = metrics_of(bundle)
    assert {'accuracy', 'relaxed_accuracy', 'ci95', 'n_windows', 'trial_accuracy', 'endless_accuracy'} <= found[
        'object'
    ].keys()
    assert {'accuracy', 'f1', 'confusion', 'onset_error_bins'} <= found['phase'].keys()
    assert 0.3 < found['dof']['r2'] < 1 and 0.3 < found['int8']['dof']['r2'] < 1
    for task in ('phase', 'object'):
        assert {'agreement', 'accuracy'} <= found['int8'][task].keys()
    assert found['int8']['agreement'] == min(found['int8'][task]['agreement'] for task in ('phase', 'object'))
    assert {'naive_bayes', 'lda'} <= found['baselines'].keys()
    assert {'read_s', 'bin_s', 'train_phase_s', 'train_object_s', 'peak_rss_mb'} <= timing.keys()
    assert found['object']['relaxed_accuracy'] == 1  # two objects are neighbours


@pytest.mark.slow
def test_the_same_training_gives_the_same_metrics(session, bundle, tmp_path):
    assert train(['--session', str(session), '--out', str(tmp_path / 'again')]) == 0
    assert metrics_of(tmp_path / 'again')[0] == metrics_of(bundle)[0]


@pytest.mark.slow
def test_the_final_bundle_is_fitted_on_all_trials_and_scored_on_those_held_out(session, bundle, tmp_path):
    out = tmp_path / 'out'
    options = ['--tasks', 'phase,object', '--baselines', 'none', '--final']
    assert train(['--session', str(session), '--out', str(out), *options]) == 0
    made, held_out = load_bundle(out).manifest, load_bundle(bundle).manifest
    assert made.final and made.sessions[0].test == ()
    assert set(made.sessions[0].train) == {*held_out.sessions[0].train, *held_out.sessions[0].test}
    assert metrics_of(out)[0]['phase'] == metrics_of(bundle)[0]['phase']


@pytest.mark.slow
def test_the_report_stands_alone(bundle):
    page = (bundle / 'report' / 'report.html').read_text()
    assert all(source.startswith('data:') for source in re.findall(r'(?:src|href)="([^"]*)"', page))
    assert 'url(' not in page and '<script' not in page
    assert {path.stem for path in (bundle / 'report').glob('*.png')} >= {'confusion', 'over_time', 'calibration'}


@pytest.mark.slow
def test_evaluate_scores_the_held_out_trials_as_training_did(session, bundle, tmp_path):
    assert evaluate(['--bundle', str(bundle), '--session', str(session), '--json', str(tmp_path / 'out.json')]) == 0
    found = json.loads((tmp_path / 'out.json').read_text())
    trained, _ = metrics_of(bundle)
    assert {task: found[task] for task in ('object', 'phase', 'dof', 'int8')} == {
        task: without_elapsed_time(trained[task]) for task in ('object', 'phase', 'dof', 'int8')
    }


def test_a_session_that_looks_tampered_with_is_refused_unless_it_is_accepted(tmp_path, capsys):
    path = tmp_path / 'copied.mat'
    write_session(copied_thirty_times(synthesize(24, 20, 2)[0], copies=3)[0], path)
    assert train(['--session', str(path), '--out', str(tmp_path / 'out')]) == 2
    assert 'trials 10, 11, 12 are 3 copies of trial 5. Look at it, and give --accept-susp' in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()
    prepare(path, Settings(accept_suspicious=True), ProgressReport(), Measurements())


@pytest.mark.slow
def test_the_split_is_in_the_manifest(session, bundle):
    (source,) = load_bundle(bundle).manifest.sessions
    parts = source.train, source.validation, source.test
    assert not set(parts[0]) & set(parts[1]) and not set(parts[0] + parts[1]) & set(parts[2])
    assert len(parts[2]) == int(np.ceil(0.2 * sum(map(len, parts))))


@pytest.mark.parametrize(
    'change, message',
    [
        (['--session', 'absent.neo.mat'], 'no such file'),
        (['--bin-ms', '5000'], 'longer than the hold phase'),
        (['--look-back', '70'], 'does not fit'),
        (['--model', 'no_such'], "no model 'no_such'"),
        (['--merge', 'absent.yaml'], 'cannot read the merge map'),
        (['--train-fraction', '1.5'], 'between 0 and 1'),
        (['--out', '/dev/null/x'], 'cannot write'),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(session, tmp_path, capsys, change, message):
    assert train(['--session', str(session), '--out', str(tmp_path / 'out'), *change]) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith('error: ') and message in last
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('name, protocol', [('published', 'published'), ('seed', 'published'), ('default', 'default')])
def test_the_published_protocol_still_answers_to_its_old_name(name, protocol):
    arguments = _parser().parse_args(['--session', 'a.nix', '--out', 'b', '--protocol', name])
    assert arguments.protocol == protocol


def test_help_gives_every_default(capsys):
    for main, required in ((train, 2), (evaluate, 3)):
        with pytest.raises(SystemExit):
            main(['--help'])
        options = capsys.readouterr().out.split('options:')[1]
        entries = re.split(r'\n  (?=-)', options)[2:]  # after --help
        without = [entry.split()[0] for entry in entries if '(default: ' not in ' '.join(entry.split())]
        assert len(without) == required, without


@pytest.mark.slow
def test_object_alone_is_trained_and_evaluated(session, tmp_path):
    assert (
        train(
            [
                '--session',
                str(session),
                '--out',
                str(tmp_path / 'out'),
                '--tasks',
                'object',
                '--baselines',
                'none',
                '--train-fraction',
                '0.8',
                '0.5',
            ]
        )
        == 0
    )
    found, _ = metrics_of(tmp_path / 'out')
    assert {'object', 'int8', 'training_curve'} <= found.keys() and 'phase' not in found
    assert [row['train_fraction'] for row in found['training_curve']] == [0.8, 0.5]


@pytest.mark.slow
def test_phase_alone_needs_no_classes(tmp_path, capsys):
    path = tmp_path / 'One.neo.mat'
    write_session(synthesize(units=8, trials=12, objects=1)[0], path)
    assert train(['--session', str(path), '--out', str(tmp_path / 'none')]) == 2
    limited = ['--session', str(path), '--tasks', 'phase', '--max-seconds', '0.01']
    assert train([*limited, '--out', str(tmp_path / 'out')]) == 0
    found, timing = metrics_of(tmp_path / 'out')
    assert found.keys() >= {'phase', 'int8'} and timing['over_max_seconds_s'] > 0
    said, page = capsys.readouterr().err, (tmp_path / 'out' / 'report' / 'report.html').read_text()
    for text in (
        'training ended early',
        'longer than --max-seconds allows',
        'trials as one endless segment; segments that begin late',
    ):
        assert text in said and text in page
    assert load_bundle(tmp_path / 'out').manifest.classes == ()


@pytest.mark.slow
def test_several_sessions_of_one_name_are_told_apart(session, tmp_path):
    second = tmp_path / 'Other.neo.mat'
    write_session(synthesize(units=10, trials=20, objects=2, seed=1)[0], second)
    assert train(['--session', str(session), str(second), '--out', str(tmp_path / 'out'), '--max-seconds', '2']) == 0
    joint = json.loads((tmp_path / 'out' / 'report' / 'metrics.json').read_text())
    assert joint['sessions'].keys() == {'Small', 'Other'} and 'global' in joint['groups']
    assert load_bundle(tmp_path / 'out' / 'Small').manifest.unit_count == 12


def test_a_bad_second_session_is_found_before_the_first_is_trained(session, tmp_path, capsys):
    second = tmp_path / 'One.neo.mat'
    write_session(synthesize(units=10, trials=20, objects=1)[0], second)
    assert train(['--session', str(session), str(second), '--out', str(tmp_path / 'out')]) == 2
    assert 'two objects with at least 3 usable trials' in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


@pytest.mark.slow
def test_interrupted_repeats_leave_the_bundle_and_what_is_finished(session, tmp_path, monkeypatch, capsys):
    from grasp_decoder.learning.experiment import training

    fits = []

    def fit_and_interrupt(*arguments, **options):
        fits.append(options['seed'])
        if len(fits) == 7:  # the first network of the third split
            try:  # as training does: it ends with its best epoch so far
                os.kill(os.getpid(), signal.SIGINT)
            except KeyboardInterrupt:
                pass
        return fit(*arguments, **options)

    monkeypatch.setattr(training, 'fit', fit_and_interrupt)
    assert train(['--session', str(session), '--out', str(tmp_path / 'out'), '--repeats', '4']) == 0
    assert fits == [42] * 3 + [1] * 3 + [2]
    found, _ = metrics_of(tmp_path / 'out')
    assert len(found['object']['accuracy_of_repeats']) == 2
    assert len(found['baselines']['lda']['accuracy_of_repeats']) == 2
    said = capsys.readouterr().err
    assert 'interrupted: the bundle is written' in said and 'left out: splits 2, 3; baseline' in said
    assert (
        'left out, by --max-seconds or Ctrl-C: splits 2, 3; baseline'
        in (tmp_path / 'out' / 'report' / 'report.html').read_text()
    )


@pytest.mark.slow
def test_training_goes_on_from_another_days_bundle(bundle, tmp_path, capsys):
    path = tmp_path / 'Next.neo.mat'
    write_session(synthesize(units=15, trials=20, objects=3, seed=1)[0], path)
    common = ['--session', str(path), '--out', str(tmp_path / 'out'), '--baselines', 'none']
    assert train([*common, '--init-from', str(bundle), str(bundle)]) == 0
    made = load_bundle(tmp_path / 'out')
    assert made.manifest.unit_count == 15 and len(made.manifest.classes) == 3
    assert made.manifest.started_from == load_bundle(bundle).id
    for change, message in (
        (['--bin-ms', '80'], 'decodes bins of 40 ms'),
        (['--model', 'causal_gru'], 'leave out'),
        (['--tasks', 'phase', '--init-from', str(path.parent)], 'missing from the bundle'),
    ):
        assert train([*common, '--init-from', str(bundle), *change]) == 2
        assert message in capsys.readouterr().err


@pytest.mark.slow
def test_a_network_learns_from_earlier_sessions_as_well(tmp_path, capsys):
    earlier, newest = synthesize(units=16, trials=40, objects=2, days=2)
    order = np.random.default_rng(0).permutation(len(earlier.trials))
    mixed_up = [
        replace(trial, object_id=earlier.trials[index].object_id) for trial, index in zip(earlier.trials, order)
    ]
    path, others = tmp_path / 'Newest.neo.mat', [tmp_path / f'{name}.neo.mat' for name in ('Earlier', 'MixedUp', 'Few')]
    few = synthesize(units=12, trials=24, objects=3)[0]
    for each, file in zip((newest, earlier, replace(earlier, trials=mixed_up), few), (path, *others)):
        write_session(each, file)
    common = ['--session', str(path), '--out', str(tmp_path / 'out'), '--tasks', 'object', '--baselines', 'none']
    assert train([*common, '--earlier-sessions', *map(str, others[:2])]) == 0
    assert re.search('MixedUp.neo.mat is left out, as it does not fit: .* tells [0-9]+% ', capsys.readouterr().err)
    made = load_bundle(tmp_path / 'out')
    assert (made.manifest.name, made.manifest.unit_count) == (newest.name, newest.unit_count)
    learnt, also = made.manifest.sessions
    assert (learnt.name, also.name) == (newest.name, earlier.name) and len(also.train) == len(earlier.trials)
    assert f'learnt from {earlier.name} as well' in (tmp_path / 'out' / 'report' / 'report.html').read_text()
    for wrong, message in (
        ([str(others[2])], 'have different objects'),
        ([str(others[0]), '--model', 'fisher_gru'], 'leave out --model'),
        ([str(path)], 'is the session itself'),
        ([str(tmp_path / 'none')], 'no such file'),
    ):
        assert train([*common, '--earlier-sessions', *wrong]) == 2
        assert message in capsys.readouterr().err


def test_what_is_left_out_is_said(tmp_path, capsys):
    made = synthesize(units=6, trials=26, objects=3)[0]
    rare = made.trials[0].object_id
    few = [trial for trial in made.trials if trial.object_id == rare and trial.usable][2:]
    trials = [
        replace(trial, correct=False)
        if trial in few
        else replace(trial, times_ns=trial.times_ns[trial.units != 1], units=trial.units[trial.units != 1])
        for trial in made.trials
    ]
    write_session(replace(made, trials=tuple(trials)), tmp_path / 'Rare.neo.mat')
    prepare(tmp_path / 'Rare.neo.mat', Settings(), ConsoleProgress(), Measurements())
    said = capsys.readouterr().err
    assert f'object {rare} (2)' in said and 'units have no spike in any usable trial' in said and '2 objects' in said


def test_no_spikes_at_all_is_one_line(tmp_path, capsys):
    made = synthesize(units=3, trials=8, objects=2)[0]
    trials = [replace(trial, times_ns=trial.times_ns[:0], units=trial.units[:0]) for trial in made.trials]
    write_session(replace(made, trials=tuple(trials)), tmp_path / 'Silent.neo.mat')
    assert train(['--session', str(tmp_path / 'Silent.neo.mat'), '--out', str(tmp_path / 'out')]) == 2
    assert 'no trial has a single spike' in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize('model', ['fisher_gru', 'causal_gru', 'seed_bilstm'])
def test_constant_and_empty_units_are_no_trouble(model):
    trials = []
    for index in range(12):
        counts = np.zeros((20, 4), np.uint16)
        counts[:, 1] = 3  # the same in every bin of every trial; unit 0 is silent
        counts[8:16, 2 + index % 2] = 2
        trials.append(
            TrialBins(
                index,
                21 + index % 2,
                21 + index % 2,
                40_000_000,
                0,
                counts,
                np.repeat([0, 1, 0], [8, 8, 4]).astype(np.uint8),
                np.zeros(20, np.float32),
                {'Cue': 2, 'Go': 5, 'Hold': 8, 'Rew': 16, 'End': 19},
            )
        )
    network = fit('object', trials[:8], trials[8:], (21, 22), model=model, look_back=3, max_seconds=5)
    assert all(np.isfinite(answer[2:]).all() for answer in network.predict(trials))


@pytest.mark.slow
@pytest.mark.parametrize('per_object', [4, 0])
def test_a_bundle_is_adapted_to_another_day(bundle, tmp_path, capsys, per_object):
    day, out = tmp_path / 'Next.neo.mat', tmp_path / 'next'
    next_day = synthesize(units=12, trials=24, objects=2, days=2)[1]
    write_session(next_day, day)
    tampered = tmp_path / 'Tampered.neo.mat'
    write_session(copied_thirty_times(next_day, 5)[0], tampered)
    assert adapt([str(bundle), '--session', str(day), '--out', str(out), '--trials-per-object', str(per_object)]) == 0
    said = capsys.readouterr().err
    assert 'were matched to units of the earlier day' in said
    assert ('expected accuracy in the hold phase' in said) == bool(per_object)
    assert adapt([str(bundle), str(out), '--session', str(tampered), '--out', str(tmp_path / 'none')]) == 2
    assert 'looks damaged or tampered with' in capsys.readouterr().err
    assert not (tmp_path / 'none').exists()
    earlier, made = load_bundle(bundle), load_bundle(out)
    assert made.models == earlier.models and made.manifest.started_from == earlier.id
    assert made.manifest.unit_count == next_day.unit_count
    assert len(made.manifest.sessions[0].train) == 2 * per_object
    assert not np.array_equal(made.read_ins['object'].kernel, earlier.read_ins['object'].kernel)
    assert evaluate(['--bundle', str(out), '--session', str(day), '--json', str(tmp_path / 'scores.json')]) == 0
    assert json.loads((tmp_path / 'scores.json').read_text())['phase']['accuracy'] > 0.7
    arguments = ['--session', str(day), '--out', str(tmp_path / 'new'), '--better-than', str(out)]
    assert adapt([str(bundle), *arguments]) == 2
    assert '24 trials are too few to compare' in capsys.readouterr().err and not (tmp_path / 'new').exists()
    if per_object:
        again = tmp_path / 'again'
        assert adapt([str(bundle), str(out), '--session', str(day), '--out', str(again)]) == 0
        assert f'{out} is taken' in capsys.readouterr().err
        assert load_bundle(again).manifest.started_from == made.id


@pytest.mark.slow
def test_a_bundle_of_another_animal_is_noticed_and_not_used(bundle, tmp_path, capsys):
    loaded = load_bundle(bundle)
    require_fit(loaded, loaded.manifest.metrics['object']['accuracy'])
    with pytest.raises(GraspDecoderError, match='does not fit this session.*another animal'):
        require_fit(loaded, 0.5)  # of two objects
    write_session(synthesize(units=12, trials=24, objects=2, seed=5)[0], tmp_path / 'Other.neo.mat')
    arguments = [str(bundle), '--session', str(tmp_path / 'Other.neo.mat'), '--out', str(tmp_path / 'out')]
    assert adapt([*arguments, '--trials-per-object', '0']) == 2
    assert 'on the same electrode, units fire no more alike than on others' in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()
