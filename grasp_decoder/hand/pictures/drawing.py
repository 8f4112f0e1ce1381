# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Draws a hand and its object with MuJoCo, from the state of any simulator; needs OpenGL, but no display.

OpenGL in software can crash in a process that has loaded TensorFlow: `film` and `viewer` start processes of their own.
"""

from __future__ import annotations

import ctypes.util
import importlib
import os

import mujoco
import numpy as np

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.hand.mujoco.scene import VISUAL_GROUP, hand_scene
from grasp_decoder.hand.object_models import object_model
from grasp_decoder.hand.sdf import hand_joint_names
from grasp_decoder.hand.state import SimulatorState
from grasp_decoder.objects import GraspObject

_OPENGL_LIBRARIES = {'egl': 'EGL', 'osmesa': 'OSMesa'}
_MAX_SHAPES = 1000


class Drawing:
    """Draws states that all have the same object, or none; a context manager."""

    def __init__(self, thing: GraspObject | None, size: tuple[int, int]):
        """Open OpenGL.

        Args:
            thing: the object in all states; None for none.
            size: width and height of the pictures, in pixels.

        Raises:
            GraspDecoderError: there is no OpenGL.
        """
        self._object_name = object_model(thing).name if thing else None
        self._size = size
        self._model = hand_scene(thing)
        self._data = mujoco.MjData(self._model)
        self._scene = mujoco.MjvScene(self._model, maxgeom=_MAX_SHAPES)
        self._camera, self._options = camera(), visual_options()
        library = _opengl_library()
        try:
            self._opengl = importlib.import_module(f'mujoco.{library}').GLContext(*size)
            self._opengl.make_current()
            self._context = mujoco.MjrContext(self._model, mujoco.mjtFontScale.mjFONTSCALE_100.value)
        except Exception as error:  # a missing or failing OpenGL raises something else in each library
            raise GraspDecoderError(f'no pictures: OpenGL ({library}) failed: {error}') from error
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, self._context)

    def draw(self, state: SimulatorState) -> np.ndarray:
        """Return a picture of a state, uint8 (height, width, 3), RGB."""
        set_state(self._model, self._data, state, self._object_name)
        mujoco.mjv_updateScene(
            self._model, self._data, self._options, None, self._camera, mujoco.mjtCatBit.mjCAT_ALL.value, self._scene
        )
        width, height = self._size
        viewport = mujoco.MjrRect(0, 0, width, height)
        mujoco.mjr_render(viewport, self._scene, self._context)
        picture = np.empty((height, width, 3), np.uint8)
        mujoco.mjr_readPixels(picture, None, viewport, self._context)
        return picture[::-1]  # OpenGL's first row is the lowest

    def __enter__(self) -> Drawing:
        return self

    def __exit__(self, *_) -> None:
        self._context.free()
        self._opengl.free()


def set_state(model: mujoco.MjModel, data: mujoco.MjData, state: SimulatorState, object_name: str | None) -> None:
    """Put the hand of a scene, and the object of this name, where they are in a state."""
    for name, position in zip(hand_joint_names(), state.joint_position):
        data.joint(name).qpos = position
    if object_name is not None:
        quaternion = np.empty(4)
        mujoco.mju_mat2Quat(quaternion, state.object_pose[:3, :3].flatten())
        data.joint(object_name).qpos = [*state.object_pose[:3, 3], *quaternion]
    mujoco.mj_forward(model, data)


def camera() -> mujoco.MjvCamera:
    """Return the camera of every picture."""
    view = mujoco.MjvCamera()
    view.lookat, view.distance, view.azimuth, view.elevation = [-0.06, 0.0, 0.13], 0.45, 232, -12  # m, m, degrees
    return view


def visual_options() -> mujoco.MjvOption:
    """Return options that show the visual shapes and hide the collision shapes."""
    options = mujoco.MjvOption()
    options.geomgroup[:] = 0
    options.geomgroup[[0, VISUAL_GROUP]] = 1
    return options


def _opengl_library() -> str:
    if 'MUJOCO_GL' in os.environ:
        return os.environ['MUJOCO_GL']
    found = [name for name, library in _OPENGL_LIBRARIES.items() if ctypes.util.find_library(library)]
    if not found:
        raise GraspDecoderError('no pictures: no OpenGL library was found: install libosmesa6')
    return found[0]
