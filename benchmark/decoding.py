"""How well the decoders decode: the paper's tables on MSyn40, reach directions and cursor position on real recordings.

``--variants`` compares model families on validation trials instead and writes the table of docs/decoding.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split

from benchmark.decoding_variants import compare_variants
from benchmark.material import recording
from benchmark.results import print_table, write_results
from grasp_decoder.cli.command_line import exit_status
from grasp_decoder.features.splits import Split
from grasp_decoder.features.trial_bins import bin_trials, classes_of
from grasp_decoder.features.windows import choose_look_back
from grasp_decoder.learning import metrics
from grasp_decoder.learning.comparison import ALL, FAST, LDA, compare
from grasp_decoder.learning.decoded_trials import predict_trials
from grasp_decoder.learning.evaluation import scores
from grasp_decoder.learning.experiment import Narrator, Settings, run_experiment
from grasp_decoder.learning.fitting import fit
from grasp_decoder.learning.regression import MovementScale, movement_trials
from grasp_decoder.learning.tables import competitors
from grasp_decoder.recording.kinematics import read_binned_kinematics
from grasp_decoder.recording.reading import read_session

FOLDS = 5
HISTORY_BINS = 10
REACH_BIN_NS = 40_000_000
REDUCED_FRACTION = 0.3
SEED = 42


def main(argv=None) -> int:
    return exit_status(_decoding, argv)


def _decoding(argv) -> int:
    parser = argparse.ArgumentParser(prog='decoding', description=__doc__.split('\n')[0])
    parser.add_argument('--only', choices=('grasp', 'reach', 'cursor'),
                        help='one recording of the three (default all)')
    parser.add_argument('--splits', type=int, default=5, help='splits of MSyn40 to average over (default 5)')
    parser.add_argument('--variants', action='store_true', help='compare model families on validation trials instead')
    parser.add_argument('--baselines', choices=(FAST, ALL), default=ALL,
                        help="all: the paper's BiLSTM as well, minutes per split (default)")
    arguments = parser.parse_args(argv)
    if arguments.variants:
        return compare_variants()
    parts = {'grasp': lambda: _grasp(arguments.splits, arguments.baselines), 'reach': _reach, 'cursor': _cursor}
    results = {name: part() for name, part in parts.items() if arguments.only in (None, name)}
    write_results('decoding', results, _figure(results))
    return 0


class _Lines(Narrator):
    def say(self, line: str) -> None:
        print(line, flush=True)


def _grasp(splits: int, baselines: str) -> dict:
    """The paper's tables 3 to 5 on MSyn40: this decoder, its baselines, and 30 % of the trials."""
    settings = Settings(repeats=splits, baselines=baselines, train_fractions=(0.8, REDUCED_FRACTION))
    with tempfile.TemporaryDirectory() as folder:
        evaluation = run_experiment(recording('MSyn40.neo.mat'), Path(folder, 'bundle'), settings, _Lines(),
                                    lambda report, found: None)
    found = scores(evaluation)
    print_table(('MSyn40, hold windows', 'accuracy %', 'relaxed %', 'per trial %'), [
        (name, *(100 * row[key] for key in ('accuracy', 'relaxed_accuracy', 'trial_accuracy')))
        for name, row in competitors(found)])
    phase, reduced = found['phase'], found['training_curve'][-1]
    print_table(('', 'value'), [
        ('one endless segment, accuracy %', 100 * found['object']['endless_accuracy']),
        (f'{REDUCED_FRACTION:.0%} of the trials, accuracy %', 100 * reduced['decoder']['accuracy']),
        (f'{REDUCED_FRACTION:.0%} of the trials, LDA %', 100 * reduced[LDA]['accuracy']),
        ('phase accuracy %', 100 * phase['accuracy']), ('phase F1', phase['f1']),
        ('onset error, bins', phase['onset_error_bins']), ('offset error, bins', phase['offset_error_bins']),
        ('false onsets per minute of rest', phase['false_onsets_per_minute']),
        ('synthetic degree of freedom, R2', found['dof']['r2']),
        *((name, seconds) for name, seconds in evaluation.timing.items())])
    return found | {'timing': evaluation.timing}


def _reach() -> dict:
    """Direction of real reaches, every trial tested once: this decoder and LDA on the same windows."""
    trials = bin_trials(read_session(recording('reach97_train.neo.mat')), REACH_BIN_NS)
    look_back, classes = choose_look_back(trials), classes_of(trials)
    labels = [trial.object_id for trial in trials]
    ours, lda = [], []
    for known, tested in StratifiedKFold(FOLDS, shuffle=True, random_state=SEED).split(trials, labels):
        train, validation = train_test_split(known, test_size=0.2, random_state=SEED,
                                             stratify=[labels[index] for index in known])
        split = Split(*([trials[index] for index in part] for part in (train, validation, tested)), classes)
        network = fit('object', split.train, split.validation, classes, look_back=look_back)
        ours.append(metrics.hold_windows(predict_trials({'object': network}, split.test), classes, look_back))
        lda.append(compare(split, look_back)[LDA])
    ours, lda = metrics.pool(ours), metrics.pool(lda)
    difference = ours.correct.astype(float) - lda.correct
    found = {'accuracy': float(ours.correct.mean()), 'ci95': metrics.mean_interval(ours.correct, ours.trial),
             'lda': float(lda.correct.mean()), 'difference': float(difference.mean()),
             'difference_ci95': metrics.mean_interval(difference, ours.trial)}
    print_table(('reach97, windows inside Hold, 5 folds', '%', 'from', 'to'), [
        ('this decoder', 100 * found['accuracy'], *(100 * bound for bound in found['ci95'])),
        ('LDA', 100 * found['lda'], '', ''),
        ('difference, paired', 100 * found['difference'], *(100 * bound for bound in found['difference_ci95']))])
    return found


def _cursor() -> dict:
    """Hand position of a real recording, folds by trial: this decoder and ridge regression on 10 bins."""
    trials = movement_trials(read_binned_kinematics(recording('contdata95.mat')))
    truth, ours, ridge = [], [], []
    for known, tested in KFold(FOLDS, shuffle=True, random_state=SEED).split(trials):
        train, validation = train_test_split(known, test_size=0.15, random_state=SEED)
        scale = MovementScale.of([trials[index].dof for index in train])
        scaled = [replace(trial, dof=scale.to_targets(trial.dof)) for trial in trials]
        network = fit('dof', [scaled[index] for index in train], [scaled[index] for index in validation], ())
        ours += [scale.to_movement(decoded) for decoded in network.predict([trials[index] for index in tested])]
        model = Ridge(100.0).fit(np.concatenate([_history(trials[index].counts) for index in known]),
                                 np.concatenate([trials[index].dof for index in known]))
        ridge += [model.predict(_history(trials[index].counts)) for index in tested]
        truth += [trials[index].dof for index in tested]
    truth = np.concatenate(truth)
    found = {name: dict(zip('xy', r2_score(truth, np.concatenate(decoded), multioutput='raw_values').tolist()))
             for name, decoded in (('decoder', ours), ('ridge', ridge))}
    print_table(('contdata95, position, R2', 'x', 'y'), [(name, row['x'], row['y']) for name, row in found.items()])
    return found


def _history(counts: np.ndarray) -> np.ndarray:
    """The last 10 bins of every bin of one trial, (n_bins, 10 units), zeros before its start."""
    padded = np.concatenate([np.zeros((HISTORY_BINS - 1, counts.shape[1])), counts])
    return np.lib.stride_tricks.sliding_window_view(padded, HISTORY_BINS, axis=0).reshape(len(counts), -1)


def _figure(results: dict):
    figure, axes = plt.subplots(figsize=(7, 3))
    bars = [(name, row['accuracy']) for name, row in competitors(results['grasp'])] if 'grasp' in results else []
    if 'reach' in results:
        bars += [('reach97, this decoder', results['reach']['accuracy']), ('reach97, LDA', results['reach']['lda'])]
    if 'cursor' in results:
        bars += [(f'contdata95 R2 {axis}, {name}', row[axis])
                 for name, row in results['cursor'].items() for axis in 'xy']
    names, values = zip(*bars)
    axes.barh(names, values)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.bar_label(axes.containers[0], fmt='%.3f', padding=2)
    return figure


if __name__ == '__main__':
    sys.exit(main())
