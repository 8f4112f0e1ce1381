# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What hand_bridge, or a guard behind it, can send to a robot's controllers in addition to joint targets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from builtin_interfaces.msg import Duration
from rclpy.node import Node
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from grasp_decoder.control.hand_commander import Order
from grasp_decoder.control.joint_targets import Angles
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.nodes.gripper_output import GripperOutput
from grasp_decoder.nodes.topics import advertise
from grasp_decoder.system.interfaces import (
    FORWARD_COMMANDS,
    GRIPPER_COMMAND,
    JOINT_TRAJECTORY,
    PARALLEL_GRIPPER_COMMAND,
    Topic,
)
from grasp_decoder.system.node_settings import ControllerSettings, OutputSettings


class HandOutput(Protocol):
    def send(self, order: Order) -> None:
        """Pass an order on."""


class NoOutput:
    """Only /hand/joint_targets."""

    def send(self, order: Order) -> None:
        pass


class ControllerOutput(ABC):
    """For a controller that takes joint angles."""

    def send(self, order: Order) -> None:
        self.command(order.angles)

    @abstractmethod
    def command(self, angles: Angles) -> None:
        """Send the joints to these angles (n_joints,) in rad, in the order of /hand/joint_targets."""


class ForwardCommandOutput(ControllerOutput):
    """For ros2_controllers' forward_command_controller: positions in the order of /hand/joint_targets."""

    def __init__(self, node: Node, settings: ControllerSettings):
        self._publisher = advertise(node, _named(FORWARD_COMMANDS, settings))

    def command(self, angles: Angles) -> None:
        self._publisher.publish(Float64MultiArray(data=array('d', angles)))


class JointTrajectoryOutput(ControllerOutput):
    """For ros2_controllers' joint_trajectory_controller: a trajectory of one point, replaced by the next command."""

    def __init__(self, node: Node, settings: ControllerSettings, joints: Sequence[str]):
        self._publisher = advertise(node, _named(JOINT_TRAJECTORY, settings))
        self._joints = list(joints)
        self._time_from_start = Duration(
            nanosec=round(settings.trajectory_s * 1e9) % 1_000_000_000, sec=int(settings.trajectory_s)
        )

    def command(self, angles: Angles) -> None:
        point = JointTrajectoryPoint(positions=array('d', angles), time_from_start=self._time_from_start)
        self._publisher.publish(JointTrajectory(joint_names=self._joints, points=[point]))


def make_controller_output(node: Node, settings: ControllerSettings, joints: Sequence[str]) -> ControllerOutput | None:
    """The controller that the parameters ask for; None for no controller."""
    if settings.output == 'forward_command':
        return ForwardCommandOutput(node, settings)
    if settings.output == 'joint_trajectory':
        return JointTrajectoryOutput(node, settings, joints)
    return None


def make_output(node: Node, settings: OutputSettings, joints: Sequence[str]) -> HandOutput:
    """The output that the parameters ask for. Raises GraspDecoderError when its messages are not installed."""
    if settings.output == 'none':
        return NoOutput()
    controller = make_controller_output(node, settings, joints)
    if controller is not None:
        return controller
    action = GRIPPER_COMMAND if settings.output == 'gripper_command' else PARALLEL_GRIPPER_COMMAND
    try:
        return GripperOutput(node, settings, action)
    except ImportError as error:
        raise GraspDecoderError(
            f'output {settings.output} needs the ROS package control_msgs: install ros-jazzy-control-msgs, '
            'or choose another output'
        ) from error


def _named(topic: Topic, settings: ControllerSettings) -> Topic:
    """The topic under the name that the settings give it, if they do."""
    return replace(topic, name=settings.output_name or topic.name)
