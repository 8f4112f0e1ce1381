# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The hand in MuJoCo, simulated in this process and faster than real time."""

from __future__ import annotations

from collections.abc import Mapping

import mujoco
import numpy as np

from grasp_decoder.hand.mujoco.scene import hand_scene
from grasp_decoder.hand.object_models import object_model
from grasp_decoder.hand.sdf import hand_joint_names, require_joints
from grasp_decoder.hand.state import SimulatorState
from grasp_decoder.objects import GraspObject


class MujocoSimulator:
    """`HandSimulator` in this process; it passes ``test/hand/test_simulators.py``."""

    def __init__(self, speed: float = 1.0):
        """Start with the hand over an empty table. ``speed`` has no effect: there is no clock but `advance`."""
        self.joint_names = hand_joint_names()
        self._object: GraspObject | None = None
        self._behind_s = 0.0  # less than a time step: asked for, not yet simulated
        self._load(hand_scene(None))

    def _load(self, model: mujoco.MjModel) -> None:
        self._model, self._data = model, mujoco.MjData(model)
        self._joint_address = np.array([model.joint(name).qposadr[0] for name in self.joint_names])
        self._actuator = {name: model.actuator(name).id for name in self.joint_names}
        mujoco.mj_forward(model, self._data)

    def set_object(self, thing: GraspObject) -> None:
        """Put this object at its place in reach."""
        before, joints = self._data, len(self.joint_names)
        position = before.qpos[self._joint_address]
        self._load(hand_scene(thing))
        self._data.qpos[self._joint_address] = position
        self._data.qvel[:joints] = before.qvel[:joints]
        self._data.ctrl[:] = before.ctrl
        mujoco.mj_forward(self._model, self._data)
        self._object = thing
        self._body = self._model.body(f'{object_model(thing).name}/object').id
        self._rest_m = float(self._data.xipos[self._body, 2])

    def command(self, targets: Mapping[str, float]) -> None:
        """Set joint targets."""
        require_joints(targets)
        for name, target in targets.items():
            self._data.ctrl[self._actuator[name]] = target

    def advance(self, dt_s: float) -> None:
        """Step; what is less than a time step is made up for later."""
        steps, self._behind_s = divmod(self._behind_s + dt_s, self._model.opt.timestep)
        mujoco.mj_step(self._model, self._data, nstep=int(steps))

    def state(self) -> SimulatorState:
        """Return the state of the hand and its object now."""
        has_object = self._object is not None
        return SimulatorState(
            joint_position=self._data.qpos[self._joint_address].copy(),
            grasp_object=self._object,
            contact=has_object and self._touches_object(),
            lift_m=float(self._data.xipos[self._body, 2]) - self._rest_m if has_object else 0.0,
            object_pose=self._object_pose() if has_object else np.eye(4),
        )

    def _object_pose(self) -> np.ndarray:
        pose = np.eye(4)
        pose[:3, :3] = self._data.xmat[self._body].reshape(3, 3)
        pose[:3, 3] = self._data.xpos[self._body]
        return pose

    def _touches_object(self) -> bool:
        bodies = self._model.geom_bodyid[self._data.contact.geom[: self._data.ncon]]
        return bool(np.any((bodies == self._body).any(axis=1) & (bodies != 0).all(axis=1)))

    def close(self) -> None:
        """Do nothing: no process was started."""
