# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""convert: copy a recording into another format, .nwb (NWB 2) or .mat (NeoMatlabIO), with the names of the paper."""

from __future__ import annotations

import argparse
from pathlib import Path

from grasp_decoder.cli.command_line import add_recording_arguments, check_copy, exit_status, given_mapping
from grasp_decoder.objects import load_objects
from grasp_decoder.recording.reading import read_session
from grasp_decoder.recording.writing import write_session


def main(argv=None) -> int:
    return exit_status(convert, argv)


def convert(argv) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('session', metavar='IN', type=Path, help='the recording')
    parser.add_argument('out', metavar='OUT', type=Path, help='the file to write; its ending says which format')
    add_recording_arguments(parser)
    arguments = parser.parse_args(argv)
    check_copy(arguments.session, arguments.out)
    objects = load_objects(arguments.objects)
    session = read_session(arguments.session, given_mapping(arguments), objects)
    write_session(session, arguments.out, objects)
    print(f'{arguments.out}: {session.unit_count} units, {len(session.trials)} trials')
