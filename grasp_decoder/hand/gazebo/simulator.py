# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The hand in Gazebo Classic 11: a gzserver of our own, without a window, that steps when it is told to."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from contextlib import ExitStack, closing

import numpy as np

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.hand.gazebo.ignition_caller import IgnitionCaller
from grasp_decoder.hand.gazebo.ignition_publisher import IgnitionPublisher
from grasp_decoder.hand.gazebo.kinematics import HandKinematics
from grasp_decoder.hand.gazebo.messages import JointCmd, StringMsg
from grasp_decoder.hand.gazebo.server import TIMESTEP_S
from grasp_decoder.hand.gazebo.world import TIMEOUT_S, GazeboWorld
from grasp_decoder.hand.object_models import object_model, object_sdf
from grasp_decoder.hand.sdf import Model, hand_joint_names, hand_model, parse_model, require_joints
from grasp_decoder.hand.state import SimulatorState
from grasp_decoder.objects import GraspObject

_RESEND_S = 0.5  # between two times that all targets and gains are sent, so that none is lost for good


class GazeboSimulator:
    """`HandSimulator` on a gzserver that it starts and ends.

    Gazebo's clock stands still but in `advance` and `set_object`, and no step begins before the hand has its targets:
    how fast the machine is does not change what happens in the physics. It passes ``test/hand/test_simulators.py``.
    """

    def __init__(self, speed: float = 1.0):
        """Start gzserver, fast enough to simulate ``speed`` seconds in one, and wait until the hand takes commands."""
        self.joint_names = hand_joint_names()
        self._hand = hand_model()
        self._kinematics = HandKinematics(self._hand)
        self._at_rest = {f'{self._hand.name}::{link.name}': link.pose.matrix() for link in self._hand.links}
        self._at_rest[self._hand.name] = self._hand.pose.matrix()
        self._targets = dict.fromkeys(self.joint_names, 0.0)
        self._newest: str | None = None  # the joint whose target was sent last, until gzserver is known to have it
        self._sent_s = 0.0  # monotonic
        self._behind_s = 0.0  # asked for, not yet simulated
        self._object: GraspObject | None = None
        self._model: Model | None = None  # of the object
        self._insertions = itertools.count(1)
        with ExitStack() as started:
            self._world = started.enter_context(closing(GazeboWorld(speed)))
            self._commands = started.enter_context(
                closing(IgnitionPublisher(self._world.server.partition, f'/{self._hand.name}/joint_cmd', JointCmd))
            )
            self._known = started.enter_context(
                closing(
                    IgnitionCaller(
                        self._world.server.partition, f'/{self._hand.name}/joint_cmd_req', StringMsg, JointCmd
                    )
                )
            )
            self._world.wait_until(self._commands.new_subscribers, 'the hand in gzserver takes no commands')
            self._world.wait_until(self._known.is_found, 'the hand in gzserver tells no targets')
            self._world.step(1)
            self._started = started.pop_all()

    @property
    def server_pid(self) -> int:
        """Process id of gzserver."""
        return self._world.server.pid

    def set_object(self, thing: GraspObject) -> None:
        """Put this object at its place in reach."""
        if self._model:
            self._world.delete_model(self._model.name)
            del self._at_rest[self._model.name]
        model = object_model(thing)
        # Gazebo would take a model for the one of the same name before it.
        name = f'{model.name}_{next(self._insertions)}'
        sdf = object_sdf(model).replace(f'name="{model.name}"', f'name="{name}"')
        self._world.insert_model(name, sdf)
        self._object, self._model = thing, parse_model(sdf, name)
        self._at_rest[name] = self._model.pose.matrix()

    def command(self, targets: Mapping[str, float]) -> None:
        """Set joint targets."""
        require_joints(targets)
        changed = {name: float(target) for name, target in targets.items() if target != self._targets[name]}
        self._targets.update(changed)
        self._send(changed)

    def advance(self, dt_s: float) -> None:
        """Step; what is less than a time step is made up for later."""
        self._behind_s += dt_s
        self._send_anew()
        steps = int(self._behind_s // TIMESTEP_S)
        if steps > 0:
            self._wait_for_targets()
            self._behind_s -= self._world.step(steps) * TIMESTEP_S

    def state(self) -> SimulatorState:
        """Return the state of the hand and its object now."""
        hand, model = self._hand.name, self._model
        poses = self._world.transforms(self._at_rest)
        object_pose, lift_m = np.eye(4), 0.0
        if model:
            object_pose = poses[model.name]
            centre_of_mass = np.array([*model.links[0].centre_of_mass, 1.0])
            lift_m = float(((object_pose - self._at_rest[model.name]) @ centre_of_mass)[2])
        return SimulatorState(
            joint_position=self._kinematics.joint_positions(
                {link.name: poses[hand] @ poses[f'{hand}::{link.name}'] for link in self._hand.links}
            ),
            grasp_object=self._object,
            contact=model is not None and self._world.in_contact(hand, model.name),
            lift_m=lift_m,
            object_pose=object_pose,
        )

    def close(self) -> None:
        """End gzserver."""
        self._started.close()

    def _send_anew(self) -> None:
        """Send all targets and gains again when the last time is long ago, or to a hand that knows none of them."""
        now_s = time.monotonic()
        if self._commands.new_subscribers() or now_s - self._sent_s > _RESEND_S:
            self._sent_s = now_s
            self._send(self._targets, with_gains=True)

    def _wait_for_targets(self) -> None:
        """Wait until gzserver has the newest target, and so all: targets and orders to step come on different ways."""
        deadline_s = time.monotonic() + TIMEOUT_S
        while self._newest:
            self._world.server.check()
            known = self._known.call(StringMsg(data=f'{self._hand.name}::{self._newest}'), _RESEND_S) or JointCmd()
            has_target = known.position.HasField('target_optional')
            if has_target and known.position.target_optional.data == self._targets[self._newest]:
                self._newest = None
            elif time.monotonic() > deadline_s:
                raise GraspDecoderError(f'gzserver does not take the target of {self._newest} (waited {TIMEOUT_S:g} s)')
            else:
                self._send_anew()

    def _send(self, targets: Mapping[str, float], with_gains: bool = False) -> None:
        """Send targets of joints, and with them the gains and effort limits of their controllers."""
        for joint in self._hand.joints:
            if joint.name in targets:
                message = JointCmd(name=f'{self._hand.name}::{joint.name}')
                message.position.target_optional.data = targets[joint.name]
                if with_gains:
                    message.position.p_gain_optional.data = joint.stiffness
                    message.position.i_gain_optional.data = 0.0
                    message.position.d_gain_optional.data = 0.0
                    message.position.limit_optional.data = joint.effort
                self._commands.publish(message)
                self._newest = joint.name
