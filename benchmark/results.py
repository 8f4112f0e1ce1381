# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What every benchmark does alike: its command line, percentiles, a table on the terminal, a JSON file and a plot."""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording.writing import check_writable

matplotlib.use('Agg')

ROOT = Path(__file__).resolve().parents[1]
PERCENTILES = {'p50': 50, 'p99': 99, 'p99.9': 99.9, 'max': 100}


def parsed_with_json(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line, with ``--json OUT``, which is refused now if it could not be written at the end."""
    parser.add_argument(
        '--json', type=Path, metavar='OUT', help=f'where the result goes too (default: only bench/{parser.prog})'
    )
    arguments = parser.parse_args(argv)
    if arguments.json:
        check_writable(arguments.json)
    return arguments


def add_merge_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--merge``, whose files `read_results` reads."""
    parser.add_argument(
        '--merge',
        nargs='+',
        type=Path,
        metavar='FILE',
        help='put results that --json has written into one table, and measure nothing (default: measure)',
    )


def read_results(paths: Sequence[Path]) -> list[dict]:
    """What ``--json`` has written of one session, in parts.

    Raises:
        GraspDecoderError: the files are of several sessions.
    """
    results = [json.loads(path.read_text()) for path in paths]
    sessions = sorted({each['session'] for each in results})
    if len(sessions) > 1:
        raise GraspDecoderError(f'--merge: the files are of several sessions, {", ".join(sessions)}: give those of one')
    return results


def summary_ms(durations_s: np.ndarray) -> dict[str, float]:
    """p50, p99, p99.9 and max in ms, to a microsecond."""
    return {name: round(float(np.percentile(durations_s, rank)) * 1e3, 3) for name, rank in PERCENTILES.items()}


def print_table(header: tuple, rows: list[tuple]) -> None:
    """Columns as wide as they need to be; text to the left, numbers to the right."""
    cells = [[f'{cell:.3f}' if isinstance(cell, float) else str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells)]
    for line in cells:
        print(
            '  '.join(
                cell.ljust(width) if index == 0 else cell.rjust(width)
                for index, (cell, width) in enumerate(zip(line, widths))
            )
        )


def markdown_table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    """Lines of a markdown table: text to the left, numbers to the right."""
    return [
        '| ' + ' | '.join(header) + ' |',
        '|---|' + '--:|' * (len(header) - 1),
        *('| ' + ' | '.join(row) + ' |' for row in rows),
    ]


def write_section(document: str, name: str, lines: list[str]) -> None:
    """Replace what ``docs/DOCUMENT`` has between the comments ``NAME: begin`` and ``NAME: end``, if it has those."""
    path = ROOT / 'docs' / document
    begin, end = (f'<!-- {name}: {edge} -->' for edge in ('begin', 'end'))
    text = path.read_text(encoding='utf-8')
    if begin not in text:
        return
    path.write_text('\n'.join([text.split(begin)[0] + begin, *lines, end]) + text.split(end)[1], encoding='utf-8')


def write_results(name: str, results: dict, figure) -> None:
    """``bench/NAME/NAME.json`` and ``.png``; the machine is written along, since figures mean little without it."""
    folder = ROOT / 'bench' / name
    folder.mkdir(parents=True, exist_ok=True)
    results = {
        **results,
        'machine': {
            'cpus': os.cpu_count(),
            'system': platform.platform(),
            'python': platform.python_version(),
            'load': round(os.getloadavg()[0], 2),
        },
    }
    (folder / f'{name}.json').write_text(json.dumps(results, indent=1) + '\n')
    figure.savefig(folder / f'{name}.png', dpi=120, bbox_inches='tight')
    print(f'wrote {(folder / name).relative_to(ROOT)}.json and .png')
