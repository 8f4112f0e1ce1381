# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""deidentify: copy a recording with only what decoding needs.

Kept: spike times, units with electrode, sort code and area, trials with object, correct and events, continuous signals.
Dropped: names, dates, file origins, descriptions and every other annotation. The clock starts at 0, and events that the
paper does not name get numbers.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from grasp_decoder.cli.command_line import add_recording_arguments, check_copy, exit_status, given_mapping
from grasp_decoder.errors import GraspDecoderError, first_of
from grasp_decoder.objects import load_objects
from grasp_decoder.recording.deidentification import deidentified, read_key, report
from grasp_decoder.recording.reading import read_session
from grasp_decoder.recording.recorded_texts import Texts, recorded_texts
from grasp_decoder.recording.writing import check_session_writable, check_writable, write_session
from grasp_decoder.safe_file import PRIVATE, write_new

SHOWN = 20
"""Words of one place that are printed; numbers are not."""


def main(argv=None) -> int:
    return exit_status(deidentify, argv)


def deidentify(argv) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('session', metavar='IN', type=Path, help='the recording')
    parser.add_argument(
        'out', metavar='OUT', type=Path, help='the .neo.mat or .nwb file to write, with the names of the paper'
    )
    parser.add_argument(
        '--key',
        type=Path,
        metavar='FILE',
        help="secret of the laboratory, 32 bytes or more: with it and the recording, and with nothing less, the copy's "
        'name can be made again (default: each copy has the same name)',
    )
    parser.add_argument(
        '--report',
        type=Path,
        metavar='FILE',
        help='JSON file for all that was removed, which must stay with the recording (default: it is only counted)',
    )
    add_recording_arguments(parser)
    arguments = parser.parse_args(argv)
    check_session_writable(arguments.out)
    check_copy(arguments.session, arguments.out)
    if arguments.report:
        check_writable(arguments.report)
        if arguments.report.exists():
            raise GraspDecoderError(f'{arguments.report} exists: name another file, or remove it')
    key = read_key(arguments.key) if arguments.key else None
    objects = load_objects(arguments.objects)
    session = read_session(arguments.session, given_mapping(arguments), objects)
    before, unlisted = _texts(arguments.session)
    copy = deidentified(session, key)
    write_session(copy, arguments.out, objects)
    said = report(session, key, before, recorded_texts(arguments.out)) | {'unlisted': unlisted}
    if arguments.report:
        write_new(arguments.report, (json.dumps(said, indent=1) + '\n').encode(), PRIVATE)
    print(f'{arguments.out}: {copy.name}, {copy.unit_count} units, {len(copy.trials)} trials')
    removed = said['removed']
    if unlisted:
        print(f'removed: the clock, and texts that cannot be listed ({unlisted})')
    else:
        listed = f'{sum(map(len, removed.values()))} texts of {", ".join(removed)}' if removed else 'no text'
        print(f'removed: the clock; {listed}')
    print('kept, look whether it tells who it is:')
    for place, texts in said['kept'].items():
        words = [text for text in texts if not text.removeprefix('-').isdecimal()]
        if words:
            print(f'  {place}: {first_of(words, SHOWN)}')


def _texts(path: Path) -> tuple[Texts, str]:
    """What a recording says, and why that cannot be listed, if so. Nothing of it is copied, listed or not."""
    try:
        return recorded_texts(path), ''
    except GraspDecoderError as error:
        return {}, str(error)
