# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""cache: show what is kept of the recordings that were read, or clear it."""

from __future__ import annotations

import argparse

from grasp_decoder.cli.command_line import exit_status
from grasp_decoder.recording.cache import MOST_BYTES, clear, kept_sessions, sessions_folder
from grasp_decoder.safe_file import MIB


def main(argv=None) -> int:
    return exit_status(_cache, argv)


def _cache(argv) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--clear', action='store_true', help='delete it all; recordings are read again (default: it is only shown)'
    )
    arguments = parser.parse_args(argv)
    kept = kept_sessions()
    total = sum(each.size for each in kept) / MIB
    if arguments.clear:
        clear()
        print(f'cleared {len(kept)} sessions, {total:.0f} MiB, in {sessions_folder()}')
        return
    for each in kept:
        print(f'{each.size / MIB:8.0f} MiB  {each.name}')
    print(f'{total:8.0f} MiB  {len(kept)} sessions in {sessions_folder()}, of at most {MOST_BYTES / MIB:.0f} MiB')
