# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""One whole grasp in a simulator: open, preshape, close, lift, hold, release."""

from dataclasses import dataclass

import numpy as np

from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.control.joint_targets import JointTargets
from grasp_decoder.hand.rig import GraspRig
from grasp_decoder.objects import load_objects
from grasp_decoder.types.hand_command import HandCommand, HandMode

STEP_S = 0.01
STEPS_PER_COMMAND = 4


@dataclass
class Grasp:
    """How a grasp went.

    Attributes:
        held: heights of the object (m) in each step of the second after the lift.
        touched: whether a finger touched the object at the end of this second.
        released: height of the object (m) after the release.
    """

    held: np.ndarray
    touched: bool
    released: float


def grasp(simulator, object_id, grip, close_s=0.35, rate=1.0) -> Grasp:
    """Run the phases of a trial, with the motion limits of the grip table.

    ``rate`` is what a busy machine leaves of real time: seconds of simulation in a second of commands.
    """
    rig, targets = GraspRig(simulator, load_objects()), JointTargets(load_grip_table())
    now_ns = 0

    def run(mode, aperture, duration_s):
        nonlocal now_ns
        lifts = []
        rig.set_mode(mode)
        for step in range(round(duration_s / STEP_S)):
            now_ns += round(STEP_S * 1e9)
            if step % STEPS_PER_COMMAND == 0:
                command = HandCommand(now_ns, now_ns, mode, grip, aperture, 'test')
                rig.command(dict(zip(targets.names, targets.step(command, now_ns))))
            lifts.append(rig.advance(STEP_S * rate).lift_m)
        return np.array(lifts)

    run(HandMode.OPEN, 0.0, 0.5 / rate)
    rig.place(object_id)
    run(HandMode.OPEN, 0.0, 0.3 / rate)
    run(HandMode.PRESHAPE, 0.25, 0.3)
    run(HandMode.CLOSE, 1.0, close_s)
    held = run(HandMode.HOLD, 1.0, 1.3)
    touched = simulator.state().contact
    released = run(HandMode.OPEN, 0.0, 2.0 / rate)
    return Grasp(held[round(0.25 / STEP_S) :], touched, released[-1])
