# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""listen: decode the spikes of an acquisition system, and move a hand, until Ctrl-C."""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from pathlib import Path

from grasp_decoder.cli.command_line import exit_status
from grasp_decoder.cli.replay_arguments import ALL, OF_LIVE_SOURCES, add_replay_arguments, replay_options
from grasp_decoder.system.replay_options import SOURCES
from grasp_decoder.system.run_nodes import NodeDied, run_live

LIVE = tuple(source for source in SOURCES if source != 'replay')
OF_REPLAYS = {'session', 'mapping', 'split', 'trials', 'only_correct', 'speed', 'clock', 'result'}
OPTIONS = {*ALL, *OF_LIVE_SOURCES} - {'source', *OF_REPLAYS}


def main(argv=None) -> int:
    return exit_status(_listen, argv)


def _listen(argv) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('source', choices=LIVE, help='the system; live: a node of yours publishes the spikes')
    add_replay_arguments(parser, OPTIONS)
    options = replay_options(parser.parse_args(argv))
    with tempfile.TemporaryDirectory(prefix='listen_') as folder:
        try:
            with contextlib.suppress(KeyboardInterrupt):
                run_live(options, Path(folder))
        except NodeDied as error:
            print(f'error: {error}', file=sys.stderr)
            return 1
    return 0
