# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Where the decoded object comes from: less evidence, an earlier part of the session only, one area of the brain only.

Every row fits networks with the options of `train` and scores hold windows of test trials, with LDA of the same trials
beside it. Networks are the float ones. For MSyn40 and MVar50 the table is written into docs/results.md; parts of it
that were measured apart are put together by ``--merge``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from benchmark.results import (
    add_merge_argument,
    markdown_table,
    parsed_with_json,
    read_results,
    write_results,
    write_section,
)
from grasp_decoder.bundle.task_network import OBJECT, TaskNetwork
from grasp_decoder.cli.command_line import add_map_argument, exit_status
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.splits import FIRST_RANDOM_STATE, Split, split_in_order, split_trials
from grasp_decoder.features.trial_bins import TrialBins, bin_trials
from grasp_decoder.features.windows import choose_look_back
from grasp_decoder.learning.evaluation.baseline_decodes import LDA, decode_baselines
from grasp_decoder.learning.evaluation.decoded_trials import DecodedTrial, predict_trials
from grasp_decoder.learning.evaluation.object_decodes import ObjectDecodes, hold_windows
from grasp_decoder.learning.evaluation.object_metrics import object_summary
from grasp_decoder.learning.models.fitting import fit
from grasp_decoder.learning.report.tables import percent
from grasp_decoder.recording.reading import read_session
from grasp_decoder.safe_file import write_json

DOCUMENTED = ('MSyn40', 'MVar50')
PARTS = EVIDENCE, SESSION, AREAS = ('evidence', 'session', 'areas')
FIRST_PART = 0.6


def main(argv=None) -> int:
    return exit_status(_ablations, argv)


def _ablations(argv) -> int:
    parser = argparse.ArgumentParser(prog='ablations', description=__doc__.split('\n')[0])
    parser.add_argument('--session', type=Path, metavar='FILE', help='recording of grasps (default: none, for --merge)')
    add_map_argument(parser)
    parser.add_argument('--only', choices=PARTS, nargs='+', default=PARTS, help='parts of the table (default: all)')
    add_merge_argument(parser)
    arguments = parsed_with_json(parser, argv)
    if arguments.merge:
        measured = read_results(arguments.merge)
        result = measured[0] | {'rows': {name: row for each in measured for name, row in each['rows'].items()}}
    elif arguments.session:
        result = measure(arguments.session, arguments.map, arguments.only)
    else:
        raise GraspDecoderError('give --session, or --merge')
    lines = _lines(result)
    print('\n'.join(lines))
    if arguments.json:
        write_json(arguments.json, result)
    write_results('ablations', result, _figure(result['rows']))
    if result['session'] in DOCUMENTED and (arguments.merge or set(arguments.only) == set(PARTS)):
        write_section('results.md', f'ablations of {result["session"]}', lines)
    return 0


def measure(path: Path, mapping: Path | None, parts: Sequence[str]) -> dict:
    """Fit and score the networks of some of `PARTS`."""
    session = read_session(path, mapping)
    trials = bin_trials(session)
    look_back = choose_look_back(trials)
    rows: dict[str, dict] = {}
    if EVIDENCE in parts:
        rows |= _less_evidence(split_trials(trials), look_back)
    if SESSION in parts:
        rows |= _parts_of_the_session(trials, look_back)
    if AREAS in parts:
        rows |= _single_areas(trials, [unit.area for unit in session.units], look_back)
    name = path.name.split('.')[0]
    return {'session': name, 'look_back': look_back, 'date': time.strftime('%Y-%m-%d'), 'rows': rows}


def _less_evidence(split: Split, look_back: int) -> dict[str, dict]:
    """One network with all that it hears since a trial's start, and with its state cleared on the way."""
    network = _fit(split, look_back)
    rows = {'state from the start of the trial': _row(split, look_back, predict_trials({OBJECT: network}, split.test))}
    starts: dict[str, Callable[[TrialBins], int]] = {
        f'state cleared {look_back} bins before Hold': lambda trial: max(0, trial.event_bins['Hold'] - look_back)
    }
    if all('Go' in trial.event_bins for trial in split.test):
        starts['state cleared at Go'] = lambda trial: trial.event_bins['Go']
    for name, start in starts.items():
        decoded = [cleared(network, trial, start(trial)) for trial in split.test]
        rows[name] = _row(split, look_back, decoded, lda=False)
    return rows


def cleared(network: TaskNetwork, trial: TrialBins, bin_: int) -> DecodedTrial:
    """The trial as a network decodes it that begins at a bin, without memory; rows before it are NaN."""
    (answers,) = network.predict([trial.from_bin(bin_)])
    return DecodedTrial(trial, objects=np.pad(answers, ((bin_, 0), (0, 0)), constant_values=np.nan))


def _parts_of_the_session(trials: Sequence[TrialBins], look_back: int) -> dict[str, dict]:
    """Trained on the first part of a session and tested on the rest; and on as many trials of the whole session."""
    rows = {}
    for name, split in (
        (f'first {FIRST_PART:.0%} of the session, tested on the rest', split_in_order(trials, FIRST_PART)),
        (f'any {FIRST_PART:.0%} of the trials, tested on the rest', split_trials(trials, train_fraction=FIRST_PART)),
    ):
        decoded = predict_trials({OBJECT: _fit(split, look_back)}, split.test)
        rows[name] = _row(split, look_back, decoded)
    return rows


def _single_areas(trials: Sequence[TrialBins], area_of_unit: Sequence[str | None], look_back: int) -> dict[str, dict]:
    """The units of one area alone; nothing where the recording does not know two areas."""
    areas = sorted({area for area in area_of_unit if area})
    rows = {}
    for area in areas if len(areas) > 1 else ():
        units = np.array([each == area for each in area_of_unit])
        split = split_trials([replace(trial, counts=trial.counts[:, units]) for trial in trials])
        decoded = predict_trials({OBJECT: _fit(split, look_back)}, split.test)
        rows[f'{area} alone, {np.count_nonzero(units)} units'] = _row(split, look_back, decoded)
    return rows


def _fit(split: Split, look_back: int) -> TaskNetwork:
    print(f'fitting on {len(split.train)} trials of {split.train[0].counts.shape[1]} units ...', flush=True)
    seed = FIRST_RANDOM_STATE
    return fit(OBJECT, split.train, split.validation, split.classes, look_back=look_back, seed=seed)


def _row(split: Split, look_back: int, decoded: Sequence[DecodedTrial], lda: bool = True) -> dict:
    row = {'trials': list(split.sizes), 'decoder': _scores(hold_windows(decoded, split.classes, look_back))}
    if lda:
        row[LDA] = _scores(decode_baselines(split, look_back)[LDA])
    return row


def _scores(windows: ObjectDecodes) -> dict:
    summary = object_summary([windows])
    return {key: summary[key] for key in ('accuracy', 'ci95', 'trial_accuracy', 'trial_ci95')}


def _lines(result: dict) -> list[str]:
    header = (result['session'], 'trials', 'this decoder', 'per trial', f'LDA of {result["look_back"]} bins')
    rows = [
        (
            name,
            ' / '.join(map(str, row['trials'])),
            percent(row['decoder']['accuracy'], row['decoder']['ci95']),
            percent(row['decoder']['trial_accuracy']),
            percent(row[LDA]['accuracy'], row[LDA]['ci95']) if LDA in row else '',
        )
        for name, row in result['rows'].items()
    ]
    return [f'Written by `./run bench ablations` on {result["date"]}.', '', *markdown_table(header, rows)]


def _figure(rows: dict[str, dict]):
    figure, axes = plt.subplots(figsize=(8, 3.4))
    for offset, name in ((-0.2, 'decoder'), (0.2, LDA)):
        found = [(index, row[name]) for index, row in enumerate(rows.values()) if name in row]
        axes.barh(
            [index + offset for index, _ in found], [each['accuracy'] for _, each in found], height=0.38, label=name
        )
    axes.set(yticks=range(len(rows)), yticklabels=rows, xlim=(0, 1), xlabel='accuracy in hold windows')
    axes.invert_yaxis()
    axes.legend()
    return figure


if __name__ == '__main__':
    raise SystemExit(main())
