# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""fetch: download a public set of recordings, whole and checked; the same command goes on where one was broken off."""

from __future__ import annotations

import argparse
from pathlib import Path

from grasp_decoder.cli.command_line import exit_status
from grasp_decoder.recording.public_sets import fetch, files_of, listed
from grasp_decoder.safe_file import MIB


def main(argv=None) -> int:
    return exit_status(_fetch, argv)


def _fetch(argv) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=f'sets:\n{listed()}', formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('name', metavar='NAME', help='one of the sets below, or the six digits of a set of DANDI')
    parser.add_argument('--out', type=Path, metavar='DIR', help='where to put it (default: downloads/NAME)')
    parser.add_argument('--list', action='store_true', help='only say which files there are, and how large')
    arguments = parser.parse_args(argv)
    files = files_of(arguments.name)
    if arguments.list:
        for each in files:
            print(f'{"?" if each.size is None else f"{each.size / MIB:.1f} MiB":>12}  {each.name}')
        return
    folder = arguments.out or Path('downloads') / arguments.name
    for each in files:
        path = fetch(each, folder, lambda line: print(line, flush=True))
    print(f'look at it: ./run inspect {path}')
