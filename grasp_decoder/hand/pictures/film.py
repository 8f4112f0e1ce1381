# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""A picture and a film of a simulated hand, drawn by MuJoCo from the states of any simulator.

Drawing needs OpenGL, but neither a display nor a graphics card. It takes seconds, so it has a process of its own:
``python -m grasp_decoder.hand.pictures.film STATES.npz PICTURE.png``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from PIL import Image

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.hand.state import SimulatorState
from grasp_decoder.objects import GraspObject

_PICTURE_SIZE = 960, 720  # width, height
_FILM_SIZE = 480, 360
_FILM_COLOURS = 128
_NICENESS = 10  # of the process that draws: what runs in real time comes first


def start_drawing(states: Sequence[SimulatorState], period_s: float, picture: Path) -> subprocess.Popen:
    """Start a process that writes a picture of the highest lift and a film of all states.

    Args:
        states: those with the object of the first one are drawn.
        period_s: time between two states.
        picture: PNG file of the picture; the film goes beside it with the suffix ``.gif``.

    Returns:
        The process. It ends with status 1, and one line on its standard error, where there is no OpenGL.
    """
    thing = states[0].grasp_object
    states = [state for state in states if state.grasp_object == thing]
    states_file = picture.with_suffix('.npz')
    np.savez_compressed(
        states_file,
        period_s=period_s,
        grasp_object=json.dumps(asdict(thing) if thing else None),
        joint_position=[state.joint_position for state in states],
        lift_m=[state.lift_m for state in states],
        object_pose=[state.object_pose for state in states],
    )
    command = [sys.executable, '-m', __name__, str(states_file), str(picture)]
    return subprocess.Popen(command, preexec_fn=lambda: os.nice(_NICENESS))


def draw_state(state: SimulatorState) -> np.ndarray:
    """Return a picture of a state, uint8 (720, 960, 3), RGB; this takes seconds.

    Raises:
        GraspDecoderError: there is no OpenGL.
    """
    with tempfile.TemporaryDirectory(prefix='grasp_decoder_picture_') as folder:
        picture = Path(folder, 'state.png')
        if status := start_drawing([state], 1.0, picture).wait():
            raise GraspDecoderError(f'no pictures: drawing ended with status {status}: is there OpenGL (docs/hand.md)?')
        with Image.open(picture) as image:
            return np.array(image)


def _draw(states_file: Path, picture: Path) -> None:
    """Write the picture and the film of the states that `start_drawing` has saved, and delete these."""
    with np.load(states_file) as saved:
        saved = dict(saved)
    lift_m = saved['lift_m']
    Image.fromarray(_frames(saved, [int(np.argmax(lift_m))], _PICTURE_SIZE)[0]).save(picture)
    film = [Image.fromarray(frame) for frame in _frames(saved, range(len(lift_m)), _FILM_SIZE)]
    palette = film[-1].quantize(_FILM_COLOURS)
    film = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in film]
    film[0].save(
        picture.with_suffix('.gif'),
        save_all=True,
        append_images=film[1:],
        loop=0,
        duration=round(1000 * float(saved['period_s'])),
    )
    states_file.unlink()


def _frames(saved: dict[str, np.ndarray], indices: Iterable[int], size: tuple[int, int]) -> list[np.ndarray]:
    """Pictures, uint8 (height, width, 3), of some of the saved states."""
    from grasp_decoder.hand.pictures.drawing import Drawing

    entries = json.loads(str(saved['grasp_object']))
    thing = GraspObject(**entries) if entries else None
    with Drawing(thing, size) as drawing:
        return [
            drawing.draw(
                SimulatorState(
                    joint_position=saved['joint_position'][index],
                    grasp_object=thing,
                    contact=False,
                    lift_m=float(saved['lift_m'][index]),
                    object_pose=saved['object_pose'][index],
                )
            )
            for index in indices
        ]


if __name__ == '__main__':
    try:
        _draw(*map(Path, sys.argv[1:]))
    except GraspDecoderError as error:
        sys.exit(f'error: {error}')
