"""The hand in MuJoCo: embedded, faster than real time, with pictures."""

from __future__ import annotations

from collections.abc import Mapping
import ctypes.util
from functools import lru_cache
import os

import numpy as np

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.hand.objects import grasp_object, object_sdf
from grasp_decoder.hand.sdf import hand_joint_names, hand_model, parse_model
from grasp_decoder.hand.simulator import SimulatedHand

_PICTURE_LIBRARIES = {'egl': 'EGL', 'osmesa': 'OSMesa'}


def _choose_picture_library() -> None:
    """Without a display, let MuJoCo draw with a library that is there; MuJoCo decides when it is imported."""
    if 'MUJOCO_GL' in os.environ or 'DISPLAY' in os.environ:
        return
    found = [name for name, library in _PICTURE_LIBRARIES.items() if ctypes.util.find_library(library)]
    os.environ['MUJOCO_GL'] = found[0] if found else 'disable'


_choose_picture_library()

import mujoco  # noqa: E402

from grasp_decoder.hand.sdf_to_mujoco import SEEN, compile_scene  # noqa: E402

_NO_PICTURES = (
    'MuJoCo cannot draw pictures: no OpenGL library without a display was found; install libosmesa6 or libegl1, '
    'or set MUJOCO_GL to egl, osmesa or glfw'
)


@lru_cache(maxsize=None)
def _scene(object_id: int | None) -> mujoco.MjModel:
    models = [hand_model()]
    if object_id is not None:
        models.append(parse_model(object_sdf(grasp_object(object_id)), f'object {object_id}'))
    return compile_scene(*models)


class MujocoSimulator:
    """`HandSimulator` in this process."""

    def __init__(self, picture_size: tuple[int, int] = (640, 480)):
        """Open the hand over an empty table; pictures are ``(width, height)`` pixels."""
        self.joint_names = hand_joint_names()
        self._picture_size = picture_size
        self._renderer = None
        self._object_id = -1
        self._behind_s = 0.0
        self._enter(_scene(None))

    def _enter(self, model: mujoco.MjModel) -> None:
        self._model, self._data = model, mujoco.MjData(model)
        self._joint_address = np.array([model.joint(name).qposadr[0] for name in self.joint_names])
        self._actuator = {name: model.actuator(name).id for name in self.joint_names}
        if self._renderer:
            self._renderer.close()
            self._renderer = None
        mujoco.mj_forward(model, self._data)

    def set_object(self, object_id: int) -> None:
        """Put this object at its place in reach."""
        before = self._data
        position, velocity = self._hand_motion(before)
        control = before.ctrl.copy()
        self._enter(_scene(object_id))
        self._data.qpos[self._joint_address] = position
        self._data.qvel[: len(velocity)] = velocity
        self._data.ctrl[:] = control
        mujoco.mj_forward(self._model, self._data)
        self._object_id = object_id
        self._body = self._model.body(f'{grasp_object(object_id).name}/object').id
        self._rest_m = float(self._data.xipos[self._body, 2])

    def _hand_motion(self, data: mujoco.MjData) -> tuple[np.ndarray, np.ndarray]:
        count = len(self.joint_names)
        return data.qpos[self._joint_address].copy(), data.qvel[:count].copy()

    def command(self, targets: Mapping[str, float]) -> None:
        """Set joint targets."""
        for name, target in targets.items():
            if name not in self._actuator:
                raise GraspDecoderError(f"joint '{name}' is not one of hand.sdf's: {', '.join(self.joint_names)}")
            self._data.ctrl[self._actuator[name]] = target

    def advance(self, dt_s: float) -> None:
        """Step; what is less than a time step is made up for later."""
        steps, self._behind_s = divmod(self._behind_s + dt_s, self._model.opt.timestep)
        mujoco.mj_step(self._model, self._data, nstep=int(steps))

    def state(self) -> SimulatedHand:
        """Say how things are now."""
        held = self._object_id >= 0
        return SimulatedHand(
            joint_position=self._data.qpos[self._joint_address].copy(),
            object_id=self._object_id,
            contact=held and self._touches_object(),
            lift_m=float(self._data.xipos[self._body, 2]) - self._rest_m if held else 0.0,
        )
    def _touches_object(self) -> bool:
        bodies = self._model.geom_bodyid[self._data.contact.geom[: self._data.ncon]]
        return bool(np.any((bodies == self._body).any(axis=1) & (bodies != 0).all(axis=1)))

    def render(self) -> np.ndarray:
        """Take a picture from the thumb's side."""
        if self._renderer is None:
            try:
                width, height = self._picture_size
                self._renderer = mujoco.Renderer(self._model, height, width)
            except Exception as error:  # whatever a missing or failing OpenGL raises; it differs by library
                raise GraspDecoderError(f'{_NO_PICTURES} ({error})') from error
        self._renderer.update_scene(self._data, _camera(), _shown())
        return self._renderer.render().copy()

    def close(self) -> None:
        """Free the picture library's memory."""
        if self._renderer:
            self._renderer.close()
            self._renderer = None


def _camera() -> mujoco.MjvCamera:
    camera = mujoco.MjvCamera()
    camera.lookat, camera.distance, camera.azimuth, camera.elevation = [-0.05, 0.0, 0.12], 0.5, 225, -14
    return camera


def _shown() -> mujoco.MjvOption:
    """Show visuals, not collision shapes."""
    shown = mujoco.MjvOption()
    shown.geomgroup[:] = 0
    shown.geomgroup[[0, SEEN]] = 1
    return shown
