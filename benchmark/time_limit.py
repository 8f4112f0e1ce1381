# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""A session of many units, trained with a time limit: what `train --max-seconds` bounds, and what it cannot."""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt

from benchmark.results import markdown_table, parsed_with_json, write_results, write_section
from grasp_decoder.cli.command_line import exit_status
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.learning.report.session_page import COSTS
from grasp_decoder.learning.report.tables import number
from grasp_decoder.recording.synthetic import synthesize
from grasp_decoder.recording.writing import write_session
from grasp_decoder.safe_file import write_json


def main(argv=None) -> int:
    return exit_status(_time_limit, argv)


def _time_limit(argv) -> int:
    parser = argparse.ArgumentParser(prog='time_limit', description=__doc__.split('\n')[0])
    parser.add_argument('--units', type=int, default=5000, metavar='N', help='units (default: %(default)s)')
    parser.add_argument('--trials', type=int, default=100, metavar='N', help='trials (default: %(default)s)')
    parser.add_argument('--max-seconds', type=float, default=30, metavar='S', help='limit (default: %(default)s)')
    arguments = parsed_with_json(parser, argv)
    with tempfile.TemporaryDirectory() as folder:
        session = Path(folder, 'many_units.neo.mat')
        write_session(synthesize(arguments.units, arguments.trials)[0], session)
        measured = measure(session, Path(folder, 'bundle'), arguments.max_seconds)
    given = {name: getattr(arguments, name) for name in ('units', 'trials', 'max_seconds')}
    result = given | measured
    lines = _lines(result)
    print('\n'.join(lines))
    if arguments.json:
        write_json(arguments.json, result)
    write_section('training.md', 'time limit', lines)
    write_results('time_limit', result, _figure(result['timing']))
    return 0


def measure(session: Path, out: Path, max_seconds: float) -> dict:
    """Train in a process of its own: its seconds of CPU and of wall time, and its report's ``timing``.

    Raises:
        GraspDecoderError: training failed.
    """
    command = ['train', '--session', str(session), '--out', str(out), '--max-seconds', str(max_seconds)]
    before, began_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    run = subprocess.run([sys.executable, '-m', 'grasp_decoder', *command], capture_output=True, text=True, check=False)
    wall_s, after = time.monotonic() - began_s, resource.getrusage(resource.RUSAGE_CHILDREN)
    if run.returncode:
        raise GraspDecoderError(f'{" ".join(command)}: exit status {run.returncode}: {run.stderr.strip()[-500:]}')
    return {
        'cpu_s': after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        'wall_s': wall_s,
        'cpus': os.cpu_count(),
        'load': os.getloadavg()[0],
        'left_out': [line for line in run.stderr.splitlines() if line.startswith('left out: ')],
        'timing': json.loads((out / 'report' / 'metrics.json').read_text())['timing'],
    }


def _lines(result: dict) -> list[str]:
    rows: list[tuple[str, ...]] = [
        ('CPU, from the start of Python to the end of the report, s', number(result['cpu_s'], 0)),
        ('peak memory, MB', number(result['timing']['peak_rss_mb'], 0)),
    ]
    return [
        f'Written by `./run bench time_limit`: {result["units"]} units, {result["trials"]} trials, '
        f'`--max-seconds {result["max_seconds"]:g}`, {result["cpus"]} CPUs, on which {result["load"]:.1f} processes '
        'wanted to run at a time.',
        '',
        *markdown_table(('', 'measured'), rows),
        '',
        *(f'It {line}.' for line in result['left_out']),
    ]


def _figure(timing: dict):
    figure, axes = plt.subplots(figsize=(6, 3))
    parts = {name: timing[key] for key, name in COSTS.items() if key in timing and key.endswith('_s')}
    axes.barh(list(parts), list(parts.values()))
    axes.set(xlabel='wall time, s')
    return figure


if __name__ == '__main__':
    raise SystemExit(main())
