"""What hand_bridge can send to a robot's controllers beside /hand/joint_targets."""

from __future__ import annotations

import time
from array import array
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

import numpy as np
from action_msgs.msg import GoalStatus
from builtin_interfaces.msg import Duration
from rclpy.action import ActionClient
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from grasp_decoder.control.gripper_goals import GripperGoals
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.nodes.topics import advertise, interface_type
from grasp_decoder.system.interfaces import (
    FORWARD_COMMANDS,
    GRIPPER_COMMAND,
    JOINT_TRAJECTORY,
    PARALLEL_GRIPPER_COMMAND,
    Service,
    Topic,
)
from grasp_decoder.system.node_settings import OutputSettings

RETRY_PERIOD_S = 0.1

Named = TypeVar('Named', Topic, Service)


class HandOutput(Protocol):
    def send(self, angles: np.ndarray, target_aperture: float, safe: bool) -> None:
        """Pass on joint angles (n_joints,) in rad, and the aperture that the hand is on its way to."""


class NoOutput:
    """Only /hand/joint_targets."""

    def send(self, angles: np.ndarray, target_aperture: float, safe: bool) -> None:
        pass


class ForwardCommandOutput:
    """For ros2_controllers' forward_command_controller: positions in the order of /hand/joint_targets."""

    def __init__(self, node: Node, settings: OutputSettings):
        self._publisher = advertise(node, _named(FORWARD_COMMANDS, settings))

    def send(self, angles: np.ndarray, target_aperture: float, safe: bool) -> None:
        self._publisher.publish(Float64MultiArray(data=array('d', angles)))


class JointTrajectoryOutput:
    """For ros2_controllers' joint_trajectory_controller: a trajectory of one point, replaced by the next command."""

    def __init__(self, node: Node, settings: OutputSettings, joints: Sequence[str]):
        self._publisher = advertise(node, _named(JOINT_TRAJECTORY, settings))
        self._joints = list(joints)
        self._time_from_start = Duration(
            nanosec=round(settings.trajectory_s * 1e9) % 1_000_000_000, sec=int(settings.trajectory_s)
        )

    def send(self, angles: np.ndarray, target_aperture: float, safe: bool) -> None:
        point = JointTrajectoryPoint(positions=array('d', angles), time_from_start=self._time_from_start)
        self._publisher.publish(JointTrajectory(joint_names=self._joints, points=[point]))


class GripperOutput:
    """Goals for a gripper's action server; a newer goal preempts the one before it.

    `send` may be called from any thread: the client itself is used by the node's executor alone.
    """

    def __init__(self, node: Node, settings: OutputSettings, action: Service):
        self._node = node
        self._settings = settings
        self._goals = GripperGoals()
        self._action_type = interface_type(action.type)
        self._client = ActionClient(node, self._action_type, _named(action, settings).name)
        self._active = None
        self._waiting = False
        self._wake = node.create_guard_condition(self._work)
        self._timer = node.create_timer(RETRY_PERIOD_S, self._work)

    def send(self, angles: np.ndarray, target_aperture: float, safe: bool) -> None:
        self._goals.want(target_aperture, urgent=safe)
        self._wake.trigger()

    def _work(self):
        if not self._client.server_is_ready():
            if not self._waiting:
                self._node.get_logger().warning('the gripper has no action server yet: goals wait for it')
            self._waiting = True
            return
        self._waiting = False
        aperture = self._goals.next_goal(time.monotonic_ns())
        if aperture is not None:
            self._client.send_goal_async(self._goal(aperture)).add_done_callback(self._answered)

    def _goal(self, aperture):
        settings = self._settings
        position = settings.gripper_open + aperture * (settings.gripper_closed - settings.gripper_open)
        goal = self._action_type.Goal()
        if isinstance(goal.command, JointState):
            goal.command.name = [settings.gripper_joint]
            goal.command.position = [position]
            goal.command.effort = [settings.gripper_max_effort]
        else:
            goal.command.position = position
            goal.command.max_effort = settings.gripper_max_effort
        return goal

    def _answered(self, future):
        handle = future.result()
        if not handle.accepted:
            self._node.get_logger().error('the gripper refused a goal: trying again')
            self._goals.refused(time.monotonic_ns())
            return
        previous, self._active = self._active, handle
        self._goals.accepted()
        if previous is not None:
            previous.cancel_goal_async()  # a server of one goal at a time has done so already
        handle.get_result_async().add_done_callback(lambda result: self._ended(handle, result))
        self._work()

    def _ended(self, handle, future):
        if handle is not self._active:
            return
        self._active = None
        if future.result().status == GoalStatus.STATUS_ABORTED:
            self._node.get_logger().info('the gripper stopped before its goal, as it does on an object')


def make_output(node: Node, settings: OutputSettings, joints: Sequence[str]) -> HandOutput:
    """The output that the parameters ask for. Raises GraspDecoderError when its messages are not installed."""
    if settings.output == 'none':
        return NoOutput()
    if settings.output == 'forward_command':
        return ForwardCommandOutput(node, settings)
    if settings.output == 'joint_trajectory':
        return JointTrajectoryOutput(node, settings, joints)
    action = GRIPPER_COMMAND if settings.output == 'gripper_command' else PARALLEL_GRIPPER_COMMAND
    try:
        return GripperOutput(node, settings, action)
    except ImportError as error:
        raise GraspDecoderError(
            f'output {settings.output} needs the ROS package control_msgs: install ros-jazzy-control-msgs, '
            'or choose another output'
        ) from error


def _named(interface: Named, settings: OutputSettings) -> Named:
    """The topic or action under the name that the settings give it, if they do."""
    return replace(interface, name=settings.output_name or interface.name)
