# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What the report of one session shows: its summary, main scores and tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from grasp_decoder.bundle.task_network import DOF, OBJECT, PHASE
from grasp_decoder.features.windows import GO_AND_HOLD
from grasp_decoder.learning.evaluation.evaluation import Evaluation
from grasp_decoder.learning.report.tables import (
    Table,
    decoder_and_baselines,
    number,
    object_names,
    percent,
    percent_range,
)
from grasp_decoder.objects import ObjectCatalogue

COSTS = {
    'read_s': 'reading the session, s',
    'bin_s': 'binning, s',
    'train_phase_s': 'training the phase network, s',
    'train_object_s': 'training the object network, s',
    'train_dof_s': 'training the dof network, s',
    'baselines_s': 'fast baselines, s',
    'linear_baselines_s': 'LDA of blocks and sequential Bayes, s',
    'train_seed_bilstm_s': "training the paper's BiLSTM, s",
    'over_max_seconds_s': 'longer than --max-seconds allows, s',
    'export_s': 'export and parity, s',
    'evaluate_s': 'evaluation, s',
    'peak_rss_mb': 'peak memory, MB',
}
"""Key in the section ``timing`` of metrics.json -> what it is."""


SHAPE_AND_SIZE = {'shape_accuracy': 'shape', 'size_accuracy': 'size', 'product': 'shape × size'}
"""Key in the section ``shape_and_size`` of metrics.json -> head of its column."""


FROM_GO_ON = 'this decoder, windows from Go to the end of hold (Fabiani 2021)'

GRIP_PERIODS = {'before_cue': 'before the cue', 'cue_to_go': 'cue to Go', 'hold': 'hold phase'}
"""Key in the section ``grip_posterior`` of metrics.json -> what it is."""

ELAPSED_TIME = 'elapsed time alone'


class Tile(NamedTuple):
    """One of the main scores, in large letters."""

    name: str
    value: str
    note: str


def summary(evaluation: Evaluation) -> Iterator[str]:
    """What was recorded and how it was trained, piece by piece."""
    facts = evaluation.facts
    train, validation, test = facts.split_sizes
    yield f'{facts.units} units'
    yield f'{facts.usable_trials} usable trials of {facts.trials}'
    if evaluation.classes:
        yield f'{len(evaluation.classes)} objects'
    yield f'bins of {facts.bin_ms:g} ms'
    yield f'look-back {evaluation.look_back} bins'
    yield f'{train} training, {validation} validation and {test} test trials'
    yield f'random states {", ".join(map(str, facts.random_states))}'
    if facts.started_from:
        yield f'training went on from {facts.started_from}'
    if facts.earlier:
        yield f'learnt from {", ".join(facts.earlier)} as well'
    if facts.ended_early:
        yield f'training ended early, by --max-seconds or Ctrl-C: {"; ".join(facts.ended_early)}'
    if facts.left_out:
        yield f'left out, by --max-seconds or Ctrl-C: {"; ".join(facts.left_out)}'
    if facts.final:
        yield 'the bundle was then fitted once more on all trials'


def tiles(scores: dict) -> Iterator[Tile]:
    """The main scores."""
    if OBJECT in scores:
        row = scores[OBJECT]
        yield Tile('object, hold windows', percent(row['accuracy']), percent_range(row['ci95']))
        yield Tile('relaxed', percent(row['relaxed_accuracy']), percent_range(row['relaxed_ci95']))
        yield Tile('per trial, end of hold', percent(row['trial_accuracy']), percent_range(row['trial_ci95']))
    if PHASE in scores:
        row = scores[PHASE]
        yield Tile('grasp phase', percent(row['accuracy']), f'F1 {number(row["f1"], 3)}')
    int8 = scores['int8']
    if DOF in scores:
        yield Tile('degree of freedom', f'R2 {number(scores[DOF]["r2"], 3)}', f'int8 {number(int8[DOF]["r2"], 3)}')
    if 'agreement' in int8:
        yield Tile('int8 decodes like float', percent(int8['agreement']), 'of the windows')


def session_tables(evaluation: Evaluation, scores: dict) -> dict[str, Table]:
    """The tables of the page, by name."""
    tables = {'costs': _costs(evaluation)}
    if OBJECT in scores:
        tables |= {
            'comparison': _comparison(scores),
            'per_object': _per_object(scores[OBJECT], evaluation.objects),
            'decisions': _decisions(scores[OBJECT]),
        }
        if scores[OBJECT]['grip_posterior']:
            tables['grip_posterior'] = _grip_posterior(scores[OBJECT]['grip_posterior'])
    if 'training_curve' in scores:
        tables['training_curve'] = _training_curve(scores)
    if PHASE in scores:
        tables |= {
            'phase_confusion': _phase_confusion(scores[PHASE]),
            'phase': _phase(scores),
            'by_start': _by_start(scores[PHASE]),
            'release_by_hold': _release_by_hold(scores[PHASE]),
        }
    if DOF in scores:
        tables['dof'] = _dof(evaluation, scores)
    if evaluation.edge_tpu:
        tables['edge_tpu'] = _edge_tpu(evaluation.edge_tpu)
    return tables


def _comparison(scores: dict) -> Table:
    own, chance = scores[OBJECT], scores[OBJECT]['chance']
    apart = SHAPE_AND_SIZE if 'product' in own['shape_and_size'] else {}
    rows = [[name, *_object_cells(row, apart)] for name, row in decoder_and_baselines(scores)]
    nothing = [''] * (1 + len(apart))
    if own[GO_AND_HOLD]:
        rows.insert(1, [FROM_GO_ON, *_object_cells(own[GO_AND_HOLD], apart)])
    rows[1:1] = [
        ['this decoder as int8', percent(scores['int8'][OBJECT]['accuracy']), '', *nothing],
        ['this decoder, the trials as one endless segment', percent(own['endless_accuracy']), '', *nothing],
    ]
    rows.append(['chance: guessing evenly', percent(chance['accuracy']), percent(chance['relaxed_accuracy']), *nothing])
    return Table(['', 'accuracy', 'relaxed', 'per trial', *apart.values()], rows, own=0)


def _object_cells(row: dict, apart: Iterable[str]) -> list[str]:
    return [
        percent(row['accuracy'], row['ci95']),
        percent(row['relaxed_accuracy'], row['relaxed_ci95']),
        percent(row['trial_accuracy']),
        *(percent(row['shape_and_size'].get(score)) for score in apart),
    ]


def _per_object(row: dict, objects: ObjectCatalogue) -> Table:
    names = object_names(objects, [each['object'] for each in row['per_object']])
    return Table(
        ['object', 'trials', 'windows', 'accuracy', 'relaxed'],
        [
            [
                name,
                str(each['trials']),
                str(each['windows']),
                percent(each['accuracy'], each['ci95']),
                percent(each['relaxed_accuracy']),
            ]
            for name, each in zip(names, row['per_object'])
        ],
    )


def _decisions(row: dict) -> Table:
    return Table(
        ['decides at', 'decided', 'correct', 'median s from Hold'],
        [
            [
                percent(each['confidence']).replace('.0', ''),
                percent(each['decided']),
                percent(each['accuracy']),
                number(each['median_s_after_hold']),
            ]
            for each in row['decision_times']
        ],
    )


def _grip_posterior(found: dict) -> Table:
    return Table(
        ['', 'right grip', 'mean confidence', 'calibration error', 'by sampling alone: median', '95 % below'],
        [
            [
                name,
                percent(row['accuracy']),
                percent(row['confidence']),
                number(row['error'], 3),
                number(row['error_by_sampling']['median'], 3),
                number(row['error_by_sampling']['p95'], 3),
            ]
            for period, name in GRIP_PERIODS.items()
            if (row := found.get(period))
        ],
    )


def _training_curve(scores: dict) -> Table:
    return Table(
        ['training + validation', 'trials', 'decoder', 'LDA', "the paper's BiLSTM", 'decoder, relaxed'],
        [
            [
                percent(each['train_fraction']),
                ' / '.join(map(str, each['trials'])),
                *(
                    percent(each[name]['accuracy'], each[name]['ci95']) if name in each else '–'
                    for name in ('decoder', 'lda', 'seed_bilstm')
                ),
                percent(each['decoder']['relaxed_accuracy']),
            ]
            for each in scores['training_curve']
        ],
    )


def _phase_confusion(row: dict) -> Table:
    return Table(
        ['true', 'decoded rest', 'decoded grasp'],
        [
            [name, *(f'{count} ({percent(count / max(1, sum(counts)))})' for count in counts)]
            for name, counts in zip(('rest', 'grasp'), row['confusion'])
        ],
    )


def _phase(scores: dict) -> Table:
    row = scores[PHASE]
    return Table(
        ['', 'accuracy', 'F1'],
        [
            ['this decoder', percent(row['accuracy'], row['ci95']), number(row['f1'], 3, row['f1_ci95'])],
            ['this decoder as int8', percent(scores['int8'][PHASE]['accuracy']), ''],
            *_elapsed_time(row),
            ['always rest', percent(row['chance']['accuracy']), number(row['chance']['f1'], 3)],
        ],
        own=0,
    )


def _elapsed_time(row: dict) -> list[list[str]]:
    if 'elapsed_time' not in row:
        return []
    clock = row['elapsed_time']
    return [[ELAPSED_TIME, percent(clock['accuracy'], clock['ci95']), number(clock['f1'], 3, clock['f1_ci95'])]]


def _by_start(row: dict) -> Table:
    return Table(
        ['the segment begins', 'trials', 'F1 as int8', f'F1, {ELAPSED_TIME}'],
        [
            [
                f'{each["late_s"]:g} s late' if each['late_s'] else 'with the trial',
                str(each['trials']),
                number(each['f1'], 3),
                number(each.get('elapsed_time_f1'), 3),
            ]
            for each in row['by_start']
        ],
    )


def _release_by_hold(row: dict) -> Table:
    return Table(
        ['hold, s', 'trials', 'missed', 'median release, s', 'worst release, s'],
        [
            [
                f'{each["shortest_hold_s"]:.2f} to {each["longest_hold_s"]:.2f}',
                str(each['trials']),
                str(each['missed']),
                number(each['median_release_s']),
                number(each['worst_release_s']),
            ]
            for each in row['release_by_hold']
        ],
    )


def _dof(evaluation: Evaluation, scores: dict) -> Table:
    row = scores[DOF]
    rows = [['float', number(row['r2'], 3, row['ci95'])], ['int8', number(scores['int8'][DOF]['r2'], 3)]]
    if 'elapsed_time' in row:
        rows.append([ELAPSED_TIME, number(row['elapsed_time']['r2'], 3, row['elapsed_time']['ci95'])])
    if evaluation.movement:
        rows += [[f'float, channel {channel}', number(r2, 3)] for channel, r2 in enumerate(row['r2_each'], start=1)]
    return Table(['', 'R2'], rows)


def _edge_tpu(found: dict) -> Table:
    rows = []
    for task, row in found['tasks'].items():
        parity = row['parity']
        rows.append(
            [
                task,
                ', '.join(f'{count} {name}' for name, count in row['operators'].items()),
                ', '.join(row['on_cpu']) or 'none',
                f'{row["memory_kib"]} KiB',
                percent(parity['agreement']),
                percent(parity['confident_agreement']),
                f'{number(parity["float_score"], 4)} / {number(parity["int8_score"], 4)}',
            ]
        )
    return Table(
        ['', 'operators', 'left to the CPU', 'on the chip', 'same class', 'where sure', 'score, float / int8'], rows
    )


def _costs(evaluation: Evaluation) -> Table:
    timing = evaluation.timing
    return Table(['', 'this run'], [[name, f'{timing[key]:.1f}'] for key, name in COSTS.items() if key in timing])
