# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""view: show a recorded run in a browser, on the page that its operator saw, at any moment and speed.

The recording is that of replay_decode --record run.mcap, or of the node recorder. The page has no controls that would
move a hand, and needs no ROS 2.
"""

from __future__ import annotations

import argparse
import time
from datetime import datetime
from pathlib import Path

from grasp_decoder.cli.command_line import exit_status
from grasp_decoder.cli.replay_arguments import option_help
from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.objects import load_objects
from grasp_decoder.page.library import require_viser
from grasp_decoder.system.node_settings import ViewerSettings
from grasp_decoder.system.recorded_run import RecordedRun
from grasp_decoder.types.setting import declarations
from grasp_decoder.types.time import NS_PER_S

PERIOD_S = 0.05


def main(argv=None) -> int:
    return exit_status(_view, argv)


def _view(argv) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('run', type=Path, metavar='FILE', help='an .mcap file of a run')
    settings = {each.name: each for each in declarations(ViewerSettings)}
    for name, metavar in (('port', 'N'), ('address', 'NAME'), ('objects', 'FILE'), ('grips', 'FILE')):
        declared = settings[name]
        parser.add_argument(
            f'--{name}',
            type=declared.parse,
            default=declared.default,
            metavar=metavar,
            help=option_help(declared, declared.default),
        )
    arguments = parser.parse_args(argv)
    given = ViewerSettings(**{name: value for name, value in vars(arguments).items() if name != 'run'})
    require_viser()
    from grasp_decoder.page.page import Page
    from grasp_decoder.page.player import Player
    from grasp_decoder.page.server import PageServer

    objects = load_objects(given.objects)
    print(f'reading {arguments.run}', flush=True)
    run = RecordedRun(arguments.run, load_grip_table(given.grips, objects))
    began = datetime.fromtimestamp(run.start_ns / NS_PER_S)
    player = Player(f'{arguments.run.name}, {began:%Y-%m-%d %H:%M:%S}', run.duration_s, run.trials_s)
    server = PageServer(given.address, given.port, f'grasp_decoder {arguments.run.name}')
    page = Page(server, objects, player=player)
    print(f'the page: {server.url} (Ctrl-C ends it)', flush=True)
    try:
        while True:
            page.show(run.at(player.time_s()))
            time.sleep(PERIOD_S)
    finally:
        page.close()
