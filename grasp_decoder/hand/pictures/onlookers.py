# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Onlookers: the window and the pictures of a simulated hand. When one fails, the hand goes on without it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.hand.pictures.first_grasp import FirstGrasp
from grasp_decoder.hand.pictures.viewer import Viewer
from grasp_decoder.hand.state import SimulatorState


class Onlookers:
    """All that watch a simulated hand.

    Args:
        picture: PNG file for a picture of the first grasp; '' for none.
        viewer: whether to show the hand in a window.
        catalogue: file of the objects that come into reach; the package's own by default.
        warn: is told in one line why an onlooker has left.
    """

    def __init__(self, picture: str, viewer: bool, catalogue: str, warn: Callable[[str], object]):
        self._warn = warn
        self._pictures = FirstGrasp(Path(picture)) if picture else None
        self._drawing: subprocess.Popen | None = None
        self._viewer: Viewer | None = None
        if viewer:
            try:
                self._viewer = Viewer(catalogue)
            except GraspDecoderError as error:
                warn(str(error))

    def show(self, state: SimulatorState, dt_s: float) -> None:
        """Show the state after another ``dt_s`` seconds."""
        if self._pictures is not None:
            try:
                self._drawing = self._pictures.watch(state, dt_s) or self._drawing
            except (GraspDecoderError, OSError) as error:
                self._pictures = None
                self._warn(str(error))
        if self._viewer is not None:
            try:
                self._viewer.show(state, dt_s)
            except GraspDecoderError as error:
                self._viewer.close()
                self._viewer = None
                self._warn(str(error))

    def close(self) -> None:
        """Close the window, and wait until the pictures are drawn."""
        if self._viewer is not None:
            self._viewer.close()
        if self._drawing is not None:
            self._drawing.wait()
