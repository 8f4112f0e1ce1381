# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""replay_decode: replay a session through the running nodes and score the result."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from grasp_decoder.cli.command_line import exit_status
from grasp_decoder.cli.replay_arguments import add_replay_arguments, replay_options
from grasp_decoder.system.run_nodes import NodeDied, run_nodes
from grasp_decoder.system.run_result import problem, summary


def main(argv=None) -> int:
    return exit_status(_replay_decode, argv)


def _replay_decode(argv) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    add_replay_arguments(parser)
    options = replay_options(parser.parse_args(argv))
    with tempfile.TemporaryDirectory(prefix='replay_decode_') as folder:
        try:
            result = run_nodes(options, Path(folder))
        except NodeDied as error:
            print(f'error: {error}', file=sys.stderr)
            return 1
    print(summary(result))
    if wrong := problem(result):
        print(f'error: {wrong}', file=sys.stderr)
        return 1
    return 0
