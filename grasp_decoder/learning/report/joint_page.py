# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What the report over several sessions shows: tables 1, 3 and 4 of Viviani et al. (2023)."""

from __future__ import annotations

from collections.abc import Sequence

from grasp_decoder.bundle.task_network import DOF, OBJECT, PHASE
from grasp_decoder.learning.evaluation.evaluation import Evaluation
from grasp_decoder.learning.report.tables import Table, decoder_and_baselines, number, percent


def joint_tables(evaluations: Sequence[Evaluation], rows: Sequence[tuple[str, dict]]) -> dict[str, Table]:
    """The tables of the page, by name; a task that some session lacks has none.

    Args:
        rows: (label, scores) of each session and of each group of sessions.
    """
    tables = {'sessions': _sessions(evaluations)}
    if all(PHASE in scores for _, scores in rows):
        tables['phase'] = _phase(rows)
    if all(OBJECT in scores for _, scores in rows):
        tables |= {
            'accuracy': _object(rows, 'accuracy', 'ci95'),
            'relaxed_accuracy': _object(rows, 'relaxed_accuracy', 'relaxed_ci95'),
        }
    if all(DOF in scores for _, scores in rows):
        tables['dof'] = _dof(rows)
    return tables


def _sessions(evaluations: Sequence[Evaluation]) -> Table:
    return Table(
        ['', 'units', 'trials', 'usable', 'objects'],
        [
            [
                each.name,
                str(each.facts.units),
                str(each.facts.trials),
                str(each.facts.usable_trials),
                str(len(each.classes)),
            ]
            for each in evaluations
        ],
    )


def _phase(rows: Sequence[tuple[str, dict]]) -> Table:
    return Table(
        ['', 'accuracy', 'F1', 'onset error, bins'],
        [
            [
                label,
                percent(scores[PHASE]['accuracy'], scores[PHASE].get('ci95')),
                number(scores[PHASE]['f1'], 3, scores[PHASE].get('f1_ci95')),
                number(scores[PHASE].get('onset_error_bins'), 1),
            ]
            for label, scores in rows
        ],
    )


def _object(rows: Sequence[tuple[str, dict]], key: str, interval: str) -> Table:
    return Table(
        ['', *(name for name, _ in decoder_and_baselines(rows[-1][1])), 'chance'],
        [
            [
                label,
                *(percent(each.get(key), each.get(interval)) for _, each in decoder_and_baselines(scores)),
                percent(scores[OBJECT]['chance'][key]),
            ]
            for label, scores in rows
        ],
    )


def _dof(rows: Sequence[tuple[str, dict]]) -> Table:
    return Table(
        ['', 'R2'],
        [[label, number(scores[DOF]['r2'], 3, scores[DOF].get('ci95'))] for label, scores in rows],
    )
