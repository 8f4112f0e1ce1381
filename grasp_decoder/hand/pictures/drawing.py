"""Drawing of a hand and its object by MuJoCo, from the state of any simulator; needs OpenGL, but no display.

Not for a process that has loaded TensorFlow, beside which software OpenGL may crash: `pictures` starts one for it.
"""

from __future__ import annotations

import ctypes.util
import importlib
import os

import mujoco
import numpy as np

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.hand.mujoco.scene import SEEN, hand_scene
from grasp_decoder.hand.object_models import grasp_object
from grasp_decoder.hand.sdf import hand_joint_names
from grasp_decoder.hand.state import SimulatorState

_LIBRARIES = {'egl': 'EGL', 'osmesa': 'OSMesa'}


class Drawing:
    """Draws states with one and the same object, -1 for none; a context manager."""

    def __init__(self, object_id: int, size: tuple[int, int]):
        """Open OpenGL for pictures of ``size``, width and height. Raises `GraspDecoderError` where there is none."""
        self._object_id, self._size = object_id, size
        self._model = hand_scene(object_id)
        self._data = mujoco.MjData(self._model)
        self._scene = mujoco.MjvScene(self._model, maxgeom=1000)
        self._camera, self._shown = camera(), shown()
        library = _library()
        try:
            self._opengl = importlib.import_module(f'mujoco.{library}').GLContext(*size)
            self._opengl.make_current()
            self._context = mujoco.MjrContext(self._model, mujoco.mjtFontScale.mjFONTSCALE_100.value)
        except Exception as error:  # whatever a missing or failing OpenGL raises; it differs by library
            raise GraspDecoderError(f'no pictures: OpenGL ({library}) failed: {error}') from error
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, self._context)

    def draw(self, state: SimulatorState) -> np.ndarray:
        """Picture of a state, uint8 (height, width, 3)."""
        name = grasp_object(self._object_id).name if self._object_id >= 0 else None
        pose_scene(self._model, self._data, state, name)
        mujoco.mjv_updateScene(
            self._model, self._data, self._shown, None, self._camera, mujoco.mjtCatBit.mjCAT_ALL.value, self._scene
        )
        width, height = self._size
        viewport = mujoco.MjrRect(0, 0, width, height)
        mujoco.mjr_render(viewport, self._scene, self._context)
        picture = np.empty((height, width, 3), np.uint8)
        mujoco.mjr_readPixels(picture, None, viewport, self._context)
        return picture[::-1]  # OpenGL's rows go up

    def __enter__(self) -> Drawing:
        return self

    def __exit__(self, *_) -> None:
        self._context.free()
        self._opengl.free()


def pose_scene(model: mujoco.MjModel, data: mujoco.MjData, state: SimulatorState, object_name: str | None) -> None:
    """Put the hand, and the object of this name, where they are in a state."""
    for name, position in zip(hand_joint_names(), state.joint_position):
        data.joint(name).qpos = position
    if object_name is not None:
        quaternion = np.empty(4)
        mujoco.mju_mat2Quat(quaternion, state.object_pose[:3, :3].flatten())
        data.joint(object_name).qpos = [*state.object_pose[:3, 3], *quaternion]
    mujoco.mj_forward(model, data)


def camera() -> mujoco.MjvCamera:
    """The view of every picture."""
    view = mujoco.MjvCamera()
    view.lookat, view.distance, view.azimuth, view.elevation = [-0.06, 0.0, 0.13], 0.45, 232, -12
    return view


def shown() -> mujoco.MjvOption:
    """Show visuals, not collision shapes."""
    option = mujoco.MjvOption()
    option.geomgroup[:] = 0
    option.geomgroup[[0, SEEN]] = 1
    return option


def _library() -> str:
    if 'MUJOCO_GL' in os.environ:
        return os.environ['MUJOCO_GL']
    found = [name for name, library in _LIBRARIES.items() if ctypes.util.find_library(library)]
    if not found:
        raise GraspDecoderError('no pictures: no OpenGL library was found: install libosmesa6')
    return found[0]
