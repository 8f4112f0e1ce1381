"""Pictures of what a simulator did, drawn by MuJoCo from the states of any simulator.

Drawing needs OpenGL but neither a display nor a graphics card. It takes its time, so a running hand leaves it to a
process of its own: ``python -m grasp_decoder.hand.pictures STATES.npz PICTURE.png``.
"""

from __future__ import annotations

from collections.abc import Sequence
import ctypes.util
import os
from pathlib import Path
import subprocess
import sys

import numpy as np
from PIL import Image

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.hand.sdf import hand_joint_names
from grasp_decoder.hand.simulator import SimulatedHand

_SIZE = 960, 720
_FILM_SIZE = 480, 360
_LIBRARIES = {'egl': 'EGL', 'osmesa': 'OSMesa'}
_POLITENESS = 10
_FILM_PERIOD_S, _FILM_FRAMES = 0.08, 60
_LIFTED_M, _AFTERWARDS_S = 0.05, 0.5


class FirstGrasp:
    """Watches a hand until an object has been lifted and let go, then has that trial drawn in a process of its own."""

    def __init__(self, picture: Path):
        """The picture (PNG) is of the object at its highest; the film goes beside it with the suffix ``.gif``."""
        self._picture = picture
        self._states: list[SimulatedHand] = []
        self._lifted = self._done = False
        self._since_s = self._over_s = 0.0

    def watch(self, state: SimulatedHand, dt_s: float) -> subprocess.Popen | None:
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


def draw_beside(states: Sequence[SimulatedHand], period_s: float, picture: Path) -> subprocess.Popen:
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
    environment = os.environ | {'MUJOCO_GL': _drawing_library()}
    return subprocess.Popen(command, env=environment, preexec_fn=lambda: os.nice(_POLITENESS))


def _drawing_library() -> str:
    if 'MUJOCO_GL' in os.environ:
        return os.environ['MUJOCO_GL']
    found = [name for name, library in _LIBRARIES.items() if ctypes.util.find_library(library)]
    if not found:
        raise GraspDecoderError('no pictures: no OpenGL library was found: install libosmesa6')
    return found[0]


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
        picture.with_suffix('.gif'), save_all=True, append_images=film[1:], loop=0,
        duration=round(1000 * float(states['period_s'])),
    )
    kept.unlink()


def _frames(states: dict[str, np.ndarray], indices: Sequence[int], size: tuple[int, int]) -> list[np.ndarray]:
    """Pictures, uint8 (height, width, 3), of states with one and the same object."""
    import mujoco

    from grasp_decoder.hand.mujoco_simulator import scene
    from grasp_decoder.hand.objects import grasp_object

    object_id = int(states['object_id'][0])
    model = scene(object_id)
    data = mujoco.MjData(model)
    try:
        renderer = mujoco.Renderer(model, size[1], size[0])
    except Exception as error:  # whatever a missing or failing OpenGL raises; it differs by library
        raise GraspDecoderError(f'no pictures: OpenGL ({os.environ.get("MUJOCO_GL")}) failed: {error}') from error
    frames = []
    with renderer:
        for index in indices:
            for name, position in zip(hand_joint_names(), states['joint_position'][index]):
                data.joint(name).qpos = position
            if object_id >= 0:
                pose = states['object_pose'][index]
                quaternion = np.empty(4)
                mujoco.mju_mat2Quat(quaternion, pose[:3, :3].flatten())
                data.joint(grasp_object(object_id).name).qpos = [*pose[:3, 3], *quaternion]
            mujoco.mj_forward(model, data)
            renderer.update_scene(data, _camera(), _shown())
            frames.append(renderer.render().copy())
    return frames


def _camera():
    import mujoco

    camera = mujoco.MjvCamera()
    camera.lookat, camera.distance, camera.azimuth, camera.elevation = [-0.06, 0.0, 0.13], 0.45, 232, -12
    return camera


def _shown():
    """Show visuals, not collision shapes."""
    import mujoco

    from grasp_decoder.hand.sdf_to_mujoco import SEEN

    shown = mujoco.MjvOption()
    shown.geomgroup[:] = 0
    shown.geomgroup[[0, SEEN]] = 1
    return shown


if __name__ == '__main__':
    try:
        draw(*map(Path, sys.argv[1:]))
    except GraspDecoderError as error:
        sys.exit(f'error: {error}')
