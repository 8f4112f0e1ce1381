# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""A cursor's position from a real recording, contdata95, in folds by trial: the decoder beside ridge regression.

Every fold is kept when it is finished: after an interruption, or ``--max-seconds``, the same command goes on. The table
is written into docs/results.md.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold, train_test_split

from benchmark.material import recording
from benchmark.pieces import OutOfTime, Piece, Pieces, add_limit_argument
from benchmark.results import markdown_table, parsed_with_json, write_results, write_section
from grasp_decoder.cli.command_line import exit_status
from grasp_decoder.features.splits import FIRST_RANDOM_STATE
from grasp_decoder.learning.models.fitting import fit
from grasp_decoder.learning.movement import MovementScale, movement_trials
from grasp_decoder.learning.report.tables import number
from grasp_decoder.recording.binned_kinematics import read_binned_kinematics
from grasp_decoder.safe_file import write_json

FOLDS = 5
HISTORY_BINS = 10


def main(argv=None) -> int:
    return exit_status(_cursor, argv)


def _cursor(argv) -> int:
    parser = argparse.ArgumentParser(prog='cursor', description=__doc__.split('\n')[0])
    add_limit_argument(parser)
    arguments = parsed_with_json(parser, argv)
    pieces = Pieces('cursor', arguments.max_seconds)
    try:
        folds = [pieces.get(f'fold_{fold}', partial(_fold, fold))[0] for fold in range(FOLDS)]
    except OutOfTime:
        print('the time is over; what is finished is kept: the same command goes on')
        return 0
    truth, *decoded = (np.concatenate([fold[name] for fold in folds]) for name in ('truth', 'decoder', 'ridge'))
    rows = {
        name: dict(zip('xy', r2_score(truth, each, multioutput='raw_values').tolist()))
        for name, each in zip(('decoder', 'ridge'), decoded)
    }
    lines = markdown_table(
        (f'contdata95, position, {FOLDS} folds, R2', 'x', 'y'),
        [(name, number(row['x'], 3), number(row['y'], 3)) for name, row in rows.items()],
    )
    print('\n'.join(lines))
    if arguments.json:
        write_json(arguments.json, {'rows': rows})
    write_section('results.md', 'cursor', lines)
    write_results('cursor', {'rows': rows}, _figure(rows))
    return 0


def _fold(fold: int) -> Piece:
    trials = movement_trials(read_binned_kinematics(recording('contdata95.mat')))
    known, tested = list(KFold(FOLDS, shuffle=True, random_state=FIRST_RANDOM_STATE).split(trials))[fold]
    train, validation = train_test_split(known, test_size=0.15, random_state=FIRST_RANDOM_STATE)
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


def _figure(rows: dict):
    figure, axes = plt.subplots(figsize=(5, 2))
    bars = [(f'{name}, {axis}', row[axis]) for name, row in rows.items() for axis in 'xy']
    names, values = zip(*bars)
    axes.barh(names, values)
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel='R2')
    axes.bar_label(axes.containers[0], fmt='%.3f', padding=2)
    return figure


if __name__ == '__main__':
    raise SystemExit(main())
