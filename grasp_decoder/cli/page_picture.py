# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""A picture of the page of a finished run, for a machine without a display: Chromium opens it without a window."""

from __future__ import annotations

import contextlib
import tempfile
import time
from pathlib import Path

import numpy as np

from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.objects import load_objects
from grasp_decoder.page.library import find_browser, has_viser
from grasp_decoder.system.node_settings import ViewerSettings
from grasp_decoder.system.recorded_run import LOOK_BACK_S, RecordedRun
from grasp_decoder.types.hand_command import HandMode

SIZE = 1600, 1150
"""Of the window. Its frame takes 143 pixels of the height; the panel on the right needs the rest."""

PATIENCE_S, EVERY_S = 120.0, 0.5
IS_SHOWN = """document.querySelector('.state') !== null
  && [...document.querySelectorAll('canvas')].some(canvas => canvas.style.opacity === '1')"""
"""There are words, and the hand, which viser fades in, is no longer pale."""

NO_WARNING = (
    "document.head.insertAdjacentHTML('beforeend', '<style>.mantine-Notifications-root {display: none}</style>')"
)
"""viser warns of drawing without a graphics card, over the picture."""

STEP_S = 0.2


def draw_page(recording: Path, picture: Path) -> None:
    """Write the page as PNG, at the moment near the end of the run in which the hand held an object highest.

    Args:
        recording: an MCAP file of the node recorder.
        picture: the file to write.

    Raises:
        GraspDecoderError: there is no picture; why.
    """
    program = find_browser()
    if program is None:
        raise GraspDecoderError('no browser is installed (chromium)')
    if not has_viser():
        raise GraspDecoderError('viser, which serves the page, is not installed')
    from grasp_decoder.page.page import Page
    from grasp_decoder.page.player import Player
    from grasp_decoder.page.server import PageServer

    objects = load_objects()
    run = RecordedRun(recording, load_grip_table(objects=objects))
    player = Player(recording.name, run.duration_s, run.trials_s)
    player.stand_at(_highest_s(run))
    server = PageServer('127.0.0.1', ViewerSettings().port, f'grasp_decoder {recording.name}')
    page = Page(server, objects, player=player)
    try:
        page.draw(run.at(player.time_s()))
        picture.write_bytes(_shown(program, server.url))
    finally:
        page.close()


def _highest_s(run: RecordedRun) -> float:
    def lift(time_s: float) -> float:
        seen = run.at(time_s)
        holds = seen.command is not None and seen.command.state == HandMode.HOLD
        return seen.hand.lift if holds and seen.hand is not None else 0.0

    times = np.arange(max(0.0, run.duration_s - LOOK_BACK_S), run.duration_s, STEP_S)
    return float(max(times, key=lift, default=0.0))


def _shown(program: str, url: str) -> bytes:
    """The page as PNG."""
    from grasp_decoder.page.browser import Browser

    with (
        tempfile.TemporaryDirectory(prefix='grasp_decoder_page_', ignore_cleanup_errors=True) as folder,
        contextlib.closing(Browser(program, url, Path(folder), SIZE)) as browser,
    ):
        deadline = time.monotonic() + PATIENCE_S
        while not browser.evaluate(IS_SHOWN):
            if time.monotonic() > deadline:
                raise GraspDecoderError(f'{program} did not show the page in {PATIENCE_S:g} s')
            time.sleep(EVERY_S)
        browser.evaluate(NO_WARNING)
        return browser.screenshot()
