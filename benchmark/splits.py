# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Bundles of several splits in one table: what their reports say of the test trials.

A bundle is scored when it is trained. Several bundles of one session are of other splits each; means of theirs stand in
one row, and intervals over the trials of each split are averaged.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from benchmark.results import markdown_table, parsed_with_json, write_results, write_section
from grasp_decoder.bundle.bundle import REPORT, load_bundle
from grasp_decoder.cli.command_line import exit_status
from grasp_decoder.learning.report.tables import number, percent
from grasp_decoder.safe_file import write_json

HEADER = (
    'session, int8, splits',
    'object in hold',
    'each split',
    'trials',
    'same class as float',
    'phase F1',
    'error of the posterior: before the cue, cue to Go, hold',
)


def main(argv=None) -> int:
    return exit_status(_splits, argv)


def _splits(argv) -> int:
    parser = argparse.ArgumentParser(prog='splits', description=__doc__.split('\n')[0])
    parser.add_argument('bundles', nargs='+', type=Path, metavar='DIR', help='bundles that train has written')
    arguments = parsed_with_json(parser, argv)
    found: dict[str, list[dict]] = {}
    for path in arguments.bundles:
        metrics = json.loads((path / REPORT / 'metrics.json').read_text())
        found.setdefault(load_bundle(path).manifest.name, []).append(metrics)
    rows = {name: summary(of_splits) for name, of_splits in found.items()}
    lines = markdown_table(HEADER, [_cells(name, row) for name, row in rows.items()])
    print('\n'.join(lines))
    if arguments.json:
        write_json(arguments.json, {'rows': rows})
    write_section('results.md', 'splits', lines)
    write_results('splits', {'rows': rows}, _figure(rows))
    return 0


def summary(of_splits: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Means over splits of what ``metrics.json`` says."""
    objects = [metrics['object'] for metrics in of_splits]
    row: dict[str, Any] = {
        'object': _mean([metrics['int8']['object']['accuracy'] for metrics in of_splits]),
        'object_of_splits': [metrics['int8']['object']['accuracy'] for metrics in of_splits],
        'object_ci95': _mean([each['ci95'] for each in objects]),
        'trial': _mean([each['trial_accuracy'] for each in objects]),
        'agreement': _mean([metrics['int8']['object']['agreement'] for metrics in of_splits]),
        'posterior_error': {
            period: _mean([each['grip_posterior'][period]['error'] for each in objects])
            for period in objects[0].get('grip_posterior', {})
        },
    }
    if 'phase' in of_splits[0]:
        row['phase_f1'] = _mean([metrics['phase']['f1'] for metrics in of_splits])
        row['phase_f1_ci95'] = _mean([metrics['phase']['f1_ci95'] for metrics in of_splits])
    return row


def _mean(values: Sequence) -> Any:
    return np.mean(values, axis=0).tolist()


def _cells(name: str, row: dict[str, Any]) -> tuple[str, ...]:
    return (
        f'{name}, {len(row["object_of_splits"])}',
        percent(row['object'], row['object_ci95']),
        ' '.join(f'{100 * each:.1f}' for each in row['object_of_splits']),
        percent(row['trial']),
        percent(row['agreement']),
        number(row.get('phase_f1'), 3, row.get('phase_f1_ci95')),
        ', '.join(number(each, 3) for each in row['posterior_error'].values()) or '–',
    )


def _figure(rows: dict[str, dict[str, Any]]):
    figure, axes = plt.subplots(figsize=(6, 3))
    for position, row in enumerate(rows.values()):
        axes.plot(row['object_of_splits'], [position] * len(row['object_of_splits']), 'o', color='#1f5fa8')
    axes.set(yticks=range(len(rows)), yticklabels=list(rows), xlabel='accuracy in hold windows of test trials')
    return figure


if __name__ == '__main__':
    raise SystemExit(main())
