# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Page: the page of an operator, made with viser, from what a `SeenRun` knows."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import viser
from viser import uplot

from grasp_decoder.objects import ObjectCatalogue
from grasp_decoder.page import words
from grasp_decoder.page.belief import HISTORY_S
from grasp_decoder.page.player import Player
from grasp_decoder.page.scene import Scene
from grasp_decoder.page.seen_run import SeenRun
from grasp_decoder.page.server import PageServer
from grasp_decoder.page.unit_rates import rate_picture

WORDS_EVERY_S, PICTURE_EVERY_S = 0.2, 0.5
WIDTH_PX, BESIDE_PX = 430, 400


@dataclass(frozen=True)
class Controls:
    """What the operator can ask for. Each is called in a thread of its own."""

    stop: Callable[[], None]
    reset: Callable[[], None]
    pause: Callable[[], None]
    resume: Callable[[], None]
    load_bundle: Callable[[str], None]


class Page:
    """One page, the same for everyone who opens it.

    Args:
        server: serves it.
        objects: what people call the objects, and what they look like.
        controls: what the operator can ask for; None: the page only shows.
        player: of a finished run; None: the run goes on.
    """

    def __init__(
        self,
        server: PageServer,
        objects: ObjectCatalogue,
        controls: Controls | None = None,
        player: Player | None = None,
    ):
        self._server, self._objects = server, objects
        self._scene = Scene(server, objects)
        self._due_s = {WORDS_EVERY_S: 0.0, PICTURE_EVERY_S: 0.0}
        gui = server.gui
        gui.configure_theme(show_logo=False, show_share_button=False, dark_mode=False)
        gui.main_panel.dock_right()
        gui.main_panel.set_width(WIDTH_PX)
        gui.add_html(words.STYLE)
        if controls is not None:
            self._add_stop(controls)
        if player is not None:
            player.add_to(gui)
        self._state = gui.add_html('')
        if controls is not None:
            self._add_controls(controls)
        self._answer = gui.add_html('')
        with gui.add_folder('Decoder'):
            self._belief = gui.add_html('')
            self._phase = self._add_phase_plot()
        with gui.add_folder('Health'):
            self._health = gui.add_html('')
        beside = gui.add_panel()
        with beside.add_tab('Trials and units'):
            self._outcomes = gui.add_html('')
            self._rates = gui.add_image(np.full((4, 4, 3), 255, np.uint8), format='png')
            self._units = gui.add_html('')
        beside.dock_left()
        beside.set_width(BESIDE_PX)

    @property
    def watched(self) -> bool:
        """Whether anyone has opened it."""
        return bool(self._server.get_clients())

    def answer(self, said: str, good: bool = True) -> None:
        """Say what came of what the operator asked for."""
        self._answer.content = words.answer(said, good)

    def show(self, run: SeenRun) -> None:
        """Show the latest of a run. What nobody looks at is not made, and words and pictures change less often."""
        if self.watched:
            self.draw(run)

    def draw(self, run: SeenRun) -> None:
        """The same, also before anyone looks: who opens the page then sees it so from the beginning."""
        with self._server.atomic():
            self._scene.show_joints(run.joints)
            hand = run.hand if run.hears('hand') else None
            self._scene.show_object(-1 if hand is None else hand.object_id, 0.0 if hand is None else hand.lift)
        if self._is_due(WORDS_EVERY_S):
            self._state.content = words.state(run)
            self._belief.content = words.belief(run)
            self._health.content = words.health(run)
            self._outcomes.content = words.outcomes(run, self._objects)
            self._units.content = words.units(run)
        if self._is_due(PICTURE_EVERY_S):
            self._phase.data = run.belief.phase_history()
            left_out = {unit for units in run.left_out_units().values() for unit in units}
            self._rates.image = rate_picture(run.rates.hz, left_out)

    def close(self) -> None:
        """Stop serving."""
        self._server.stop()

    def _is_due(self, every_s: float) -> bool:
        now_s = time.monotonic()
        if now_s < self._due_s[every_s]:
            return False
        self._due_s[every_s] = now_s + every_s
        return True

    def _add_stop(self, controls: Controls) -> None:
        stop = self._server.gui.add_button('E-STOP', color='red', hint='stop the hand until it is reset')
        stop.on_click(lambda _: controls.stop())
        # The same from the keyboard, wherever the panel is scrolled to.
        self._server.gui.add_command('E-stop', hotkey='escape').on_trigger(lambda _: controls.stop())

    def _add_controls(self, controls: Controls) -> None:
        gui = self._server.gui
        gui.add_button('Reset the e-stop', color='gray').on_click(lambda _: controls.reset())
        replay = gui.add_button_group('Replay', ('pause', 'resume'))
        replay.on_click(lambda event: controls.pause() if event.target.value == 'pause' else controls.resume())
        with gui.add_folder('Bundle', expand_by_default=False):
            path = gui.add_text('Folder', '')
            gui.add_button('Decode with it', color='gray').on_click(lambda _: controls.load_bundle(path.value))

    def _add_phase_plot(self) -> viser.GuiUplotHandle:
        return self._server.gui.add_uplot(
            (np.zeros(1), np.zeros(1)),
            (uplot.Series(label='s'), uplot.Series(label='GRASP', stroke='#2f7fb8', width=2)),
            scales={'x': uplot.Scale(time=False, range=(-HISTORY_S, 0.0)), 'y': uplot.Scale(range=(-0.02, 1.02))},
            axes=(uplot.Axis(size=24), uplot.Axis(size=34)),
            legend=uplot.Legend(show=False),
            padding=(8, 8, 0, 0),
            height=110,
        )
