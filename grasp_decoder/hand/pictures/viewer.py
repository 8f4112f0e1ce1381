# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""A window that shows the hand of any simulator as it moves, drawn by MuJoCo in a process of its own.

``python -m grasp_decoder.hand.pictures.viewer CATALOGUE`` reads states from its standard input, as `Viewer` writes
them: float64 numbers, the object's id, the joint positions and the object's pose, row by row.
"""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np

from grasp_decoder.child_process import prepare_child
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.hand.sdf import hand_joint_names
from grasp_decoder.hand.state import SimulatorState
from grasp_decoder.objects import GraspObject, load_objects

_JOINTS = len(hand_joint_names())
_STATE_BYTES = 8 * (1 + _JOINTS + 16)  # few enough for a pipe to take all or none of them
_PERIOD_S = 0.04  # between two states that are shown
_OUT_OF_SIGHT_M = np.array([0.0, 0.0, -9.0])  # where the objects are that are not in reach
_NOT_LISTED = GraspObject(-1, 'not listed')


class Viewer:
    """Shows states in a window of another process; the simulation never waits for it."""

    def __init__(self, catalogue: str = ''):
        """Open the window.

        Args:
            catalogue: file of the objects that come into reach; the package's own by default.

        Raises:
            GraspDecoderError: there is no display.
        """
        if not (os.environ.get('DISPLAY') or os.environ.get('WAYLAND_DISPLAY')):
            raise GraspDecoderError('no viewer: there is no display (DISPLAY is not set)')
        self._since_s = 0.0
        self._process = subprocess.Popen(
            [sys.executable, '-m', __name__, catalogue],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=prepare_child,
        )
        os.set_blocking(self._process.stdin.fileno(), False)

    def show(self, state: SimulatorState, dt_s: float) -> None:
        """Take the state after another ``dt_s`` seconds. Raises `GraspDecoderError` when the window was closed."""
        self._since_s += dt_s
        if self._since_s < _PERIOD_S:
            return
        self._since_s = 0.0
        numbers = np.array([state.object_id, *state.joint_position, *state.object_pose.ravel()], np.float64)
        try:
            os.write(self._process.stdin.fileno(), numbers.tobytes())
        except BlockingIOError:
            pass  # the window has not shown the last ones yet: it gets a later one
        except BrokenPipeError:
            words = self._process.stderr.read().decode(errors='replace').strip().split('\n')
            raise GraspDecoderError(f'no viewer any more: {words[-1] or "its window was closed"}') from None

    def close(self) -> None:
        """Close the window."""
        self._process.stdin.close()
        self._process.wait()
        self._process.stderr.close()


def _view(catalogue: str) -> None:
    """Show the states that come in, until they end or the window is closed."""
    import mujoco.viewer

    from grasp_decoder.hand.mujoco.scene import compile_scene
    from grasp_decoder.hand.object_models import object_model, object_sdf
    from grasp_decoder.hand.pictures.drawing import camera, set_state, visual_options
    from grasp_decoder.hand.sdf import hand_model, parse_model

    objects = load_objects(catalogue)
    models = {each.object_id: object_model(each) for each in (*objects.objects, _NOT_LISTED)}
    model = compile_scene(hand_model(), *(parse_model(object_sdf(each), each.name) for each in models.values()))
    model.geom_contype[:] = model.geom_conaffinity[:] = 0  # nothing collides
    data = mujoco.MjData(model)
    with mujoco.viewer.launch_passive(model, data, show_left_ui=False, show_right_ui=False) as window:
        with window.lock():
            for name in ('lookat', 'distance', 'azimuth', 'elevation'):
                setattr(window.cam, name, getattr(camera(), name))
            window.opt.geomgroup[:] = visual_options().geomgroup
        while window.is_running() and (state := _newest_state()) is not None:
            with window.lock():
                for each in models.values():
                    data.joint(each.name).qpos[:3] = _OUT_OF_SIGHT_M
                shown = models.get(objects.copies.get(state.object_id, state.object_id), models[_NOT_LISTED.object_id])
                set_state(model, data, state, shown.name if state.grasp_object else None)
            window.sync()


def _newest_state() -> SimulatorState | None:
    """Wait for states and return the last that has come; None at the end."""
    received = os.read(sys.stdin.fileno(), 1000 * _STATE_BYTES)
    if not received:
        return None
    numbers = np.frombuffer(received[-_STATE_BYTES:])
    return SimulatorState(
        joint_position=numbers[1 : 1 + _JOINTS],
        grasp_object=GraspObject(int(numbers[0]), '') if numbers[0] >= 0 else None,
        contact=False,
        lift_m=0.0,
        object_pose=numbers[1 + _JOINTS :].reshape(4, 4),
    )


if __name__ == '__main__':
    _view(sys.argv[1])
