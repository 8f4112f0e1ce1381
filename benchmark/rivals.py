# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Other decoders on the trials of trained bundles: linear ones, naive Bayes, and the paper's BiLSTM, also in int8.

Every bundle is of one split. The other decoders learn from its training and validation trials and decode its test
trials; this decoder is the bundle's int8 model. Hold windows are scored. What is fitted is kept piece by piece: after
``--max-seconds`` the same command goes on.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from benchmark.object_bundle import object_bundle
from benchmark.pieces import OutOfTime, Piece, Pieces, add_limit_argument
from benchmark.results import markdown_table, parsed_with_json, write_results, write_section
from grasp_decoder.bundle.bundle import Bundle, load_bundle
from grasp_decoder.bundle.task_network import OBJECT
from grasp_decoder.cli.command_line import add_map_argument, exit_status
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.splits import Split
from grasp_decoder.features.trial_bins import bin_trials
from grasp_decoder.learning.evaluation.baseline_decodes import (
    LDA_BLOCKS,
    SEED_BILSTM,
    SEQUENTIAL_BAYES,
    decode_baselines,
)
from grasp_decoder.learning.evaluation.decoded_trials import decode_trials
from grasp_decoder.learning.evaluation.intervals import mean_interval
from grasp_decoder.learning.evaluation.linear_decodes import decode_by_blocks, decode_sequentially
from grasp_decoder.learning.evaluation.object_decodes import ObjectDecodes, hold_windows
from grasp_decoder.learning.evaluation.object_metrics import object_summary
from grasp_decoder.learning.models.fitting import fit
from grasp_decoder.learning.report.tables import BASELINES, percent
from grasp_decoder.recording.reading import read_session
from grasp_decoder.recording.session import Session
from grasp_decoder.safe_file import write_json

INT8_BILSTM = 'seed_bilstm_int8'
LABELS = {OBJECT: 'this decoder, int8', **BASELINES, INT8_BILSTM: "the paper's BiLSTM, int8"}


def main(argv=None) -> int:
    return exit_status(_rivals, argv)


def _rivals(argv) -> int:
    parser = argparse.ArgumentParser(prog='rivals', description=__doc__.split('\n')[0])
    parser.add_argument(
        '--bundle', nargs='+', required=True, type=Path, metavar='DIR', help='bundles that train has written, of splits'
    )
    parser.add_argument(
        '--session', required=True, type=Path, metavar='FILE', help='the recording they were trained on'
    )
    add_map_argument(parser)
    add_limit_argument(parser)
    arguments = parsed_with_json(parser, argv)
    session = read_session(arguments.session, arguments.map)
    pieces = Pieces('rivals', arguments.max_seconds, used=('object_bundle',))
    try:
        splits = [_of_split(pieces, session, load_bundle(path)) for path in arguments.bundle]
    except OutOfTime:
        print('the time is over; what is finished is kept: the same command goes on')
        return 0
    rows = summary(splits)
    lines = _lines(session.name, rows)
    print('\n'.join(lines))
    result = {'session': session.name, 'rows': rows}
    if arguments.json:
        write_json(arguments.json, result)
    write_section('results.md', f'rivals of {session.name}', lines)
    write_results('rivals', result, _figure(rows))
    return 0


def _of_split(pieces: Pieces, session: Session, bundle: Bundle) -> dict[str, ObjectDecodes]:
    """What each decoder says of the test trials of one bundle."""
    found: dict[str, ObjectDecodes] = {}
    for make in (_this_decoder, _linear, _bilstm):
        found |= pieces.get(f'{bundle.id}{make.__name__}', partial(make, session, bundle))[1]
    return found


def split_of(session: Session, bundle: Bundle) -> Split:
    """The trials of a session as they were split when the bundle was trained.

    Raises:
        GraspDecoderError: it was trained on another session.
    """
    manifest = bundle.manifest
    for source in manifest.sessions:
        if source.sha256 == session.source_sha256:
            trials = {trial.trial_id: trial for trial in bin_trials(session, manifest.bin_ns, manifest.merge)}
            parts = (
                [trials[each] for each in part if each in trials]
                for part in (source.train, source.validation, source.test)
            )
            return Split(*parts, manifest.classes)
    raise GraspDecoderError(f'bundle {bundle.path} was not trained on session {session.name}')


def _this_decoder(session: Session, bundle: Bundle) -> Piece:
    return {}, {OBJECT: _decoded(session, bundle, split_of(session, bundle))}


def _linear(session: Session, bundle: Bundle) -> Piece:
    split, look_back = split_of(session, bundle), bundle.manifest.look_back
    found = decode_baselines(split, look_back) | {SEQUENTIAL_BAYES: decode_sequentially(split, look_back)}
    if by_blocks := decode_by_blocks(split, look_back, math.inf):
        found[LDA_BLOCKS] = by_blocks
    return {}, found


def _bilstm(session: Session, bundle: Bundle) -> Piece:
    split, look_back = split_of(session, bundle), bundle.manifest.look_back
    network = fit(OBJECT, split.train, split.validation, split.classes, model=SEED_BILSTM, look_back=look_back)
    with tempfile.TemporaryDirectory() as folder:
        exported = object_bundle(folder, network, session, split, look_back)
        as_int8 = _decoded(session, exported, split)
        as_float = _decoded(session, exported, split, 'float')
    return {}, {SEED_BILSTM: as_float, INT8_BILSTM: as_int8}


def _decoded(session: Session, bundle: Bundle, split: Split, precision: str = 'int8') -> ObjectDecodes:
    decoded = decode_trials(bundle, session, split.test, precision)
    return hold_windows(decoded, split.classes, bundle.manifest.look_back)


def summary(splits: Sequence[dict[str, ObjectDecodes]]) -> dict[str, dict]:
    """Scores of each decoder over the splits, and how far it is below this decoder, with a paired 95 % interval."""
    rows = {}
    for name in (each for each in LABELS if each in splits[0]):
        repeats = [split[name] for split in splits]
        row = {'splits': len(splits), **object_summary(repeats)}
        own = [split[OBJECT] for split in splits]
        if name != OBJECT and all(len(a.label) == len(b.label) for a, b in zip(own, repeats)):
            below = np.concatenate([a.correct.astype(float) - b.correct for a, b in zip(own, repeats)])
            row['below'] = float(below.mean())
            row['below_ci95'] = mean_interval(below, np.concatenate([each.trial for each in own]))
        if name == INT8_BILSTM:
            same = [split[name].answer == split[SEED_BILSTM].answer for split in splits]
            row['agreement'] = float(np.concatenate(same).mean())
        rows[name] = row
    return rows


def _lines(name: str, rows: dict[str, dict]) -> list[str]:
    header = (f'{name}, hold windows', 'accuracy', 'each split', 'relaxed', 'per trial', 'points below this decoder')
    cells = [
        (
            LABELS[key],
            percent(row['accuracy'], row['ci95']),
            ' '.join(f'{100 * each:.1f}' for each in row['accuracy_of_repeats']),
            percent(row['relaxed_accuracy']),
            percent(row['trial_accuracy']),
            _points(row) if 'below' in row else '',
        )
        for key, row in rows.items()
    ]
    agreement = percent(rows[INT8_BILSTM]['agreement'])
    return [
        *markdown_table(header, cells),
        '',
        f'The BiLSTM answers in int8 as in float in {agreement} of these windows.',
    ]


def _points(row: dict) -> str:
    return f'{100 * row["below"]:.1f} ({100 * row["below_ci95"][0]:.1f} to {100 * row["below_ci95"][1]:.1f})'


def _figure(rows: dict[str, dict]):
    figure, axes = plt.subplots(figsize=(7, 3))
    names = [LABELS[name] for name in rows]
    axes.barh(names, [100 * row['accuracy'] for row in rows.values()])
    axes.invert_yaxis()
    axes.set(xlim=(0, 100), xlabel='% of hold windows')
    axes.bar_label(axes.containers[0], fmt='%.1f', padding=2)
    return figure


if __name__ == '__main__':
    raise SystemExit(main())
