# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""A hand that is simulated, or real, behind ROS topics: Gazebo Sim Harmonic through ros_gz_bridge, or a driver."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from geometry_msgs.msg import Pose
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.hand.sdf import hand_joint_names, require_joints
from grasp_decoder.hand.state import SimulatorState
from grasp_decoder.hand.transforms import from_quaternion
from grasp_decoder.nodes.topics import advertise, subscribe
from grasp_decoder.objects import GraspObject
from grasp_decoder.system.interfaces import GAZEBO_JOINT_STATES, GAZEBO_OBJECT_POSE, GAZEBO_TARGET

_TOUCHED_M = 0.001


class RosSimulator:
    """`HandSimulator` whose physics run elsewhere, in their own time.

    Out: ``gazebo/JOINT/target`` for each joint. In: ``gazebo/joint_states``, ``gazebo/object_pose``. The object
    already stands there: `set_object` notes which one it is, and takes its present height for that of its rest.
    """

    def __init__(self, node: Node):
        """Use ``node``'s topics; whoever spins it receives."""
        self.joint_names = hand_joint_names()
        self._object: GraspObject | None = None
        self._position = dict.fromkeys(self.joint_names, 0.0)
        self._object_pose = np.eye(4)
        self._rest_m = 0.0
        self._targets = {name: advertise(node, GAZEBO_TARGET.of_joint(name)) for name in self.joint_names}
        subscribe(node, GAZEBO_JOINT_STATES, self._on_joint_states)
        subscribe(node, GAZEBO_OBJECT_POSE, self._on_object_pose)

    def set_object(self, thing: GraspObject) -> None:
        """Take the object that stands there for this one."""
        self._object = thing
        self._rest_m = self._object_pose[2, 3]

    def command(self, targets: Mapping[str, float]) -> None:
        """Set joint targets."""
        require_joints(targets)
        for name, target in targets.items():
            self._targets[name].publish(Float64(data=float(target)))

    def advance(self, dt_s: float) -> None:
        """Time passes by itself."""

    def state(self) -> SimulatorState:
        """Return what was received last. An object above its rest counts as touched."""
        lift_m = float(self._object_pose[2, 3] - self._rest_m)
        return SimulatorState(
            joint_position=np.array(list(self._position.values())),
            grasp_object=self._object,
            contact=lift_m > _TOUCHED_M,
            lift_m=lift_m,
            object_pose=self._object_pose,
        )

    def close(self) -> None:
        """Leave the hand where it is."""

    def _on_joint_states(self, message: JointState) -> None:
        heard = zip(message.name, message.position)
        self._position.update((name, position) for name, position in heard if name in self._position)

    def _on_object_pose(self, pose: Pose) -> None:
        at, turn = pose.position, pose.orientation
        quaternion = turn.x, turn.y, turn.z, turn.w
        if not any(quaternion):
            raise GraspDecoderError('gazebo/object_pose: the orientation of the object is a quaternion of zeros')
        self._object_pose = from_quaternion((at.x, at.y, at.z), quaternion)
