# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""How few trials are enough: the decoder beside the best linear ones, from a few trials of each object up.

Networks are fitted with the options of `train`; linear decoders learn from training and validation trials together.
Hold windows of test trials are scored, those of all splits together, with paired intervals over trials.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from benchmark.days import draw
from benchmark.results import (
    add_merge_argument,
    markdown_table,
    parsed_with_json,
    read_results,
    write_results,
    write_section,
)
from grasp_decoder.bundle.task_network import OBJECT
from grasp_decoder.cli.command_line import add_map_argument, exit_status
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.splits import Split, random_states, split_trials
from grasp_decoder.features.trial_bins import TrialBins, bin_trials
from grasp_decoder.features.windows import choose_look_back
from grasp_decoder.learning.evaluation.baseline_decodes import LDA, LDA_BLOCKS, decode_baselines
from grasp_decoder.learning.evaluation.decoded_trials import predict_trials
from grasp_decoder.learning.evaluation.intervals import mean_interval
from grasp_decoder.learning.evaluation.linear_decodes import decode_by_blocks
from grasp_decoder.learning.evaluation.object_decodes import hold_windows
from grasp_decoder.learning.models.fitting import fit
from grasp_decoder.learning.report.tables import percent
from grasp_decoder.recording.reading import read_session
from grasp_decoder.safe_file import write_json

ALL = 0
COUNTS = (5, 10, 20, ALL)
DECODER = 'decoder'


def main(argv=None) -> int:
    return exit_status(_few_trials, argv)


def _few_trials(argv) -> int:
    parser = argparse.ArgumentParser(prog='few_trials', description=__doc__.split('\n')[0])
    parser.add_argument(
        '--session',
        type=Path,
        metavar='FILE',
        help='recording of grasps or of reaches to targets (default: none, for --merge)',
    )
    add_map_argument(parser)
    parser.add_argument(
        '--per-object',
        type=int,
        nargs='+',
        default=COUNTS,
        metavar='N',
        help='trials of each, 0 for all (default: 5 10 20 0)',
    )
    parser.add_argument('--repeats', type=int, default=5, metavar='N', help='splits (default: %(default)s)')
    add_merge_argument(parser)
    arguments = parsed_with_json(parser, argv)
    if arguments.merge:
        measured = read_results(arguments.merge)
        name, runs = measured[0]['session'], [run for each in measured for run in each['runs']]
    elif arguments.session:
        session = read_session(arguments.session, arguments.map)
        name, trials = session.name, bin_trials(session)
        states = random_states(arguments.repeats)
        runs = [measure(trials, count, state) for count in arguments.per_object for state in states]
    else:
        raise GraspDecoderError('give --session, or --merge')
    rows = summary(runs)
    lines = _lines(name, rows)
    print('\n'.join(lines))
    result = {'session': name, 'rows': rows}
    if arguments.json:
        write_json(arguments.json, result | {'runs': runs})
    write_section('results.md', f'few trials of {name}', lines)
    write_results('few_trials', result, _figure(rows))
    return 0


def measure(trials: Sequence[TrialBins], per_object: int, state: int) -> dict:
    """Fit on so many trials of each object of one split, and say which hold windows of test trials are right."""
    split = split_trials(trials, state)
    if per_object != ALL:
        split = few_of_each(split, per_object, state)
    look_back = choose_look_back(trials)
    network = fit(OBJECT, split.train, split.validation, split.classes, look_back=look_back, seed=state)
    found = {DECODER: hold_windows(predict_trials({OBJECT: network}, split.test), split.classes, look_back)}
    found[LDA] = decode_baselines(split, look_back)[LDA]
    if by_blocks := decode_by_blocks(split, look_back, math.inf):
        found[LDA_BLOCKS] = by_blocks
    return {
        'per_object': per_object,
        'state': state,
        'trials': list(split.sizes),
        'trial': found[DECODER].trial.tolist(),
        'correct': {name: each.correct.astype(int).tolist() for name, each in found.items()},
    }


def few_of_each(split: Split, per_object: int, state: int) -> Split:
    """The split with only so many trials of each object to learn from, of which every fifth is for validation."""
    few = draw(split.train + split.validation, per_object, state)
    return replace(split, train=[trial for index, trial in enumerate(few) if index % 5 < 4], validation=few[4::5])


def summary(runs: Sequence[dict]) -> list[dict]:
    """A row for each number of trials: accuracies over all splits, and how far the decoder is above the best of LDA."""
    rows = []
    for per_object in dict.fromkeys(run['per_object'] for run in runs):
        own = [run for run in runs if run['per_object'] == per_object]
        trial = np.concatenate([run['trial'] for run in own])
        correct = {
            name: np.concatenate([run['correct'][name] for run in own])
            for name in own[0]['correct']
            if all(name in run['correct'] for run in own)
        }
        best = max((name for name in correct if name != DECODER), key=lambda name: correct[name].mean())
        gain = correct[DECODER] - correct[best]
        rows.append(
            {
                'per_object': per_object,
                'splits': len(own),
                'learnt_trials': sum(own[0]['trials'][:2]),
                'accuracy': {name: float(each.mean()) for name, each in correct.items()},
                'ci95': {name: mean_interval(each, trial) for name, each in correct.items()},
                'above': float(gain.mean()),
                'above_ci95': mean_interval(gain, trial),
            }
        )
    return rows


def _lines(name: str, rows: Sequence[dict]) -> list[str]:
    header = (f'{name}, trials of each object', 'this decoder', 'LDA', 'LDA of blocks', 'points above the best')
    cells = [
        (
            f'all {row["learnt_trials"]} trials' if row['per_object'] == ALL else str(row['per_object']),
            *(
                percent(row['accuracy'][each], row['ci95'][each]) if each in row['accuracy'] else '–'
                for each in (DECODER, LDA, LDA_BLOCKS)
            ),
            f'{100 * row["above"]:.1f} ({100 * row["above_ci95"][0]:.1f} to {100 * row["above_ci95"][1]:.1f})',
        )
        for row in rows
    ]
    return markdown_table(header, cells)


def _figure(rows: Sequence[dict]):
    figure, axes = plt.subplots(figsize=(6, 3.2))
    for name in rows[0]['accuracy']:
        values = [(row['learnt_trials'], row['accuracy'][name]) for row in rows if name in row['accuracy']]
        axes.plot(*zip(*sorted(values)), 'o-', label=name)
    axes.set(xlabel='trials to learn from', ylabel='accuracy in hold windows')
    axes.legend()
    return figure


if __name__ == '__main__':
    raise SystemExit(main())
