# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""How well the decoders decode: the paper's tables on MSyn40, reach directions and cursor position on real recordings.

It takes about half an hour on two cores. Every split and fold is kept when it is finished: after an interruption, or
``--max-seconds``, the same command goes on. The finished table is written into docs/decoding.md.

``--variants`` compares model families on validation trials instead and writes that table of docs/decoding.md.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split

from benchmark.decoding_variants import compare_variants
from benchmark.material import recording
from benchmark.pieces import OutOfTime, Piece, Pieces
from benchmark.results import markdown_table, write_results, write_section
from grasp_decoder.cli.command_line import exit_status
from grasp_decoder.features.splits import Split, random_states, split_trials
from grasp_decoder.features.trial_bins import bin_trials, classes_of
from grasp_decoder.features.windows import DEFAULT_LOOK_BACK, choose_look_back
from grasp_decoder.learning.evaluation.baseline_decodes import ALL, FAST, LDA, SEED_BILSTM, decode_baselines
from grasp_decoder.learning.evaluation.decoded_trials import predict_trials
from grasp_decoder.learning.evaluation.intervals import mean_interval, mean_scores
from grasp_decoder.learning.evaluation.object_decodes import hold_windows, pool
from grasp_decoder.learning.evaluation.object_metrics import object_summary
from grasp_decoder.learning.evaluation.scores import scores
from grasp_decoder.learning.experiment.progress_report import ProgressReport
from grasp_decoder.learning.experiment.run import run_experiment
from grasp_decoder.learning.experiment.settings import Settings
from grasp_decoder.learning.models.fitting import fit
from grasp_decoder.learning.movement import MovementScale, movement_trials
from grasp_decoder.learning.report.tables import decoder_and_baselines, number, percent
from grasp_decoder.recording.binned_kinematics import read_binned_kinematics
from grasp_decoder.recording.reading import read_session

GRASP_SESSION = 'MSyn40.neo.mat'
FOLDS = 5
HISTORY_BINS = 10
REACH_BIN_NS = 40_000_000
REDUCED_FRACTION = 0.3
SEED = 42


def main(argv=None) -> int:
    return exit_status(_decoding, argv)


def _decoding(argv) -> int:
    parser = argparse.ArgumentParser(prog='decoding', description=__doc__.split('\n')[0])
    parser.add_argument(
        '--only',
        choices=('grasp', 'reach', 'cursor'),
        help='one recording of the three (default all, which also writes docs/decoding.md)',
    )
    parser.add_argument('--splits', type=int, default=5, help='splits of MSyn40 to average over (default 5)')
    parser.add_argument(
        '--baselines',
        choices=(FAST, ALL),
        default=ALL,
        help="all: the paper's BiLSTM as well, minutes per split (default)",
    )
    parser.add_argument(
        '--max-seconds',
        type=float,
        default=math.inf,
        metavar='S',
        help='begin no split or fold after S seconds; the same command goes on later',
    )
    parser.add_argument('--variants', action='store_true', help='compare model families on validation trials instead')
    arguments = parser.parse_args(argv)
    pieces = Pieces('decoding', arguments.max_seconds)
    parts = {
        'grasp': partial(_grasp, pieces, random_states(arguments.splits, SEED), arguments.baselines),
        'reach': partial(_reach, pieces),
        'cursor': partial(_cursor, pieces),
    }
    try:
        if arguments.variants:
            lines = compare_variants(pieces)
            print('\n'.join(lines))
            write_section('decoding.md', 'variants', lines)
            return 0
        results = {name: part() for name, part in parts.items() if arguments.only in (None, name)}
    except OutOfTime:
        print('the time is over; what is finished is kept: the same command goes on')
        return 0
    results |= {'commit': pieces.commit, 'code': pieces.code, 'date': time.strftime('%Y-%m-%d')}
    lines = _lines(results)
    print('\n'.join(lines))
    write_results('decoding', results, _figure(results))
    if arguments.only is None:
        write_section('decoding.md', 'results', lines)
    return 0


def _grasp(pieces: Pieces, states: list[int], baselines: str) -> dict:
    """The paper's tables 3 to 5 on MSyn40: means over splits of this decoder, its baselines, and 30 % of the trials."""
    rows, decodes = zip(*(pieces.get(f'grasp_{state}', partial(_grasp_split, state)) for state in states))
    rivals = {name: [each[name] for each in decodes] for name in decodes[0]}
    own = rivals.pop('object')
    if baselines == ALL:
        rivals[SEED_BILSTM] = [
            pieces.get(f'seed_bilstm_{state}', partial(_seed_bilstm_split, state))[1]['object'] for state in states
        ]
    return mean_scores(rows) | {
        'object': object_summary(own),
        'baselines': {name: object_summary(repeats) for name, repeats in rivals.items()},
        'splits': states,
    }


def _grasp_split(state: int) -> Piece:
    settings = Settings(seed=state, train_fractions=(0.8, REDUCED_FRACTION))
    with tempfile.TemporaryDirectory() as folder:
        evaluation = run_experiment(
            recording(GRASP_SESSION), Path(folder, 'bundle'), settings, ProgressReport(), lambda report, found: None
        )
    found = scores(evaluation)
    phase, reduced = found['phase'], found['training_curve'][-1]
    data = {
        'endless_accuracy': found['object']['endless_accuracy'],
        'reduced_accuracy': reduced['decoder']['accuracy'],
        'reduced_lda': reduced[LDA]['accuracy'],
        'phase_accuracy': phase['accuracy'],
        'phase_f1': phase['f1'],
        **{name: phase[name] for name in ('onset_error_bins', 'offset_error_bins', 'false_onsets_per_minute')},
        'dof_r2': found['dof']['r2'],
        'int8_agreement': found['int8']['agreement'],
        'int8_accuracy': found['int8']['object']['accuracy'],
        **evaluation.timing,
    }
    return data, {
        'object': evaluation.object_repeats[0],
        **{name: repeats[0] for name, repeats in evaluation.baselines.items()},
    }


def _seed_bilstm_split(state: int) -> Piece:
    split = split_trials(bin_trials(read_session(recording(GRASP_SESSION))), state)
    return _fitted(split, DEFAULT_LOOK_BACK, SEED_BILSTM, state)


def _fitted(split: Split, look_back: int, model: str | None = None, seed: int = SEED) -> Piece:
    network = fit('object', split.train, split.validation, split.classes, model=model, look_back=look_back, seed=seed)
    decoded = predict_trials({'object': network}, split.test)
    return {'model': network.model}, {'object': hold_windows(decoded, split.classes, look_back)}


def _reach(pieces: Pieces) -> dict:
    """Direction of real reaches, every trial tested once: this decoder and LDA on the same windows."""
    found = [pieces.get(f'reach_{fold}', partial(_reach_fold, fold)) for fold in range(FOLDS)]
    ours, lda = (pool([decodes[name] for _, decodes in found]) for name in ('object', LDA))
    difference = ours.correct.astype(float) - lda.correct
    return {
        'model': found[0][0]['model'],
        'accuracy': float(ours.correct.mean()),
        'ci95': mean_interval(ours.correct, ours.trial),
        'lda': float(lda.correct.mean()),
        'lda_ci95': mean_interval(lda.correct, lda.trial),
        'difference': float(difference.mean()),
        'difference_ci95': mean_interval(difference, ours.trial),
    }


def _reach_fold(fold: int) -> Piece:
    trials = bin_trials(read_session(recording('reach97_train.neo.mat')), REACH_BIN_NS)
    look_back = choose_look_back(trials)
    labels = [trial.object_id for trial in trials]
    known, tested = list(StratifiedKFold(FOLDS, shuffle=True, random_state=SEED).split(trials, labels))[fold]
    train, validation = train_test_split(
        known, test_size=0.2, random_state=SEED, stratify=[labels[index] for index in known]
    )
    split = Split(*([trials[index] for index in part] for part in (train, validation, tested)), classes_of(trials))
    data, decodes = _fitted(split, look_back)
    return data, decodes | {LDA: decode_baselines(split, look_back)[LDA]}


def _cursor(pieces: Pieces) -> dict:
    """Hand position of a real recording, folds by trial: this decoder and ridge regression on 10 bins."""
    found = [pieces.get(f'cursor_{fold}', partial(_cursor_fold, fold))[0] for fold in range(FOLDS)]
    truth, *decoded = (np.concatenate([row[name] for row in found]) for name in ('truth', 'decoder', 'ridge'))
    return {
        name: dict(zip('xy', r2_score(truth, each, multioutput='raw_values').tolist()))
        for name, each in zip(('decoder', 'ridge'), decoded)
    }


def _cursor_fold(fold: int) -> Piece:
    trials = movement_trials(read_binned_kinematics(recording('contdata95.mat')))
    known, tested = list(KFold(FOLDS, shuffle=True, random_state=SEED).split(trials))[fold]
    train, validation = train_test_split(known, test_size=0.15, random_state=SEED)
    scale = MovementScale.of([trials[index].dof for index in train])
    scaled = [replace(trial, dof=scale.to_targets(trial.dof)) for trial in trials]
    network = fit('dof', [scaled[index] for index in train], [scaled[index] for index in validation], ())
    ridge = Ridge(100.0).fit(
        np.concatenate([_history(trials[index].counts) for index in known]),
        np.concatenate([trials[index].dof for index in known]),
    )
    tested = [trials[index] for index in tested]
    rows = {
        'truth': [trial.dof for trial in tested],
        'decoder': [scale.to_movement(decoded) for decoded in network.predict(tested)],
        'ridge': [ridge.predict(_history(trial.counts)) for trial in tested],
    }
    return {name: np.concatenate(parts).tolist() for name, parts in rows.items()}, {}


def _history(counts: np.ndarray) -> np.ndarray:
    """The last 10 bins of every bin of one trial, (n_bins, 10 units), zeros before its start."""
    padded = np.concatenate([np.zeros((HISTORY_BINS - 1, counts.shape[1])), counts])
    return np.lib.stride_tricks.sliding_window_view(padded, HISTORY_BINS, axis=0).reshape(len(counts), -1)


def _lines(results: dict) -> list[str]:
    """The results as markdown."""
    lines = [
        f'Written by `./run bench decoding` at commit {results["commit"]}, {results["date"]}; brackets are 95 % '
        'intervals over trials.',
        '',
    ]
    if 'grasp' in results:
        found = results['grasp']
        lines += markdown_table(
            (f'MSyn40, hold windows, {len(found["splits"])} splits', 'accuracy', 'each split', 'relaxed', 'per trial'),
            [
                (
                    name,
                    percent(row['accuracy'], row['ci95']),
                    ' '.join(f'{100 * each:.1f}' for each in row['accuracy_of_repeats']),
                    percent(row['relaxed_accuracy'], row['relaxed_ci95']),
                    percent(row['trial_accuracy'], row['trial_ci95']),
                )
                for name, row in decoder_and_baselines(found)
            ],
        )
        lines += ['', *markdown_table(('MSyn40, mean over the splits', ''), _grasp_values(found))]
    if 'reach' in results:
        found = results['reach']
        lines += [
            '',
            *markdown_table(
                (f'reach97, windows inside Hold, {FOLDS} folds', ''),
                [
                    (f'this decoder (`{found["model"]}`)', percent(found['accuracy'], found['ci95'])),
                    ('LDA of square-root counts', percent(found['lda'], found['lda_ci95'])),
                    ('difference, paired', percent(found['difference'], found['difference_ci95'])),
                ],
            ),
        ]
    if 'cursor' in results:
        lines += [
            '',
            *markdown_table(
                (f'contdata95, position, {FOLDS} folds, R2', 'x', 'y'),
                [(name, number(row['x'], 3), number(row['y'], 3)) for name, row in results['cursor'].items()],
            ),
        ]
    return lines


def _grasp_values(found: dict) -> list[tuple[str, str]]:
    return [
        ('as one endless segment', percent(found['endless_accuracy'])),
        ('as int8', percent(found['int8_accuracy'])),
        ('int8 answers as float does', percent(found['int8_agreement'])),
        (f'{REDUCED_FRACTION:.0%} of the trials', percent(found['reduced_accuracy'])),
        (f'{REDUCED_FRACTION:.0%} of the trials, LDA', percent(found['reduced_lda'])),
        ('phase accuracy', percent(found['phase_accuracy'])),
        ('phase F1', number(found['phase_f1'], 3)),
        (
            'onset / offset error, bins',
            f'{number(found["onset_error_bins"], 1)} / {number(found["offset_error_bins"], 1)}',
        ),
        ('false onsets per minute of rest', number(found['false_onsets_per_minute'])),
        ('synthetic degree of freedom, R2', number(found['dof_r2'], 3)),
        *((f'training, {task}, s', number(found[f'train_{task}_s'], 0)) for task in ('object', 'phase', 'dof')),
        ('peak memory, MB', number(found['peak_rss_mb'], 0)),
    ]


def _figure(results: dict):
    figure, axes = plt.subplots(figsize=(7, 3))
    bars = []
    if 'grasp' in results:
        bars += [(name, row['accuracy']) for name, row in decoder_and_baselines(results['grasp'])]
    if 'reach' in results:
        bars += [('reach97, this decoder', results['reach']['accuracy']), ('reach97, LDA', results['reach']['lda'])]
    if 'cursor' in results:
        bars += [
            (f'contdata95 R2 {axis}, {name}', row[axis]) for name, row in results['cursor'].items() for axis in 'xy'
        ]
    names, values = zip(*bars)
    axes.barh(names, values)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.bar_label(axes.containers[0], fmt='%.3f', padding=2)
    return figure


if __name__ == '__main__':
    sys.exit(main())
