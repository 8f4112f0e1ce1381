"""Pictures of what a simulator did, drawn by MuJoCo from the states of any simulator.

Drawing needs OpenGL but neither a display nor a graphics card. It takes its time, so a running hand leaves it to a
process of its own: ``python -m grasp_decoder.hand.pictures.film STATES.npz PICTURE.png``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.hand.state import SimulatorState

_SIZE = 960, 720
_FILM_SIZE = 480, 360
_POLITENESS = 10
_FILM_PERIOD_S, _FILM_FRAMES = 0.08, 60
_LIFTED_M, _AFTERWARDS_S = 0.05, 0.5


class FirstGrasp:
    """Watches a hand until an object has been lifted and let go, then has that trial drawn in a process of its own."""

    def __init__(self, picture: Path):
        """The picture (PNG) is of the object at its highest; the film goes beside it with the suffix ``.gif``."""
        self._picture = picture
        self._states: list[SimulatorState] = []
        self._lifted = self._done = False
        self._since_s = self._over_s = 0.0

    def watch(self, state: SimulatorState, dt_s: float) -> subprocess.Popen | None:
        """Take the state after another ``dt_s``; give the drawing process when it starts."""
        self._since_s += dt_s
        if self._done or self._since_s < _FILM_PERIOD_S:
            return None
        self._since_s = 0.0
        if self._states and state.object_id != self._states[0].object_id and not self._lifted:
            self._states.clear()
        self._states = [*self._states[-_FILM_FRAMES:], state]
        self._lifted |= state.contact and state.lift_m > _LIFTED_M
        self._over_s = self._over_s + _FILM_PERIOD_S if self._lifted and state.lift_m < _LIFTED_M else 0.0
        if self._over_s < _AFTERWARDS_S:
            return None
        self._done = True
        return draw_beside(self._states, _FILM_PERIOD_S, self._picture)


def draw_beside(states: Sequence[SimulatorState], period_s: float, picture: Path) -> subprocess.Popen:
    """Start a process that writes ``picture`` (PNG) and, with suffix ``.gif``, the film of ``states``.

    ``period_s`` lies between two states, which are all of the first one's object.
    """
    states = [state for state in states if state.object_id == states[0].object_id]
    kept = picture.with_suffix('.npz')
    np.savez_compressed(
        kept,
        period_s=period_s,
        joint_position=[state.joint_position for state in states],
        object_id=[state.object_id for state in states],
        lift_m=[state.lift_m for state in states],
        object_pose=[state.object_pose for state in states],
    )
    command = [sys.executable, '-m', __name__, str(kept), str(picture)]
    return subprocess.Popen(command, preexec_fn=lambda: os.nice(_POLITENESS))


def draw_state(state: SimulatorState) -> np.ndarray:
    """Picture of a state, uint8 (height, width, 3); it takes seconds. Raises `GraspDecoderError` without OpenGL."""
    with tempfile.TemporaryDirectory(prefix='grasp_decoder_picture_') as folder:
        picture = Path(folder, 'state.png')
        if status := draw_beside([state], _FILM_PERIOD_S, picture).wait():
            raise GraspDecoderError(f'no pictures: drawing ended with status {status}: is there OpenGL (docs/hand.md)?')
        with Image.open(picture) as image:
            return np.array(image)


def draw(kept: Path, picture: Path) -> None:
    """Write the picture and the film of the states that `draw_beside` kept."""
    with np.load(kept) as states:
        states = dict(states)
    best = int(np.argmax(states['lift_m']))
    Image.fromarray(_frames(states, [best], _SIZE)[0]).save(picture)
    film = [Image.fromarray(frame) for frame in _frames(states, range(len(states['lift_m'])), _FILM_SIZE)]
    palette = film[-1].quantize(128)
    film = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in film]
    film[0].save(
        picture.with_suffix('.gif'),
        save_all=True,
        append_images=film[1:],
        loop=0,
        duration=round(1000 * float(states['period_s'])),
    )
    kept.unlink()


def _frames(states: dict[str, np.ndarray], indices: Sequence[int], size: tuple[int, int]) -> list[np.ndarray]:
    """Pictures, uint8 (height, width, 3), of states with one and the same object."""
    from grasp_decoder.hand.pictures.drawing import Drawing

    with Drawing(int(states['object_id'][0]), size) as drawing:
        return [
            drawing.draw(
                SimulatorState(
                    joint_position=states['joint_position'][index],
                    object_id=int(states['object_id'][index]),
                    contact=False,
                    lift_m=float(states['lift_m'][index]),
                    object_pose=states['object_pose'][index],
                )
            )
            for index in indices
        ]


if __name__ == '__main__':
    try:
        draw(*map(Path, sys.argv[1:]))
    except GraspDecoderError as error:
        sys.exit(f'error: {error}')
