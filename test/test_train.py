"""train and evaluate from the command line, on a small synthetic session."""

import json
import re

import numpy as np
import pytest

from grasp_decoder.bundle.bundle import load_bundle
from grasp_decoder.cli.evaluate import main as evaluate
from grasp_decoder.cli.train import main as train
from grasp_decoder.recording.synthetic import synthesize
from grasp_decoder.recording.writing import write_session


@pytest.fixture(scope='module')
def session(tmp_path_factory):
    path = tmp_path_factory.mktemp('session') / 'Small.neo.mat'
    write_session(synthesize(units=12, trials=24, objects=2)[0], path)
    return path


@pytest.fixture(scope='module')
def bundle(session):
    path = session.with_name('bundle')
    assert train(['--session', str(session), '--out', str(path)]) == 0
    return path


def metrics_of(bundle):
    found = json.loads((bundle / 'report' / 'metrics.json').read_text())
    return found, found.pop('timing')


@pytest.mark.slow
def test_metrics_have_the_promised_keys(bundle):
    found, timing = metrics_of(bundle)
    assert {'accuracy', 'relaxed_accuracy', 'ci95', 'n_windows', 'trial_accuracy',
            'endless_accuracy'} <= found['object'].keys()
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
        task: trained[task] for task in ('object', 'phase', 'dof', 'int8')}


@pytest.mark.slow
def test_the_split_is_in_the_manifest(session, bundle):
    source, = load_bundle(bundle).manifest.sessions
    parts = source.train, source.validation, source.test
    assert not set(parts[0]) & set(parts[1]) and not set(parts[0] + parts[1]) & set(parts[2])
    assert len(parts[2]) == int(np.ceil(0.2 * sum(map(len, parts))))


@pytest.mark.parametrize('change, message', [
    (['--session', 'absent.neo.mat'], 'no such file'),
    (['--bin-ms', '5000'], 'longer than the hold phase'),
    (['--look-back', '70'], 'does not fit'),
    (['--model', 'no_such'], "no model 'no_such'"),
    (['--merge', 'absent.yaml'], 'cannot read the merge map'),
    (['--train-fraction', '1.5'], 'between 0 and 1'),
    (['--out', '/dev/null/x'], 'cannot write'),
])
def test_bad_input_is_one_line_and_nothing_is_written(session, tmp_path, capsys, change, message):
    assert train(['--session', str(session), '--out', str(tmp_path / 'out'), *change]) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith('error: ') and message in last
    assert not list(tmp_path.iterdir())
