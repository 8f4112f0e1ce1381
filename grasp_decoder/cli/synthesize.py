# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""synthesize: write a small realistic session to try everything with."""

from __future__ import annotations

import argparse
from pathlib import Path

from grasp_decoder.cli.command_line import exit_status
from grasp_decoder.objects import ObjectCatalogue, load_objects
from grasp_decoder.recording.synthetic import synthesize as synthetic_sessions
from grasp_decoder.recording.writing import check_session_writable, write_session


def main(argv=None) -> int:
    return exit_status(synthesize, argv)


def synthesize(argv) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--out', metavar='FILE', type=Path, required=True, help='the .neo.mat file to write')
    parser.add_argument('--units', type=int, default=96, metavar='N', help='number of units (default: %(default)s)')
    parser.add_argument(
        '--trials', type=int, default=160, metavar='N', help='number of trials of a day (default: %(default)s)'
    )
    parser.add_argument(
        '--objects',
        type=_objects,
        default=8,
        metavar='N|FILE',
        help="how many of the paper's objects, or a catalogue, all of whose objects are shown (default: %(default)s)",
    )
    parser.add_argument(
        '--days',
        type=int,
        default=1,
        metavar='N',
        help='with more than one, write FILE_day1.neo.mat, FILE_day2 ... with drifting tuning, replaced units and '
        'shuffled sort codes (default: %(default)s)',
    )
    parser.add_argument(
        '--seed', type=int, default=42, metavar='N', help='the same seed gives the same session (default: %(default)s)'
    )
    arguments = parser.parse_args(argv)
    paths = day_paths(arguments.out, arguments.days)
    for path in paths:
        check_session_writable(path)
    sessions = synthetic_sessions(arguments.units, arguments.trials, arguments.objects, arguments.seed, arguments.days)
    catalogue = arguments.objects if isinstance(arguments.objects, ObjectCatalogue) else None
    for session, path in zip(sessions, paths):
        write_session(session, path, catalogue)
        print(f'{path}: {session.unit_count} units, {len(session.trials)} trials')


def _objects(text: str) -> int | ObjectCatalogue:
    try:
        return int(text)
    except ValueError:
        return load_objects(text)


def day_paths(path: Path, days: int) -> list[Path]:
    """One file per day: the path itself for one day, else numbered."""
    if days == 1:
        return [path]
    suffix = '.neo.mat' if path.name.endswith('.neo.mat') else path.suffix
    return [path.with_name(f'{path.name.removesuffix(suffix)}_day{day + 1}{suffix}') for day in range(days)]
